import { asks } from '../shell/asks.js';
import { Options } from '../shell/options.js';
import type { credentialRules } from './reading.js';
import { type Finder, type Finders, reporting } from './rule.js';

const { critical } = reporting<typeof credentialRules>();

const VALUES = [
  'n',
  'namespace',
  'context',
  'profile',
  'region',
  'project',
  'account',
  'o',
  'output',
  'name',
  'vault-name',
  'secret-id',
  'subscription',
  'hostname',
  'h',
  'R',
  's',
  'stack',
  'format',
  'template',
  'version',
  'secret',
];
const SHOWS_FIELDS =
  /^(?:-o|--output)=?(?:yaml|json|jsonpath|go-template|custom-columns)|^(?:yaml|json|jsonpath=.*|jsonpath-as-json=.*|go-template=.*|jsonpath|go-template|custom-columns=.*)$|^--template/;

/** Programs that print secrets from a store, or a token of their own. */
export const secretStoreFinders: Finders = [
  [
    'kubectl oc k',
    prints(/^(get|describe) secrets?\b|^get \S*secrets?(\/|,)/, (args) => args.some((arg) => SHOWS_FIELDS.test(arg))),
  ],
  ['kubectl oc k', prints(/^config view\b/, (args) => args.some((arg) => /^--raw(=true)?$/.test(arg)))],
  ['kubectl oc k', prints(/^(create token|whoami -t|get-token)\b/)],
  [
    'aws',
    prints(
      /^(secretsmanager (get-secret-value|batch-get-secret-value)|configure export-credentials|configure get \S*(secret|token)\S*|iam create-access-key|ecr get-login-password|sts get-session-token)/,
    ),
  ],
  ['aws', prints(/^ssm get-parameters?\S*/, (args) => args.includes('--with-decryption'))],
  [
    'gcloud',
    prints(
      /^(secrets versions access|auth (application-default )?print-\w+-token|auth describe|iam service-accounts keys create)/,
    ),
  ],
  [
    'az',
    prints(
      /^(keyvault secret (show|download)|account get-access-token|storage account keys list|acr credential show|ad sp create-for-rbac)/,
    ),
  ],
  ['vault', prints(/^(read|kv get|print token|token create|unwrap)\b/)],
  ['op bw lpass', prints(/^(read|get|show|item get|document get|export|list --)\b/)],
  [
    'pass gopass',
    prints(/^(show\b|(?!insert|init|generate|edit|ls|list|git|find|grep|help|version|rm|mv|cp|otp|sync|setup)\S+)/),
  ],
  ['doppler infisical chamber credstash', prints(/^(secrets(?! (set|delete|upload))|read|get|getall|export|env)\b/)],
  [
    'sops',
    prints(
      /^(decrypt\b|)/,
      (args) =>
        args.some((arg) => /^(-d|--decrypt|decrypt)$/.test(arg)) && !args.some((arg) => /^(-i|--in-place)$/.test(arg)),
    ),
  ],
  ['ansible-vault', prints(/^view\b/)],
  ['gpg gpg2', prints(/^/, (args) => args.some((arg) => /^--export-secret-(keys|subkeys)$/.test(arg)))],
  ['security', prints(/^(dump-keychain|find-\w+-password|export)\b/)],
  ['secret-tool keyctl', prints(/^(lookup|print|pipe)\b/)],
  ['gh glab', prints(/^auth token\b/)],
  ['gh glab', prints(/^auth status\b/, (args) => args.some((arg) => /^(-t|--show-token)$/.test(arg)))],
  ['npm pnpm yarn', prints(/^(config get \S*(_auth|token|password)\S*|token create)/i)],
  ['heroku fly flyctl', prints(/^(auth:token|config(?!:(set|unset|edit))|auth token)\b/)],
  [
    'pulumi',
    prints(/^(config|stack output|stack export)/, (args) => args.some((arg) => /^--show-secrets(=true)?$/.test(arg))),
  ],
  ['git', prints(/^credential fill\b/)],
];

const read = critical(
  'credentials.read',
  'Prints a secret where everybody can read it; hand it to the program that needs it, without printing it.',
);

/** Finds commands that print a secret. A secret that goes into a substitution or a pipe is not shown. */
function prints(verb: RegExp, shows: (args: readonly string[]) => boolean = () => true): Finder {
  return ({ args, redirects, scope, concurrent }) => {
    if (scope.captured || concurrent || redirects.some(({ operator }) => operator.includes('>'))) return undefined;
    const line = new Options(args, VALUES).operands.join(' ');
    return verb.test(line) && shows(args) && !asks(args, /^(--help|-h)$/) ? read : undefined;
  };
}
