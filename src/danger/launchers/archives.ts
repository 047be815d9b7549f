import { Places } from '../paths.js';
import type { Launcher, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { Origin, type Stream } from '../shell/value.js';

/** Programs that pack whole folders, databases or disks into one stream or file. */
export const archives: readonly (readonly [string, Launcher])[] = [
  ...['tar', 'bsdtar', 'gtar'].map((name) => [name, pack(tarFile)] as const),
  ['zip', pack(zipFile)],
  ...['7z', '7za', 'rar'].map((name) => [name, pack(sevenFile)] as const),
  ['cpio', (command) => (command.args.some((arg) => /^-\w*o|^--create/.test(arg)) ? FOLDER : undefined)],
  ['pax', (command) => (command.args.some((arg) => /^-\w*w/.test(arg)) ? FOLDER : undefined)],
  ['git', packRepository],
  ...['pg_dump', 'pg_dumpall', 'mysqldump', 'mariadb-dump', 'mongodump'].map((name) => [name, dump] as const),
];

const FOLDER: Stream = { text: undefined, origin: Origin.folder };

interface Archive {
  /** The archive's file, `-` for the standard output; `undefined` if nothing is packed. */
  readonly file: string | undefined;
  readonly sources: readonly string[];
}

function pack(read: (args: readonly string[]) => Archive): Launcher {
  return (command) => {
    const { file, sources } = read(command.args);
    if (file === undefined || !sources.some((source) => isWhole(source, command))) return undefined;
    if (file === '-') return FOLDER;
    command.scope.files.set(resolvePath(file, command.scope.cwd), FOLDER);
    return undefined;
  };
}

/** Whether a path is a folder with something in it that no tool makes again. */
function isWhole(source: string, { scope }: ShellCommand): boolean {
  const places = new Places({ workspace: scope.workspace, home: scope.home });
  const path = resolvePath(source, scope.cwd);
  if (places.isRegenerated(path) || places.isTemporary(path) || places.isRebuilt(path)) return false;
  return !places.isFileName(path);
}

const TAR_VALUES = [
  'f',
  'C',
  'T',
  'X',
  'I',
  'file',
  'directory',
  'exclude',
  'files-from',
  'transform',
  'use-compress-program',
  'owner',
  'group',
  'mtime',
];

/** tar takes its letters without a dash as well. */
function tarFile(args: readonly string[]): Archive {
  const [first = '', ...rest] = args;
  const dashed = /^[a-zA-Z]+$/.test(first) ? [`-${first}`, ...rest] : args;
  const options = new Options(dashed, TAR_VALUES);
  if (!options.has('c', 'create', 'r', 'u')) return { file: undefined, sources: [] };
  const folder = options.value('C', 'directory');
  const sources = options.has('T', 'files-from') ? ['.'] : options.operands;
  return {
    file: options.value('f', 'file') ?? '-',
    sources:
      folder === undefined
        ? sources
        : sources.map((source) => (source.startsWith('/') ? source : `${folder}/${source}`)),
  };
}

function zipFile(args: readonly string[]): Archive {
  const options = new Options(args, ['x', 'i', 'P', 'n', 't', 'b']);
  const [file, ...sources] = options.operands;
  return {
    file: options.has('r', 'recurse-paths') ? file : undefined,
    sources: sources.filter((source) => source !== '-'),
  };
}

function sevenFile(args: readonly string[]): Archive {
  const [verb, file, ...sources] = new Options(args).operands;
  return {
    file: verb === 'a' ? (args.includes('-so') ? '-' : file) : undefined,
    sources: args.includes('-so') && file !== undefined ? [file, ...sources] : sources,
  };
}

/** `git archive`, `git bundle create` */
function packRepository({ args, scope }: ShellCommand): Stream | undefined {
  const options = new Options(args, ['o', 'output', 'C', 'c', 'prefix', 'format']);
  const [verb, second, file] = options.operands;
  const target =
    verb === 'archive'
      ? (options.value('o', 'output') ?? '-')
      : verb === 'bundle' && second === 'create'
        ? file
        : undefined;
  if (target === '-') return FOLDER;
  if (target !== undefined) scope.files.set(resolvePath(target, scope.cwd), FOLDER);
  return undefined;
}

function dump({ args, scope }: ShellCommand): Stream | undefined {
  const options = new Options(args, [
    'f',
    'file',
    'r',
    'result-file',
    'archive',
    'o',
    'out',
    'h',
    'U',
    'p',
    'd',
    'u',
    'host',
    'port',
  ]);
  const file = options.value('f', 'file', 'r', 'result-file', 'o', 'out');
  if (file === undefined || file === '') return FOLDER;
  scope.files.set(resolvePath(file, scope.cwd), FOLDER);
  return undefined;
}
