import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { resolvePath } from '../shell/path.js';
import { couldBe, isKnown } from '../shell/value.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import type { systemRules } from './system.js';

/** The guard of the session, and Claude Code itself. */
export const agentRules = {
  'agent.guard': {
    level: 'critical',
    about: "changes, deletes or ends what belongs to the session's guard; a warning if it only looks at it",
    matches: [
      'rm -f /etc/claude-code/managed-settings.json',
      'echo {} > /run/autonomous-orchestration/answer',
      'pkill -f autonomous-orchestration',
      'strace -f -p $(pgrep -f hook)',
    ],
    warns: ['cat /etc/claude-code/managed-settings.json'],
    spares: ['echo /etc/claude-code', 'pkill node'],
  },
  'agent.settings': {
    level: 'critical',
    about: "changes Claude Code's own settings or hooks",
    matches: ['echo {} > .claude/settings.json', 'claude config set theme dark', 'claude mcp add x y'],
    spares: ['cat .claude/settings.json', 'claude mcp list', 'echo x > .claude/commands/x.md'],
  },
  'agent.nested': {
    level: 'critical',
    about: 'starts Claude Code with other settings than those of the session; a warning with the same settings',
    matches: [
      'claude --bare -p hi',
      'CLAUDE_CONFIG_DIR=/tmp/c claude -p hi',
      'npx @anthropic-ai/claude-code --settings x.json',
    ],
    warns: ['claude -p "explain this"'],
    spares: ['claude --version', 'echo claude --bare'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof agentRules & typeof systemRules>();

export const agentFinders: Finders = [
  ['claude claude-code', rateClaude],
  ['npx bunx pnpx', ({ args }) => rateByPackage(args)],
  [
    'node bun',
    ({ args, env }) => (args.some((arg) => /@anthropic-ai\/claude-code\//.test(arg)) ? nested(args, env) : undefined),
  ],
  ['kill pkill killall strace gdb ltrace', rateProcess],
];

const switchesOff = critical(
  'agent.nested',
  'Starts Claude Code with settings of its own, past the guard of this session; work in this session.',
);
const ASKED_ONLY = /^(--version|-v|--help|-h|doctor|update|mcp|config|install)$/;
const SETTINGS =
  /^--(bare|settings|setting-sources|dangerously-skip-permissions|allow-dangerously-skip-permissions|permission-mode|permission-prompt-tool|mcp-config|strict-mcp-config|plugin-dir|agents|safe-mode|disable-hooks|no-hooks)(=|$)/;
const VARIABLES = [
  'CLAUDE_CONFIG_DIR',
  'CLAUDE_CODE_SIMPLE',
  'CLAUDE_CODE_DISABLE_HOOKS',
  'CLAUDE_CODE_MANAGED_SETTINGS_PATH',
  'HOME',
];

function rateClaude({ args, env, scope }: ShellCommand): Danger | undefined {
  const exported = VARIABLES.some((name) => name !== 'HOME' && scope.variables.has(name));
  return exported ? switchesOff : nested(args, env);
}

function nested(args: readonly string[], env: ShellCommand['env']): Danger | undefined {
  if (VARIABLES.some((name) => env.has(name)) || args.some((arg) => SETTINGS.test(arg))) return switchesOff;
  // An unknown argument may be such an option.
  if (args.some((arg) => !isKnown(arg) && couldBe(arg, '--bare') && !args.includes('-p'))) return switchesOff;
  if (args[0] === 'config' || args[0] === 'mcp') {
    return /^(set|add|remove|add-json|reset-project-choices)$/.test(args[1] ?? '')
      ? critical('agent.settings', "Changes Claude Code's own settings.")
      : undefined;
  }
  if (args.some((arg) => ASKED_ONLY.test(arg))) return undefined;
  return warning('agent.nested', 'Starts another Claude Code inside this session.');
}

function rateByPackage(args: readonly string[]): Danger | undefined {
  const at = args.findIndex((arg) => /^@anthropic-ai\/claude-code(@|$)/.test(arg));
  return at < 0 ? undefined : nested(args.slice(at + 1), new Map());
}

/** Ending or tracing the guard's processes is a way around the guard. */
function rateProcess({ name, args, scope }: ShellCommand): Danger | undefined {
  const line = args.join(' ');
  if (/autonomous-orchestration|claude|hook|guard/i.test(line))
    return critical('agent.guard', "Ends or traces this session's own processes.");
  const unknownLoop =
    name === 'kill' &&
    scope.conditional > 0 &&
    args.some((arg) => !isKnown(arg)) &&
    /^-(9|KILL|STOP|SIGKILL|SIGSTOP)$/.test(args[0] ?? '');
  return unknownLoop
    ? warning('process.kill', 'Ends processes in a loop; which ones is only known when the command runs.')
    : undefined;
}

/** Programs that change nothing, so that they may name the guard's places. */
const LOOKS =
  /^(echo|printf|cat|ls|stat|test|\[|grep|egrep|rg|head|tail|less|file|find|cd|realpath|readlink|wc|du|git|:|true)$/;

/** Finds any program that is given one of the guard's places. */
export const agentEverywhere: Finder = ({ name, args, scope }, places: Places) => {
  for (const arg of args) {
    const text = arg.startsWith('-') ? arg.slice(arg.indexOf('=') + 1) : arg;
    if (!text.startsWith('/') && !scope.cwd.startsWith('/etc') && !scope.cwd.startsWith('/run')) continue;
    const path = resolvePath(text, scope.cwd);
    if (!places.isGuard(path)) continue;
    if (LOOKS.test(name))
      return name === 'echo' || name === 'printf'
        ? undefined
        : warning('agent.guard', `Looks at ${shown(path)}, which belongs to this session's guard.`);
    return critical('agent.guard', `Touches ${shown(path)}, which belongs to this session's guard.`);
  }
  return undefined;
};
