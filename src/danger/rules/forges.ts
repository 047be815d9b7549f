import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { destroying } from './infrastructure.js';
import { type Finders, type Rules, reporting } from './rule.js';
import { HELP, words } from './words.js';

/** Data that a forge keeps and that other people use. */
export const forgeRules = {
  'publish.forge': {
    level: 'critical',
    about: 'changes or deletes what a forge such as GitHub keeps for others; a warning for a label, a cache or a run',
    matches: [
      'gh repo edit --visibility public',
      'gh repo deploy-key delete 1',
      'gh issue delete 1',
      'gh repo create x --public',
    ],
    warns: ['gh label delete bug'],
    spares: ['gh pr create --title x --body y', 'gh issue list', 'gh api repos/me/x', 'gh pr view 1'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof forgeRules>();

const forge = critical(
  'publish.forge',
  'Changes what a forge keeps for others, which cannot always be taken back; let a person do it.',
);

export const forgeFinders: Finders = [
  [
    'gh',
    words(
      'R repo t title n notes b body F f H hostname m l',
      /^(repo (edit .*|delete|archive|rename|sync --force|deploy-key (add|delete)|create .*)|(ssh-key|gpg-key) (add|delete)|(variable|cache|run|label|issue|gist|codespace|project|release|secret|ruleset) delete|workflow disable|alias (set|import)|release delete-asset|pr merge|org .*)/,
      rateForge,
    ),
  ],
  ['gh glab', rateApi],
  [
    'glab',
    destroying(
      'R repo t title d description',
      /^(repo|project|variable|release|label|issue|mr|ci|snippet|ssh-key|gpg-key|token|cluster|schedule|deploy-key|runner) (delete|transfer|remove|revoke|archive|merge)\b/,
    ),
  ],
  ['hub tea bb berg fj forgejo-cli', destroying('R repo r', /(?:^| )(delete|rm|remove|transfer)\b/)],
];

/** Rates the settings that `gh repo edit` and `gh repo create` give a repository. */
function rateForge({ args }: ShellCommand): Danger | undefined {
  const line = new Options(args, ['R', 'repo']).operands.join(' ');
  if (/^repo edit\b/.test(line))
    return args.some((arg) =>
      /^--(visibility|accept-visibility|default-branch|delete-branch-on-merge|enable-\w+=false|allow-forking)/.test(
        arg,
      ),
    )
      ? forge
      : undefined;
  if (/^repo create\b/.test(line))
    return args.some((arg) => arg === '--public' || arg === '--push') ? forge : undefined;
  if (/^alias set\b/.test(line))
    return args.some((arg) => arg.startsWith('!') || /^(-s|--shell)$/.test(arg)) ? forge : undefined;
  if (/^(org|alias import)\b/.test(line)) return undefined;
  return /^(label|cache|run|codespace|variable) delete/.test(line) && !args.some((arg) => /^(-a|--all)$/.test(arg))
    ? warning('publish.forge', 'Deletes something at the forge.')
    : forge;
}

const CHANGING = /^(?:DELETE|PUT|PATCH)$/i;

/** `gh api -X DELETE`, in every way of writing the method, and mutations of GraphQL that delete. */
function rateApi({ args }: ShellCommand): Danger | undefined {
  const options = new Options(args, [
    'X',
    'method',
    'f',
    'F',
    'field',
    'raw-field',
    'H',
    'header',
    'hostname',
    'q',
    'jq',
    't',
    'template',
    'input',
  ]);
  if (options.operands[0] !== 'api' || asks(args, HELP)) return undefined;
  if (CHANGING.test(options.value('X', 'method') ?? '')) return forge;
  const line = args.join(' ');
  return /\bmutation\b/.test(line) && /\b(?:delete|remove|archive|transfer|update|merge)[A-Z]\w*/.test(line)
    ? forge
    : undefined;
}
