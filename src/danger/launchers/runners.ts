import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { fdFindsEverything, findsEverything, foundPath } from '../shell/found.js';
import { Options } from '../shell/options.js';
import { ANY, Origin, type Value } from '../shell/value.js';

const XARGS_VALUES = 'I J R S L n P s d E a delimiter max-args max-procs arg-file max-chars process-slot-var'.split(
  ' ',
);
const MAX_LINES = 8;

/** Programs that run one command, perhaps many times, with arguments from elsewhere. */
export const runners: readonly (readonly [string, Launcher])[] = [
  ['xargs', runXargs],
  ['gxargs', runXargs],
  ['find', runFind],
  ['gfind', runFind],
  ['fd', runFd],
  ['fdfind', runFd],
  ['parallel', runParallel],
  ['entr', runAfterOptions([])],
  ['watchexec', runAfterOptions(['w', 'e', 'i', 'watch', 'exts', 'ignore'])],
  ['docker', runInContainer],
  ['podman', runInContainer],
  ['nerdctl', runInContainer],
  ['kubectl', runInContainer],
  ['oc', runInContainer],
  ['docker-compose', runInContainer],
  ['nix', runInContainer],
  ['start-stop-daemon', runInContainer],
];

/** A text that is put into many places must not be long. */
function short(text: string): string {
  return text.length > 1_000 ? ANY : text;
}

/** Replaces a marker by a text, and adds the origin of the text. */
function filled(parts: readonly Value[], marker: RegExp | string, text: string, origin: number): readonly Value[] {
  return parts.map((part) => {
    const replaced = part.text.replaceAll(marker, () => text);
    return replaced === part.text ? part : { ...part, text: replaced, origin: part.origin | origin };
  });
}

function value(text: string, origin = 0): Value {
  return { text, origin };
}

function runXargs(command: ShellCommand, shell: Shell): undefined {
  const { args, values, stdin } = command;
  const options = new Options(args, XARGS_VALUES, true);
  const inner = values.slice(options.start);
  if (inner.length === 0) return;
  const known = options.has('a', 'arg-file') ? undefined : stdin?.text;
  const origin = stdin?.origin ?? 0;
  const placeholder = options.value('I', 'J', 'replace') ?? (options.has('i') ? '{}' : undefined);
  if (placeholder !== undefined) {
    const lines = known === undefined ? [ANY] : known.trim().split('\n');
    const marker = placeholder === '' ? '{}' : placeholder;
    for (const line of lines.length > MAX_LINES ? [ANY] : lines) {
      shell.call(filled(inner, marker, short(line), origin), command);
    }
    return;
  }
  const fields =
    known === undefined
      ? [value(ANY, origin)]
      : known
          .split(/[\s\0]+/)
          .filter(Boolean)
          .map((text) => value(text, origin));
  shell.call([...inner, ...fields], command);
}

const FIND_EXEC = /^-(exec|execdir|ok|okdir)$/;

function runFind(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const found = short(foundPath(args));
  const origin = findsEverything(args) ? Origin.everyFile : Origin.none;
  args.forEach((arg, index) => {
    if (!FIND_EXEC.test(arg)) return;
    const rest = args.slice(index + 1);
    const end = rest.findIndex((part, at) => part === ';' || (part === '+' && rest[at - 1] === '{}'));
    const inner = values.slice(index + 1, end < 0 ? undefined : index + 1 + end);
    shell.call(filled(inner, '{}', found, origin), command);
  });
}

function runFd(command: ShellCommand, shell: Shell): undefined {
  const { args, values } = command;
  const at = args.findIndex((arg) => /^(-x|-X|--exec|--exec-batch)$/.test(arg));
  if (at < 0) return;
  const inner = values.slice(at + 1).filter(({ text }) => text !== ';');
  const fed = inner.some(({ text }) => /\{[./]*\}/.test(text)) ? inner : [...inner, value('{}')];
  const origin = fdFindsEverything(args.slice(0, at)) ? Origin.everyFile : Origin.none;
  shell.call(filled(fed, /\{[./]*\}/g, fdPath(args.slice(0, at)), origin), command);
}

