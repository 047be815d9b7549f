import type { ParameterExpansionPart, ParameterOperation, Word } from 'unbash';
import type { Scope, Variable } from './scope.js';
import { ANY, isKnown, literal, SEGMENT, type Value } from './value.js';

/** Expands the words inside an expansion. Returns the first possible result, as one text. */
type Resolve = (word: Word) => Value;

/** The possible values of a parameter. Each is a list of fields: `$@` and arrays have more than one field. */
export type Parameter = readonly (readonly Value[])[];

/** Longer texts are not worth following. */
const MAX_REPLACED = 1_000_000;

/** `$name` */
export function lookup(name: string, scope: Scope): Parameter {
  if (name === '@' || name === '*') return [scope.positional];
  if (/^[1-9]/.test(name)) {
    const positional = scope.positional[Number(name) - 1];
    return [positional ? [positional] : []];
  }
  const variable = scope.lookup(name);
  return variable ? variable.values.map((value) => [value]) : [[{ text: ANY, origin: scope.originOf(name) }]];
}

/** `${…}` */
export function expandParameter(part: ParameterExpansionPart, scope: Scope, resolve: Resolve): Parameter {
  if (part.prefix === '#') return [[literal(SEGMENT)]];
  if (part.prefix === '!') return indirect(part, scope);
  const found = part.index ? element(part, scope, resolve) : lookup(part.parameter, scope);
  if (!part.operation) return found;
  const isList = part.index?.value === '@' || part.index?.value === '*';
  return operate(part.operation, found, part.parameter, scope, resolve, isList);
}

function indirect(part: ParameterExpansionPart, scope: Scope): Parameter {
  const names = scope.lookup(part.parameter)?.values ?? [];
  if (part.operation || part.index || names.length === 0) return [[literal(ANY)]];
  return names.flatMap(({ text }) => (isKnown(text) ? lookup(text, scope) : [[literal(ANY)]]));
}

function element(part: ParameterExpansionPart, scope: Scope, resolve: Resolve): Parameter {
  const variable = scope.lookup(part.parameter);
  if (!variable) return lookup(part.parameter, scope);
  const elements = variable.elements ?? variable.values;
  const index = part.index ? resolve(part.index).text : '0';
  if (index === '@' || index === '*') return [elements];
  const at = /^-?\d+$/.test(index) ? elements.at(Number(index)) : undefined;
  return at ? [[at]] : elements.map((value) => [value]);
}

function operate(
  operation: ParameterOperation,
  found: Parameter,
  name: string,
  scope: Scope,
  resolve: Resolve,
  isList: boolean,
): Parameter {
  if (operation.type === 'Default') {
    const operand = resolve(operation.operand);
    const set = scope.lookup(name) !== undefined || found.every((fields) => fields.some(({ text }) => isKnown(text)));
    const usable = found.filter((fields) => set && fields.some(({ text }) => text !== ''));
    switch (operation.operator) {
      case '-':
      case ':-':
        // A variable that nothing sets is most likely not set.
        return usable.length > 0 ? usable : [[operand]];
      case '=':
      case ':=':
        if (usable.length > 0) return usable;
        scope.assign(name, { values: [operand] } satisfies Variable);
        return [[operand]];
      case '+':
      case ':+':
        return usable.length > 0 ? [[operand]] : [[literal('')], [operand]];
      default:
        return found;
    }
  }
  if (operation.type === 'Slice' && (isList || name === '@' || name === '*')) {
    const offset = Number(resolve(operation.offset).text);
    const length = operation.length ? Number(resolve(operation.length).text) : undefined;
    if (!Number.isInteger(offset) || (length !== undefined && !Number.isInteger(length))) return found;
    // `$0` comes before the positional parameters.
    const start = name === '@' || name === '*' ? Math.max(offset - 1, 0) : offset;
    return found.map((fields) => fields.slice(start).slice(0, length));
  }
  if (operation.type === 'Names') return [[literal(ANY)]];
  return found.map((fields) => fields.map((value) => ({ ...value, text: edit(value.text, operation, resolve) })));
}

/** Cuts and replaces parts of known texts. Patterns are taken literally. If that is wrong, the result is unknown. */
function edit(text: string, operation: ParameterOperation, resolve: Resolve): string {
  if (operation.type === 'Transform') return operation.operand.value === 'Q' ? text : ANY;
  if (!isKnown(text)) return ANY;
  switch (operation.type) {
    case 'CaseModification': {
      const change = (part: string): string =>
        operation.operator.startsWith('^') ? part.toUpperCase() : part.toLowerCase();
      return operation.operator.length === 2 ? change(text) : change(text.slice(0, 1)) + text.slice(1);
    }
    case 'Slice': {
      const offset = Number(resolve(operation.offset).text);
      const length = operation.length ? Number(resolve(operation.length).text) : undefined;
      if (!Number.isInteger(offset) || (length !== undefined && !Number.isInteger(length))) return ANY;
      const start = offset < 0 ? Math.max(text.length + offset, 0) : offset;
      if (length === undefined) return text.slice(start);
      return text.slice(start, length < 0 ? text.length + length : start + length);
    }
    case 'Replace': {
      const pattern = resolve(operation.pattern).text;
      const replacement = resolve(operation.replacement).text;
      if (!isKnown(pattern) || pattern === '' || text.length * replacement.length > MAX_REPLACED) return ANY;
      if (operation.operator === '//') return text.split(pattern).join(replacement);
      if (operation.operator === '/') return text.replace(pattern, () => replacement);
      return ANY;
    }
    case 'Remove':
      return remove(text, operation.operator, resolve(operation.operand).text);
    default:
      return ANY;
  }
}

/** `${x%.txt}`, `${x#prefix}` and the like. */
function remove(text: string, operator: string, pattern: string): string {
  const atEnd = operator.startsWith('%');
  if (isKnown(pattern)) {
    if (atEnd) return text.endsWith(pattern) ? text.slice(0, text.length - pattern.length) : text;
    return text.startsWith(pattern) ? text.slice(pattern.length) : text;
  }
  const known = atEnd ? pattern.slice(0, -1) : pattern.slice(1);
  const wild = atEnd ? pattern.slice(-1) : pattern.slice(0, 1);
  if (wild !== SEGMENT || !isKnown(known) || known === '') return ANY;
  const longest = operator.length === 2;
  const cut = atEnd === longest ? text.indexOf(known) : text.lastIndexOf(known);
  if (cut < 0) return text;
  return atEnd ? text.slice(0, cut) : text.slice(cut + known.length);
}
