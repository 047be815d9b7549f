import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { baseName, resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { ANY, SEGMENT } from '../shell/value.js';
import type { agentRules } from './agent.js';
import { type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Deletions of named files and folders. */
export const deletionRules = {
  'delete.root': {
    level: 'critical',
    about: 'deletes the whole file system',
    matches: ['rm -rf /', 'rm -rf /*', 'sudo rm -rf --no-preserve-root /', 'bash -c "rm -rf /"'],
    spares: ['rm -rf /tmp/build', 'rm -rf ./*', 'echo "rm -rf /"'],
  },
  'delete.home': {
    level: 'critical',
    about: 'deletes the home folder, or a file that the shell or the keys of the user depend on',
    matches: ['rm -rf ~', 'rm -rf "$HOME"/*', 'rm -f ~/.bashrc'],
    spares: ['rm -rf ~/.cache/pip', 'rm -f notes.txt'],
  },
  'delete.system': {
    level: 'critical',
    about: 'deletes what belongs to the system',
    matches: ['rm -rf /usr/lib', 'rm /etc/hosts', 'rm -rf /var/lib/docker'],
    spares: ['rm -rf /workspace/etc/cache', 'rm -f /tmp/hosts'],
  },
  'delete.outside-workspace': {
    level: 'critical',
    about: 'deletes a folder outside the workspace; a warning for a single file',
    matches: ['rm -rf ../other', 'rm -rf /srv/app', 'find /srv -name "*.log" -delete'],
    warns: ['rm /srv/app/notes.txt'],
    spares: ['rm -rf /tmp/work', 'rm -rf node_modules'],
  },
  'delete.workspace': {
    level: 'critical',
    about: 'deletes the whole workspace; a warning for the files of its top folder',
    matches: ['rm -rf /workspace', 'rm -rf .', 'rm -rf ./*'],
    warns: ['rm -f *'],
    spares: ['rm -rf dist', 'rm -f package-lock.json'],
  },
  'delete.repository': {
    level: 'critical',
    about: "deletes the repository's history; a warning for a single file of git's own",
    matches: ['rm -rf .git', 'rm -rf .git/objects', 'find . -name .git -exec rm -rf {} +'],
    warns: ['rm .git/HEAD'],
    spares: ['rm -f .git/index.lock', 'rm -f .gitignore'],
  },
  'delete.recursive': {
    level: 'critical',
    about: 'deletes a folder of the workspace; a warning if its name looks like the name of a file',
    matches: [
      'rm -rf src',
      'cd test && rm -r fixtures',
      'npx rimraf docs',
      'python3 -c "import shutil; shutil.rmtree(\'src\')"',
    ],
    warns: ['rm -rf old.md'],
    spares: ['rm src/a.ts', 'rm -rf node_modules dist', 'git rm -r --cached src'],
  },
  'delete.build-output': {
    level: 'critical',
    about:
      'deletes a folder that holds sources in some projects and build output in others; a warning if the same command builds it again',
    matches: ['rm -rf lib', 'rm -rf public'],
    warns: ['rm -rf lib && npm run build'],
    spares: ['rm -rf dist', 'rm -rf build', 'rm -rf lib/cache'],
  },
  'delete.build-part': {
    level: 'recoverable',
    about: 'deletes a part of such a folder',
    matches: ['rm -rf lib/generated-code', 'rm -rf vendor/package'],
    spares: ['rm -rf lib', 'rm -rf src/lib2'],
  },
  'delete.generated': {
    level: 'warning',
    about: 'deletes a folder with the name of a generated one in a place that is only known when the command runs',
    matches: ['rm -rf "$PROJECT/node_modules"'],
    spares: ['rm -rf node_modules', 'rm -rf packages/*/dist'],
  },
  'delete.unresolved': {
    level: 'critical',
    about: 'deletes recursively what is only known when the command runs',
    matches: ['rm -rf "$TARGET"', 'rm -rf $(cat list.txt)', 'ls | xargs rm -rf'],
    spares: ['dir=dist; rm -rf "$dir"', 'rm -f "$FILE"'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof deletionRules & typeof agentRules>();

export const deletionFinders: Finders = [
  ['rm grm srm', rateRm],
  ['rimraf del-cli', rateAlwaysRecursive],
  ['unlink', (command, places) => worst(command.args, (target) => rateFile(target, command, places))],
];

function rateRm(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args);
  if (options.has('help', 'version')) return undefined;
  const recursive = options.has('r', 'R', 'recursive');
  if (recursive && options.operands.length === 0) {
    return critical(
      'delete.unresolved',
      'Deletes folders whose names are only known when the command runs; name the folder.',
    );
  }
  return worst(options.operands, (target) =>
    recursive ? rateTree(target, command, places) : rateFile(target, command, places),
  );
}

function rateAlwaysRecursive(command: ShellCommand, places: Places): Danger | undefined {
  return worst(new Options(command.args).operands, (target) => rateTree(target, command, places));
}

const BUILD_RULES = { whole: 'delete.build-output', part: 'delete.build-part' } as const;

/** The path that a target names. If a slash follows the name of a link, the link's target is meant. */
export function reached(target: string, scope: Scope): string {
  const path = resolvePath(target, scope.cwd);
  return /\/\.?$/.test(target) ? scope.followed(`${path}/.`).replace(/\/\.$/, '') || '/' : scope.followed(path);
}

/** Rates the deletion of a folder with everything in it. */
export function rateTree(target: string, { scope }: ShellCommand, places: Places): Danger | undefined {
  if (target === '') return undefined;
  const path = reached(target, scope);
  if (places.isTemporary(path) || places.isIgnored(path)) return undefined;
  if (places.isRegenerated(path)) {
    return places.isUnknown(path)
      ? warning('delete.generated', 'Deletes a generated folder in a place that is not known.')
      : undefined;
  }
  if (places.isUnknown(path)) {
    return critical(
      'delete.unresolved',
      'Which folder is deleted is only known when the command runs; name the folder.',
    );
  }
  if (places.isGuard(path)) return critical('agent.guard', "Deletes what belongs to this session's guard.");
  if (path === '/' || path === `/${SEGMENT}` || path === `/${ANY}`)
    return critical('delete.root', 'Deletes the whole file system.');
  if (path === places.home || path === `${places.home}/${SEGMENT}`)
    return critical('delete.home', 'Deletes the home folder.');
  if (places.isSystem(path)) return critical('delete.system', `Deletes ${shown(path)}, which belongs to the system.`);
  if (!places.isInWorkspace(path)) {
    return critical(
      'delete.outside-workspace',
      `Deletes ${shown(path)}, which is outside the workspace; keep to the workspace and to folders below /tmp.`,
    );
  }
  if (path === places.workspace || path === `${places.workspace}/${SEGMENT}`) {
    return critical('delete.workspace', 'Deletes the whole workspace; delete the single folders that are not needed.');
  }
  if (path.includes('/.git/') || baseName(path) === '.git')
    return critical('delete.repository', "Deletes the repository's history.");
  if (places.isFileName(path)) return warning('delete.recursive', `Deletes ${shown(path)}.`);
  const rebuilt = places.isRebuilt(path);
  const rule = rebuilt ? BUILD_RULES[rebuilt] : 'delete.recursive';
  return critical(
    rule,
    `Deletes ${shown(path)} with all that is in it; use git rm -r for what is committed, and rm -f for single files.`,
  );
}

function rateFile(target: string, { scope }: ShellCommand, places: Places): Danger | undefined {
  if (target === '' || target.startsWith('-')) return undefined;
  const path = scope.followed(resolvePath(target, scope.cwd));
  if (places.isTemporary(path) || places.isUnknown(path)) return undefined;
  if (places.isGuard(path)) return critical('agent.guard', "Deletes what belongs to this session's guard.");
  if (places.isSystem(path) || path.startsWith(`/${ANY}`)) {
    return critical('delete.system', `Deletes ${shown(path)}, which belongs to the system.`);
  }
  if (places.isStartup(path))
    return critical('delete.home', `Deletes ${shown(path)}, which the user's shell or keys depend on.`);
  if (places.isOutside(path))
    return warning('delete.outside-workspace', `Deletes ${shown(path)}, which is outside the workspace.`);
  if (path.includes('/.git/') && !path.endsWith('.lock'))
    return warning('delete.repository', "Deletes a file of git's own.");
  return path === `${places.workspace}/${SEGMENT}`
    ? warning('delete.workspace', "Deletes all files of the workspace's top folder.")
    : undefined;
}