const FD_VALUES =
  't type e extension E exclude d max-depth min-depth exact-depth S size o owner changed-within changed-before c color j threads base-directory C search-path ignore-file max-results'.split(
    ' ',
  );

/** All that `fd` finds lies below the folders that follow its pattern. */
function fdPath(args: readonly string[]): string {
  const options = new Options(args, FD_VALUES);
  const base = options.value('base-directory', 'C') ?? '.';
  const [, ...folders] = options.operands;
  const root = options.value('search-path') ?? folders[0] ?? '.';
  if (folders.length > 1) return ANY;
  return `${root.startsWith('/') || base === '.' ? root : `${base}/${root}`}/${ANY}`;
}

const PARALLEL_VALUES =
  'j jobs N n L l d S a colsep joblog delay timeout retries results tmpdir workdir wd tagstring arg-file arg-sep sshlogin halt memfree load nice block recstart recend env profile basefile return shuf-seed I'.split(
    ' ',
  );

/** GNU parallel hands a command line to a shell, with what follows `:::` put in. */
function runParallel(command: ShellCommand, shell: Shell): undefined {
  const { args, stdin, scope } = command;
  const options = new Options(args, PARALLEL_VALUES, true);
  if (options.has('dry-run', 'dryrun')) return;
  const rest = args.slice(options.start);
  const separator = rest.findIndex((arg) => /^:::/.test(arg));
  const template = (separator < 0 ? rest : rest.slice(0, separator)).join(' ');
  // In one line of code the origin of the single words would be lost.
  if (separator < 0 && (stdin?.origin ?? 0) & Origin.everyFile) {
    shell.call([...command.values.slice(options.start), value(stdin?.text?.trim() ?? ANY, stdin?.origin)], command);
  }
  const given = separator < 0 ? (stdin?.text?.trim().split('\n') ?? [ANY]) : rest.slice(separator + 1);
  for (const item of given.length > MAX_LINES ? [ANY] : given) {
    const line = /\{[^}\s]*\}/.test(template)
      ? template.replace(/\{[^}\s]*\}/g, () => short(item))
      : `${template} ${item}`;
    if (line.trim() !== '') shell.script(line, scope.fork());
    // GNU parallel quotes each item, so that an item with blanks is one word.
    const words = command.values.slice(options.start, separator < 0 ? undefined : options.start + separator);
    const marked = /\{[^}\s]*\}/.test(template) ? words : [...words, value('{}')];
    if (words.length > 0) shell.call(filled(marked, /\{[^}\s]*\}/g, short(item), 0), command);
  }
}

function runAfterOptions(valueOptions: readonly string[]): Launcher {
  return (command, shell) => {
    const options = new Options(command.args, valueOptions, true);
    shell.call(command.values.slice(options.start), command);
    return undefined;
  };
}

const CONTAINER_VALUES =
  `v volume e env env-file w workdir u user p publish name network net mount l label entrypoint h hostname m memory cpus
   platform pull gpus add-host cap-add cap-drop device dns shm-size tmpfs ulimit security-opt restart log-driver ipc pid
   n namespace c container f file profile index context`.split(/\s+/);

/** The words behind the image, the container or `--` are a command of their own. */
function runInContainer(command: ShellCommand, shell: Shell): undefined {
  const { args, values, name } = command;
  if (name === 'kubectl' || name === 'oc' || name === 'nix' || name === 'start-stop-daemon') {
    const at = args.findIndex((arg) => arg === '--' || (name === 'nix' && /^(-c|--command)$/.test(arg)));
    const isCluster = name === 'kubectl' || name === 'oc';
    const place = isCluster ? { ...command, scope: command.scope.forkElsewhere() } : command;
    if (at >= 0) shell.call(values.slice(at + 1), place);
    return;
  }
  const verb = args.findIndex((arg) => /^(run|exec)$/.test(arg));
  if (verb < 0) return;
  const options = new Options(args.slice(verb + 1), CONTAINER_VALUES, true);
  const inner = values.slice(verb + 2 + options.start);
  const entrypoint = options.value('entrypoint');
  if (entrypoint) shell.call([value(entrypoint), ...inner], command);
  else if (inner.length > 0) shell.call(inner, command);
}
