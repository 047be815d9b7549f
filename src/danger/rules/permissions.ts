import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { ANY, SEGMENT } from '../shell/value.js';
import type { agentRules } from './agent.js';
import { type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Permissions and owners of files. */
export const permissionRules = {
  'permissions.open': {
    level: 'critical',
    about: 'lets everybody change all files of a folder; a warning for a single file',
    matches: ['chmod -R 777 .', 'chmod -R a+rwx src'],
    warns: ['chmod 777 run.sh'],
    spares: ['chmod +x run.sh', 'chmod -R 755 dist', 'chmod -R 777 /tmp/x'],
  },
  'permissions.system': {
    level: 'critical',
    about: 'changes the permissions or the owner of what belongs to the system',
    matches: ['chmod 600 /etc/passwd', 'chown node /etc/shadow'],
    spares: ['chmod 600 key.pem', 'ls -l /etc/passwd'],
  },
  'permissions.setuid': {
    level: 'critical',
    about: 'makes a program outside the workspace run with the rights of its owner',
    matches: ['chmod u+s /srv/app/tool'],
    spares: ['chmod u+x tool'],
  },
  'permissions.tree': {
    level: 'critical',
    about: 'changes permissions or owners of everything below a folder outside the workspace',
    matches: ['chown -R node /', 'chmod -R u+x /etc', 'chown -R node:node /usr/local'],
    spares: ['chmod -R u+x scripts', 'chown node a.txt'],
  },
  'permissions.owner': {
    level: 'warning',
    about: 'changes the owner of all files of a folder',
    matches: ['chown -R node:node .'],
    spares: ['chown node a.txt'],
  },
  'permissions.unresolved': {
    level: 'critical',
    about: 'changes permissions of a folder that is only known when the command runs',
    matches: ['chmod -R u+x $DIR'],
    spares: ['chmod u+x $FILE'],
  },
  'permissions.elevate': {
    level: 'warning',
    about: 'runs a command with the rights of another user',
    matches: ['sudo ls', 'su -c ls'],
    spares: ['which sudo', 'echo sudo'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof permissionRules & typeof agentRules>();

export const permissionFinders: Finders = [
  ['chmod gchmod', rateChmod],
  ['chown chgrp gchown', rateChown],
  ['setfacl chattr', rateAttributes],
  ['sudo doas pkexec su runuser', () => warning('permissions.elevate', 'Runs with the rights of another user.')],
];

const OPEN_TO_ALL = /^(0?[0-7]?777|0?[0-7]?666|a[+=]\w*w\w*|o[+=]\w*w\w*|\+\w*w\w*|ugo[+=]\w*w\w*)$/;
const SET_USER = /^([1-7][0-7]{3}|0[2467][0-7]{3}|[ugoa]*[+=]\w*s\w*)$/;

export function rateChmod(command: ShellCommand, places: Places): Danger | undefined {
  const { args, scope } = command;
  const options = new Options(
    args.filter((arg) => !/^-[rwxXst]+$/.test(arg)),
    ['reference'],
  );
  const [mode = '', ...targets] =
    options.value('reference') === undefined ? options.operands : ['', ...options.operands];
  const recursive = options.has('R', 'recursive');
  return worst(targets, (target) => {
    const path = resolvePath(target, scope.cwd);
    if (places.isGuard(path)) return critical('agent.guard', "Changes what belongs to this session's guard.");
    if (recursive) {
      const whole = rateWholeTree(path, places);
      if (whole) return whole;
      if (OPEN_TO_ALL.test(mode) && !places.isTemporary(path))
        return critical(
          'permissions.open',
          `Lets everybody change all files in ${shown(path)}; give the rights that are needed.`,
        );
      return undefined;
    }
    if (places.isSystem(path))
      return critical('permissions.system', `Changes the permissions of ${shown(path)}, which belongs to the system.`);
    if (SET_USER.test(mode) && places.isOutside(path))
      return critical('permissions.setuid', `Makes ${shown(path)} run with the rights of its owner.`);
    return OPEN_TO_ALL.test(mode) ? warning('permissions.open', `Lets everybody change ${shown(path)}.`) : undefined;
  });
}

export function rateChown(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['reference', 'from']);
  const [, ...targets] = options.value('reference') === undefined ? options.operands : ['', ...options.operands];
  const recursive = options.has('R', 'recursive');
  return worst(targets, (target) => {
    const path = resolvePath(target, command.scope.cwd);
    if (places.isGuard(path)) return critical('agent.guard', "Changes what belongs to this session's guard.");
    if (recursive)
      return (
        rateWholeTree(path, places) ?? warning('permissions.owner', `Changes the owner of all files in ${shown(path)}.`)
      );
    return places.isSystem(path)
      ? critical('permissions.system', `Changes the owner of ${shown(path)}, which belongs to the system.`)
      : undefined;
  });
}

function rateWholeTree(path: string, places: Places): Danger | undefined {
  if (places.isTemporary(path) || places.isInWorkspace(path)) return undefined;
  if (places.isUnknown(path))
    return path === ANY
      ? critical(
          'permissions.unresolved',
          'Which permissions change is only known when the command runs; name the folder.',
        )
      : undefined;
  return critical(
    'permissions.tree',
    `Changes permissions or owner of everything below ${shown(path)}, which is outside the workspace.`,
  );
}

export function rateAttributes(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['m', 'x', 'p', 'modify', 'remove']);
  return worst(options.operands, (target) => {
    const path = resolvePath(target, command.scope.cwd);
    if (target.startsWith('+') || target.startsWith('-') || path.includes(SEGMENT)) return undefined;
    return places.isSystem(path) || (options.has('R', 'recursive') && places.isOutside(path))
      ? critical('permissions.system', `Changes the attributes of ${shown(path)}.`)
      : undefined;
  });
}
