import type { Danger } from '../danger.js';
import type { ShellCommand } from '../shell/command.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';

/** Agents that no guard sees. */
export const otherAgentRules = {
  'agent.unwatched': {
    level: 'critical',
    about: 'starts another agent in a way in which that agent asks nobody',
    matches: [
      'codex --full-auto "fix it"',
      'gemini -y -p "fix it"',
      'aider --yes-always',
      'GOOSE_MODE=auto goose run',
      'anything --dangerously-skip-permissions',
    ],
    spares: ['codex --help', 'aider README.md', 'gemini -p "explain"', 'git log --grep=--dangerously-skip-permissions'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof otherAgentRules>();

/** Coding agents by the names of their programs and packages, each with the options that stop it from asking. */
const AGENTS: readonly (readonly [names: string, off: RegExp])[] = [
  [
    'codex',
    /^(--full-auto|-a=never|--ask-for-approval=never|-s=danger-full-access|--sandbox=danger-full-access|-c=.*(approval_policy\W+never|danger-full-access).*|--config=.*(approval_policy\W+never|danger-full-access).*)$/,
  ],
  ['gemini gemini-cli qwen qwen-code', /^(-y|--approval-mode=(yolo|auto[_-]?edit))$/],
  ['aider aider-chat', /^(--yes|-y)$/],
  ['opencode opencode-ai crush kimi kimi-cli grok grok-cli', /^(-y|--auto-approve|--auto)$/],
  ['cursor-agent', /^(-f|--force|--approve-mcps)$/],
  ['copilot', /^(--allow-tool=\*|--allow-all-\w+|--no-ask-user|--autopilot)$/],
  ['amp', /^(-x|--execute)$/],
  ['droid', /^(--auto=high|--skip-permissions-unsafe)$/],
  ['q qchat kiro-cli', /^(-a|--trust-all-tools)$/],
  ['cline kilocode kilo roo cn continue auggie', /^(-y|--auto|--auto-approve\S*|--yolo|--no-interactive)$/],
  ['openhands', /^(--always-approve|--llm-approve|--headless)$/],
  ['goose', /^(--no-confirm)$/],
  ['interpreter open-interpreter', /^(-y|--auto[_-]run)$/],
  [
    'gptme mini mini-swe-agent vibe mistral-vibe ra-aid plandex',
    /^(-y|-n|--no-confirm|--non-interactive|--auto-approve|--cowboy-mode|--full)$/,
  ],
];

/** Options that stop every agent from asking. */
const OFF =
  /^--?(?:dangerously-\S*|yolo(?:=(?:true|1))?|yes-always|allow-all(?:-tools|-paths|-urls)?|trust-all-tools|skip-permissions\S*|bypass-(?:permissions|approvals)\S*|auto-approve-all|always-approve|no-approvals?)$/;
/** Variables that stop an agent from asking. */
const OFF_VARIABLES =
  /^(?:AIDER_YES(?:_ALWAYS)?=(?:1|true|yes|on)|GOOSE_MODE=(?:auto|approve_none)|OPENCODE_PERMISSION=.*allow.*|(?:GEMINI|QWEN|CODEX|CRUSH|KIMI|COPILOT|CURSOR|AMP)\w*_(?:YOLO|ALLOW_ALL|AUTO_APPROVE|SKIP_PERMISSIONS)\w*=(?:1|true|yes|on)|COPILOT_ALLOW_ALL=.+|(?:CODEX_)?APPROVAL_POLICY=never)$/i;
/** Arguments with which an agent only answers a question and ends. */
const ASKED_ONLY = /^(?:--version|-V|--help|-h|help|version|doctor|login|logout|update|upgrade|completion)$/;

const VALUES = [
  'm',
  'model',
  'a',
  'ask-for-approval',
  's',
  'sandbox',
  'c',
  'config',
  'C',
  'cd',
  'approval-mode',
  'p',
  'prompt',
  'auto',
  'message',
  'allow-tool',
  'i',
];

export const otherAgentFinders: Finders = AGENTS.map(([names, off]) => [names, unasked(off)] as const);

/** Finds an agent that does not ask. It can do anything, and no guard sees its calls. */
function unasked(off: RegExp): Finder {
  return ({ args, env, scope }: ShellCommand): Danger | undefined => {
    if (args[0] !== undefined && ASKED_ONLY.test(args[0])) return undefined;
    const switchesOff = args.some(
      (arg, index) => OFF.test(arg) || off.test(arg) || off.test(joined(arg, args[index + 1])),
    );
    return switchesOff || hasVariable(env, scope.variables) ? unwatched : undefined;
  };
}

/** An option that takes a value, written as `--option=value`. */
function joined(arg: string, next: string | undefined): string {
  if (arg.startsWith('-') && !arg.includes('=') && next !== undefined && VALUES.includes(arg.replace(/^--?/, '')))
    return `${arg}=${next}`;
  return /^-[asc]./.test(arg) && !arg.startsWith('--') ? `${arg.slice(0, 2)}=${arg.slice(2).replace(/^=/, '')}` : arg;
}

function hasVariable(env: ShellCommand['env'], variables: ShellCommand['scope']['variables']): boolean {
  for (const [name, { text }] of env) if (OFF_VARIABLES.test(`${name}=${text}`)) return true;
  for (const [name, { values }] of variables)
    if (values.some(({ text }) => OFF_VARIABLES.test(`${name}=${text}`))) return true;
  return false;
}

const unwatched = critical(
  'agent.unwatched',
  'Starts another agent that asks nobody, past the guard of this session; do the work in this session.',
);

/** Finds an option of an unknown program that stops an agent from asking. */
export const rateUnwatched: Finder = ({ name, args }) => {
  if (/^(?:echo|printf|git|e?grep|rg|cat|man|sed|awk|claude|claude-code)$/.test(name)) return undefined;
  const options = args.filter((arg) =>
    /^--(?:dangerously-(?:skip|bypass|allow|disable)-\S+|skip-permissions-unsafe)$/.test(arg),
  );
  return options.length > 0 ? unwatched : undefined;
};
