import { credentialKind, isCredentialFolder } from '../credentials.js';
import { critical, type Danger, warning } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { shown, worst } from './deletion.js';
import type { Rule, RuleList } from './rule.js';

/** Programs that write where their last operand points, and the options of theirs that take a value. */
const COPY_VALUES = ['t', 'S', 'm', 'o', 'g', 'target-directory', 'suffix', 'mode', 'owner', 'group'];

export const fileRules: RuleList = [
  ['tee', rateTee],
  ['cp mv install ln gcp gmv ginstall', rateCopy],
  ['rsync scp', rateRemoteCopy],
  ['sed gsed perl ruby', rateInPlace],
  ['touch', targets('add')],
  ['curl wget', rateDownload],
  ['sponge', targets('replace')],
  ['tar bsdtar', rateUnpack],
  ['unzip', rateUnpack],
  ['patch', rateUnpack],
];

/** What it means to write to a path. `add` leaves what is there. */
export function rateWrite(path: string, places: Places, how: 'replace' | 'add' | 'copy'): Danger | undefined {
  if (places.isGuard(path)) return critical('agent.guard', "Changes what belongs to this session's guard.");
  if (places.isDevice(path))
    return critical('disk.destroy', `Writes onto ${shown(path)}, which destroys what is on it.`);
  if (places.isStartup(path))
    return critical('files.startup', `Changes ${shown(path)}, which runs or opens doors by itself later.`);
  if (places.isSystem(path))
    return critical('files.system', `Writes to ${shown(path)}, which belongs to the system; keep to the workspace.`);
  if (places.isAgentSettings(path)) return critical('agent.settings', "Changes Claude Code's own settings or hooks.");
  if (path.startsWith(`${places.workspace}/.git/hooks/`) || path === `${places.workspace}/.git/config`) {
    return critical('git.hooks', 'Changes what git runs by itself.');
  }
  if (!places.isOutside(path)) return undefined;
  const message = `Writes to ${shown(path)}, which is outside the workspace.`;
  return how === 'replace' ? critical('files.outside-workspace', message) : warning('files.outside-workspace', message);
}

/** What it means to read a file. */
export function rateRead(path: string, places: Places): Danger | undefined {
  const kind = credentialKind(path);
  if (kind === 'key') return critical('credentials.read', `Reads ${shown(path)}, which holds keys or passwords.`);
  if (kind === 'environment')
    return critical(
      'credentials.read',
      `Reads ${shown(path)}, which usually holds passwords; read the example file, or ask for the names that are needed.`,
    );
  return places.isGuard(path) ? warning('agent.guard', "Reads what belongs to this session's guard.") : undefined;
}

/** Files that the shell opens. */
export const rateRedirects: Rule = ({ redirects, scope }, places) => {
  for (const { operator, target } of redirects) {
    if (target.content || /^(&|\d+|-)$/.test(target.text) || (operator.includes('&') && /^\d*-?$/.test(target.text)))
      continue;
    const path = resolvePath(target.text, scope.cwd);
    const danger = operator.includes('>')
      ? rateWrite(path, places, operator.includes('>>') ? 'add' : 'replace')
      : credentialKind(path) === 'key'
        ? rateRead(path, places)
        : undefined;
    if (danger) return danger;
  }
  return undefined;
};

/** Programs that show, copy or send the content of files named on their command line. */
const READERS = new Set(
  `cat tac less more most head tail bat batcat nl strings xxd od hexdump hd base64 base32 basenc cut sort uniq grep egrep fgrep zgrep
   rg ag ack sed gsed awk gawk mawk jq yq cp mv scp rsync tar zip gzip bzip2 xz zstd 7z openssl vim vi view nano emacs ed ex code diff
   sdiff cmp colordiff paste fold fmt rev split csplit install ln pbcopy xclip xsel wl-copy column tr dd mail mutt look join comm pr
   expand iconv uuencode gpg age curl wget nc ncat socat http https aws gsutil gcloud az rclone s3cmd gh glab hub tee git
   python python3 node perl ruby php tclsh lua`.split(/\s+/),
);
/** Options of which the value is a key that the program uses and does not show. */
const KEY_OPTION =
  /^(-i|-E|--(key|cert|cacert|identity-file|identity|private-key|env-file|netrc-file|key-file|kubeconfig|config|exclude\S*|include\S*|glob|ignore\S*|cert-file|ca-cert))$/;
/** Programs that take `.env` files for their own use. */
const LOADS_ENVIRONMENT = new Set(['python', 'python3', 'node', 'ruby', 'php', 'git', 'perl', 'tee', 'ln', 'ed']);

