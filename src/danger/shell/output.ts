import type { ShellCommand } from './command.js';
import { fdFindsEverything, findsEverything, foundPath } from './found.js';
import { Options } from './options.js';
import { baseName, resolvePath } from './path.js';
import { ANY, isKnown, Origin, SEGMENT, SILENT, type Stream, UNKNOWN } from './value.js';

/** Programs that print one word about the machine, the time or a number. */
const ONE_WORD = new Set(
  'date whoami id hostname uname nproc arch tty wc uuidgen logname getconf seq expr bc cksum md5sum sha1sum sha256sum shuf'.split(
    ' ',
  ),
);
const NOTHING = new Set(
  'true : test [ [[ mkdir touch rm rmdir mv cp ln chmod chown sleep wait kill cd exit return break continue sync source'.split(
    ' ',
  ),
);
/** Programs whose manuals tell people to evaluate the output. */
const PRINTS_SETUP = new Set(
  `ssh-agent gpg-agent keychain direnv pyenv rbenv nodenv goenv jenv asdf mise rtx fnm conda mamba micromamba brew opam luarocks
   starship zoxide atuin thefuck dircolors lesspipe resize minikube docker-machine podman-machine register-python-argcomplete
   fzf hub navi mcfly vault-env locale-gen shellspec`.split(/\s+/),
);
/** Programs that print secrets although their arguments name no secret file. */
const PRINTS_SECRETS =
  /^(gh auth (token|status.*(-t|--show-token))|aws configure (get|export-credentials)|gcloud auth (application-default )?print-\w+-token|az account get-access-token|kubectl .*secrets?\b|vault (read|kv get)|op (read|item get)|pass (show|\w)|security find-\w+-password|doppler secrets|heroku config|npm config get .*_auth\w*|git credential (fill|get))/;

/** What a command writes, as far as that can be told without running it. */
export function outputOf(command: ShellCommand): Stream {
  const { name, args, stdin, scope } = command;
  if (name === 'echo') return echo(command);
  if (name === 'printf') return printf(command);
  if (NOTHING.has(name)) return SILENT;
  if (ONE_WORD.has(name)) return inherit(command, SEGMENT);
  switch (name) {
    case 'cat':
      return cat(command);
    case 'tee':
      return stdin ?? UNKNOWN;
    case 'pwd':
      return text(scope.cwd);
    case 'mktemp':
      return text(temporaryName(args));
    case 'basename':
      return text(
        isKnown(args[0] ?? ANY) ? baseName((args[0] ?? '').replace(/\/+$/, '')).replace(args[1] ?? '', '') : SEGMENT,
      );
    case 'dirname':
      return text(folderOf(args[0] ?? ANY));
    case 'realpath':
    case 'readlink': {
      const path = args.find((arg) => !arg.startsWith('-'));
      return path === undefined ? UNKNOWN : text(resolvePath(path, scope.cwd));
    }
    case 'which':
    case 'type': {
      const program = args.find((arg) => !arg.startsWith('-'));
      return program === undefined ? UNKNOWN : text(`/usr/bin/${program}`);
    }
    case 'command': {
      const operands = new Options(args).operands;
      return operands[0] === undefined ? UNKNOWN : text(operands[0]);
    }
    case 'pgrep':
    case 'pidof':
      // The unknown process id keeps the name by which it was looked up.
      return text(SEGMENT + (args.at(-1) ?? ''));
    case 'find':
      return found(args);
    case 'fd':
    case 'fdfind':
      return { text: undefined, origin: fdFindsEverything(args) ? Origin.everyFile : Origin.none };
    case 'sort':
    case 'uniq':
    case 'tr':
    case 'xargs':
    case 'nl':
      return { text: passed(stdin), origin: stdin?.origin ?? 0 };
    case 'git':
      return gitOutput(command);
    case 'env':
    case 'printenv':
    case 'set':
    case 'export':
    case 'declare':
      return { text: undefined, origin: Origin.environment };
    case 'curl':
    case 'wget':
    case 'http':
    case 'https':
    case 'aria2c':
    case 'lynx':
    case 'fetch':
    case 'nc':
    case 'ncat':
      return { text: undefined, origin: Origin.network };
    default:
      if (PRINTS_SETUP.has(name) || args.includes('completion') || args.includes('completions')) return SILENT;
      if (PRINTS_SECRETS.test(`${name} ${args.slice(0, 6).join(' ')}`))
        return { text: undefined, origin: Origin.credentials };
      return inherit(command, undefined);
  }
}

function found(args: readonly string[]): Stream {
  return { text: foundPath(args), origin: findsEverything(args) ? Origin.everyFile : Origin.none };
}

