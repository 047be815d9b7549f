import type { Launcher, ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { baseName, resolvePath } from '../shell/path.js';
import { Origin, type Stream, UNKNOWN } from '../shell/value.js';

/** Programs that write files which the same command may run later. */
export const copies: readonly (readonly [string, Launcher])[] = [
  ['tee', tee],
  ['cp', copy],
  ['mv', copy],
  ['install', copy],
  ['ln', link],
  ['curl', download],
  ['wget', download],
  ['aria2c', download],
];

const FROM_NETWORK: Stream = { text: undefined, origin: Origin.network };

function put({ scope }: ShellCommand, target: string, content: Stream): void {
  scope.files.set(resolvePath(target, scope.cwd), content);
}

function tee(command: ShellCommand): undefined {
  for (const target of new Options(command.args).operands) put(command, target, command.stdin ?? UNKNOWN);
}

function copy(command: ShellCommand): undefined {
  const { args, scope } = command;
  const { operands } = new Options(args, ['t', 'S', 'm', 'o', 'g']);
  const target = operands.at(-1);
  for (const source of operands.slice(0, -1)) {
    const content = scope.files.get(resolvePath(source, scope.cwd));
    if (!content || target === undefined) continue;
    put(command, target, content);
    put(command, `${target}/${baseName(source)}`, content);
  }
}

/** Remembers a symbolic link: a command that uses it works on its target. */
function link({ args, scope }: ShellCommand): undefined {
  const options = new Options(args, ['t', 'S', 'target-directory', 'suffix']);
  if (!options.has('s', 'symbolic')) return;
  const folder = options.value('t', 'target-directory');
  const [first = '', ...rest] = options.operands;
  const sources = folder === undefined && rest.length > 0 ? [first, ...rest.slice(0, -1)] : [first, ...rest];
  const target = folder ?? rest.at(-1) ?? '.';
  for (const source of sources) {
    // It is not known whether the target is a folder.
    for (const text of [target, `${target}/${baseName(source)}`]) {
      const place = resolvePath(text, scope.cwd);
      const leads = resolvePath(source, place.slice(0, place.lastIndexOf('/')));
      if (place !== leads && place !== scope.cwd) scope.links.set(place, leads);
    }
  }
}

/** The file of a download: the one that is named, or the last part of the address. */
function download(command: ShellCommand): undefined {
  const { name, args } = command;
  const letter = name === 'curl' ? 'o' : 'O';
  const options = new Options(args, [
    letter,
    'P',
    'd',
    'H',
    'X',
    'u',
    'output',
    'output-document',
    'directory-prefix',
    'header',
    'data',
    'output-dir',
  ]);
  const folder = options.value('P', 'directory-prefix', 'output-dir');
  const file = options.value(letter, 'output', 'output-document');
  const named =
    name === 'curl' && !options.has('O', 'remote-name', 'remote-name-all') ? [] : options.operands.map(lastPart);
  for (const target of file === undefined ? named : [file]) {
    if (target !== '' && target !== '-') put(command, folder ? `${folder}/${target}` : target, FROM_NETWORK);
  }
}

function lastPart(address: string): string {
  return baseName(address.replace(/[?#].*$/s, ''));
}