/** Key and credential files among the arguments of programs that read. */
export const rateCredentials: Rule = ({ name, args, scope }, places) => {
  if (!READERS.has(name)) return undefined;
  for (const [index, arg] of args.entries()) {
    if (arg === '' || KEY_OPTION.test(args[index - 1] ?? '') || (name === 'ssh' && index === 0)) continue;
    const text = operandOf(arg);
    if (text === undefined) continue;
    const path = resolvePath(text, scope.cwd);
    const kind = credentialKind(path);
    // A project's own keys and certificates are made and used with openssl.
    if (name === 'openssl' && places.isInWorkspace(path)) continue;
    if (kind === 'environment' && (LOADS_ENVIRONMENT.has(name) || isOnlyChecked(name, args, index))) continue;
    if (kind) return rateRead(path, places);
    if (isCredentialFolder(path) && /^(cp|mv|scp|rsync|tar|zip|7z|rg|ag|grep|egrep|aws|gsutil|rclone)$/.test(name)) {
      return critical('credentials.read', `Reads ${shown(path)} with the keys in it.`);
    }
  }
  return undefined;
};

/** The file in an argument: also in `name=@file`, `@file`, `if=file`, `file://…` and remote sources. */
function operandOf(arg: string): string | undefined {
  if (arg.startsWith('file://')) return arg.slice(7);
  const attached =
    /^(?:[\w.-]*=)?[@<]([^;]+)/.exec(arg)?.[1] ?? /^(?:if|--[\w-]*file|--[\w-]*from)=(.+)/.exec(arg)?.[1];
  if (attached) return attached;
  return arg.startsWith('-') || /\s/.test(arg) ? undefined : arg;
}

/** `.env` files are copied from examples, edited and searched for a name's presence in ordinary work. */
function isOnlyChecked(name: string, args: readonly string[], index: number): boolean {
  if (name === 'cp' || name === 'mv' || name === 'install') return index === args.length - 1;
  if (/^e?f?grep$/.test(name) || name === 'rg')
    return args.some((arg) => /^(-\w*[qcl]\w*|--(quiet|count|files-with-matches))$/.test(arg)) || index === 0;
  if (name === 'sed' || name === 'gsed') return args.some((arg) => /^(-\w*i|--in-place)/.test(arg));
  return false;
}

function targets(how: 'replace' | 'add' | 'copy'): Rule {
  return ({ args, scope }, places) =>
    worst(new Options(args, ['r', 'd', 't']).operands, (target) =>
      rateWrite(resolvePath(target, scope.cwd), places, how),
    );
}

function rateTee(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args);
  return targets(options.has('a', 'append') ? 'add' : 'replace')(command, places);
}

function rateCopy({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, COPY_VALUES);
  const target = options.value('t', 'target-directory') ?? options.operands.at(-1);
  if (target === undefined || (options.operands.length < 2 && options.value('t', 'target-directory') === undefined))
    return undefined;
  const danger = rateWrite(resolvePath(target, scope.cwd), places, 'copy');
  if (danger?.level === 'critical' || !name.endsWith('mv')) return danger;
  const sources = options.operands.slice(0, -1);
  return (
    worst(sources, (source) => {
      const path = resolvePath(source, scope.cwd);
      if (places.isSystem(path))
        return critical('files.system', `Moves ${shown(path)}, which belongs to the system, away.`);
      if (path === places.workspace || path === `${places.workspace}/.git`)
        return critical('files.workspace', `Moves ${shown(path)} away.`);
      return undefined;
    }) ?? danger
  );
}

function rateRemoteCopy({ args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, [
    'e',
    'f',
    'i',
    'P',
    'o',
    'F',
    'c',
    'l',
    'S',
    'J',
    'rsh',
    'exclude',
    'include',
    'filter',
    'files-from',
    'bwlimit',
  ]);
  const target = options.operands.at(-1);
  if (options.operands.length < 2 || target === undefined || target.includes(':')) return undefined;
  return rateWrite(resolvePath(target, scope.cwd), places, 'copy');
}

function rateInPlace({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const isSed = name.endsWith('sed');
  if (!args.some((arg) => (isSed ? /^(-[nErsz]*i|--in-place)/ : /^-[a-z0]*i/).test(arg))) return undefined;
  const options = new Options(args, ['e', 'f', 'expression', 'file', 'I', 'M']);
  const files = isSed && !options.has('e', 'f', 'expression', 'file') ? options.operands.slice(1) : options.operands;
  return worst(files, (target) => rateWrite(resolvePath(target, scope.cwd), places, 'replace'));
}

function rateDownload({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const option =
    name === 'curl' ? /^(-[a-zA-Z]*o|--output|--output-dir)$/ : /^(-[a-z]*[OP]|--output-document|--directory-prefix)$/;
  return worst(args, (arg) => {
    const at = args.indexOf(arg);
    const attached = /^--(?:output|output-dir|output-document|directory-prefix)=(.+)/.exec(arg)?.[1];
    const target = attached ?? (option.test(arg) ? args[at + 1] : undefined);
    return target === undefined || target === '-'
      ? undefined
      : rateWrite(resolvePath(target, scope.cwd), places, 'copy');
  });
}

function rateUnpack({ name, args, scope }: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(args, ['C', 'd', 'f', 'i', 'directory']);
  const target = options.value('C', 'directory') ?? options.value('d');
  // tar also takes its letters without a dash.
  const unpacks = !name.endsWith('tar') || options.has('x', 'extract') || /^[a-zA-Z]*x/.test(options.operands[0] ?? '');
  return target && unpacks ? rateWrite(resolvePath(target, scope.cwd), places, 'copy') : undefined;
}
