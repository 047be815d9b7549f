import type { ShellCommand } from './command.js';
import { resolvePath } from './path.js';
import type { Variable } from './scope.js';
import { ANY, isKnown, literal, UNKNOWN, type Value } from './value.js';

type Assignments = readonly { readonly name: string; readonly variable: Variable }[];

/**
 * Changes the scope as a builtin changes the shell.
 *
 * @returns whether the command was such a builtin
 */
export function applyBuiltin(command: ShellCommand, assignments: Assignments): boolean {
  const { name, args, scope } = command;
  switch (name) {
    case 'cd':
      changeFolder(command, operands(args)[0] ?? scope.home);
      return true;
    case 'pushd':
      scope.folders.push(scope.cwd);
      changeFolder(command, operands(args)[0] ?? ANY);
      return true;
    case 'popd':
      changeFolder(command, scope.folders.pop() ?? ANY);
      return true;
    case 'export':
    case 'declare':
    case 'typeset':
    case 'local':
    case 'readonly':
      assign(command, assignments);
      return true;
    case 'read':
    case 'mapfile':
    case 'readarray':
    case 'getopts':
      for (const operand of operands(args)) setUnknown(command, operand);
      if (name !== 'getopts' && operands(args).length === 0) setUnknown(command, name === 'read' ? 'REPLY' : 'MAPFILE');
      return true;
    case 'unset':
      for (const operand of args) {
        if (!args.includes('-f')) scope.variables.delete(operand);
        scope.functions.delete(operand);
      }
      return true;
    case 'set':
      setPositional(command);
      return true;
    case 'shift':
      scope.positional = scope.positional.slice(Number(args[0] ?? 1) || 1);
      return true;
    case 'alias':
      for (const arg of args) defineAlias(command, arg);
      return true;
    case 'unalias':
      for (const arg of args) scope.aliases.delete(arg);
      return true;
    default:
      return false;
  }
}

function operands(args: readonly string[]): readonly string[] {
  return args.filter((arg) => arg === '-' || !arg.startsWith('-'));
}

function changeFolder({ scope }: ShellCommand, folder: string): void {
  const target = folder === '-' ? scope.previousCwd : resolvePath(folder, scope.cwd);
  scope.previousCwd = scope.cwd;
  scope.cwd = target;
}

function assign({ name: builtin, args, values, scope }: ShellCommand, assignments: Assignments): void {
  if (builtin !== 'export' && builtin !== 'readonly' && args.some((arg) => /^-[a-zA-Z]*n/.test(arg))) {
    for (const arg of args) {
      const equals = arg.indexOf('=');
      if (equals > 0) scope.references.set(arg.slice(0, equals), arg.slice(equals + 1));
    }
    return;
  }
  for (const { name, variable } of assignments) scope.assign(name, variable);
  const assigned = new Set(assignments.map(({ name }) => name));
  // The parser takes a quoted or computed `NAME=value` for an ordinary word.
  args.forEach((arg, index) => {
    const equals = arg.indexOf('=');
    const name = arg.slice(0, equals);
    if (equals < 1 || assigned.has(name)) return;
    const origin = values[index]?.origin ?? 0;
    scope.assign(name, { values: [{ text: arg.slice(equals + 1), origin }] });
  });
}

/** The text that is read is unknown, but its origin is known. */
function setUnknown({ stdin, scope }: ShellCommand, name: string): void {
  const { text, origin } = stdin ?? UNKNOWN;
  const line = text !== undefined && !text.trimEnd().includes('\n') ? text.trimEnd() : ANY;
  const values: Value[] = [{ text: line, origin }];
  scope.assign(name, { values, elements: values });
}

function setPositional({ args, values, scope }: ShellCommand): void {
  const dashes = args.indexOf('--');
  if (dashes >= 0) scope.positional = values.slice(dashes + 1);
  else if (args[0] !== undefined && !/^[-+]/.test(args[0])) scope.positional = values;
}

function defineAlias({ scope }: ShellCommand, definition: string): void {
  const equals = definition.indexOf('=');
  if (equals > 0 && isKnown(definition.slice(0, equals))) {
    scope.aliases.set(definition.slice(0, equals), definition.slice(equals + 1));
  }
}

/** `printf -v name …` */
export function assignPrinted({ args, scope }: ShellCommand, text: string | undefined): void {
  const [, variable] = args;
  if (args[0] === '-v' && variable !== undefined) scope.assign(variable, { values: [literal(text ?? ANY)] });
}