/** The output of programs that pass every line on: a list of all files stays one. Other texts may change, so they are unknown. */
function passed(stdin: Stream | undefined): string | undefined {
  return stdin?.text !== undefined && stdin.origin & Origin.everyFile ? stdin.text : undefined;
}

function text(value: string): Stream {
  return { text: value, origin: Origin.none };
}

/** The output of a filter: it has the origin of its input. */
function inherit({ stdin, values }: ShellCommand, output: string | undefined): Stream {
  const fromArgs = values.reduce((all, { content }) => all | (content?.origin ?? 0), 0);
  return { text: output, origin: ((stdin?.origin ?? 0) & ~Origin.everyFile) | fromArgs };
}

function originOfArgs({ values }: ShellCommand): number {
  return values.reduce((all, { origin }) => all | origin, 0);
}

function echo(command: ShellCommand): Stream {
  const { args } = command;
  let start = 0;
  let escapes = false;
  for (; /^-[neE]+$/.test(args[start] ?? ''); start++) escapes = args[start]?.includes('e') ?? false;
  const line = args.slice(start).join(' ');
  return { text: `${escapes ? unescaped(line) : line}\n`, origin: originOfArgs(command) };
}

function printf(command: ShellCommand): Stream {
  const args = command.args[0] === '-v' ? command.args.slice(2) : command.args;
  const [format = '', ...rest] = args[0] === '--' ? args.slice(1) : args;
  const parts = format.split(/(%[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z%])/);
  let output = '';
  let next = 0;
  do {
    for (const part of parts) {
      if (!/^%./.test(part)) output += unescaped(part);
      else if (part === '%%') output += '%';
      else if (part === '%s') output += rest[next++] ?? '';
      else if (part === '%b') output += unescaped(rest[next++] ?? '');
      else if (/[diouxX]$/.test(part)) {
        const number = rest[next++] ?? '0';
        output += /^\d+$/.test(number) ? number : SEGMENT;
      } else {
        output += ANY;
        next += 1;
      }
    }
  } while (next > 0 && next < rest.length && output.length < 100_000 && parts.length > 1);
  return { text: output, origin: originOfArgs(command) };
}

function unescaped(source: string): string {
  if (!source.includes('\\')) return source;
  return source.replace(/\\(x[\da-fA-F]{1,2}|u[\da-fA-F]{1,4}|0?[0-7]{1,3}|.)/gs, (whole, code: string) => {
    if (/^[xu]./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 255);
    return (
      ({ n: '\n', t: '\t', r: '\r', a: '', b: '', e: '', f: '\f', v: '\v', '\\': '\\' } as Record<string, string>)[
        code
      ] ?? whole
    );
  });
}

function cat(command: ShellCommand): Stream {
  const { args, values, stdin, scope } = command;
  let output: string | undefined = '';
  let origin = 0;
  const files = values.filter(({ text: name }) => name === '-' || !name.startsWith('-'));
  if (files.length === 0)
    return stdin && !args.some((arg) => arg.startsWith('-')) ? stdin : inherit(command, undefined);
  for (const file of files) {
    const content = file.text === '-' ? stdin : (file.content ?? scope.files.get(resolvePath(file.text, scope.cwd)));
    origin |= content?.origin ?? 0;
    output = output === undefined || content?.text === undefined ? undefined : output + content.text;
  }
  return { text: output, origin };
}

function temporaryName(args: readonly string[]): string {
  const options = new Options(args, ['p', 'tmpdir', 'suffix']);
  const template = options.operands[0];
  const folder = options.value('p', 'tmpdir') || '/tmp';
  if (template === undefined) return `${folder}/tmp.${SEGMENT}`;
  const name = template.replace(/X{3,}/g, SEGMENT);
  return template.includes('/') || !options.has('t', 'p', 'tmpdir') ? name : `${folder}/${name}`;
}

function folderOf(path: string): string {
  if (!isKnown(path)) return ANY;
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return slash < 0 ? '.' : slash === 0 ? '/' : trimmed.slice(0, slash);
}

function gitOutput({ args, scope }: ShellCommand): Stream {
  if (args[0] === 'ls-files') {
    const all = args.slice(1).every((arg) => /^-(z|c|o|-cached|-others|-exclude\S*|-full-name)$/.test(arg));
    return all ? { text: `${scope.cwd}/${ANY}`, origin: Origin.everyFile } : UNKNOWN;
  }
  if (args[0] !== 'rev-parse') return { text: undefined, origin: Origin.none };
  if (args.includes('--show-toplevel')) return text(scope.workspace);
  if (args.includes('--git-dir') || args.includes('--absolute-git-dir')) return text(`${scope.workspace}/.git`);
  return text(args.includes('--abbrev-ref') ? ANY : SEGMENT);
}
