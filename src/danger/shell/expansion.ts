import {
  type ArithmeticExpression,
  type ParameterExpansionPart,
  type ParsedScript,
  parse,
  type Word,
  type WordPart,
} from 'unbash';
import { expandBraces } from './braces.js';
import type { Budget } from './budget.js';
import { expandParameter, lookup } from './parameters.js';
import type { Scope } from './scope.js';
import { ANY, CHARACTER, literal, Origin, SEGMENT, type Stream, type Value } from './value.js';

/** The functions of the interpreter that the expansion of words needs. */
export interface Substitution {
  readonly budget: Budget;
  /** Looks at the script of a substitution and says what it writes. */
  substitute(script: ParsedScript | undefined, scope: Scope, stdin?: Stream): Stream;
  arithmetic(expression: ArithmeticExpression | undefined, scope: Scope): void;
  /** Looks at the substitutions that arithmetic runs: in the subscripts of a text, and of the variables that it names. */
  evaluate(text: string, scope: Scope): void;
  /** Looks at the substitutions in a text that the shell expands a second time. */
  expandLater(text: string, scope: Scope): void;
}

/** A word with more possible results is unknown. */
const MAX_ALTERNATIVES = 16;

interface Piece {
  /** The first field continues the current field of the word. Each further field begins a new one. */
  readonly fields: readonly string[];
  readonly quoted: boolean;
  readonly origin: number;
  readonly content?: Stream;
}

/** What a word expands to: one list of fields for each possible result. */
export function expandWord(word: Word, scope: Scope, shell: Substitution): readonly (readonly Value[])[] {
  if (!word.parts) return [[literal(tilde(word.value, word.text, scope))]];
  shell.budget.read(word.text.length);
  if (word.parts.some(({ type }) => type === 'BraceExpansion')) return expandBraceWord(word, scope, shell);
  return build(word.parts, scope, shell).map((pieces) => charged(fieldsOf(pieces, word.text, scope), shell));
}

/** A word that the shell does not split, as in assignments, redirections and here-documents. One value for each result. */
export function expandText(word: Word, scope: Scope, shell: Substitution): readonly Value[] {
  if (!word.parts) return [literal(tilde(word.value, word.text, scope))];
  shell.budget.read(word.text.length);
  return build(word.parts, scope, shell).flatMap((pieces) => charged([joined(pieces, word.text, scope)], shell));
}

/** The parts of a here-document. */
export function expandParts(parts: readonly WordPart[], scope: Scope, shell: Substitution): Value {
  return joined(build(parts, scope, shell)[0] ?? [], '', scope);
}

function expandBraceWord(word: Word, scope: Scope, shell: Substitution): readonly (readonly Value[])[] {
  const sources = expandBraces(word.text);
  // A brace that does not expand is an ordinary character.
  if (sources?.length === 1) {
    return build(word.parts ?? [], scope, shell).map((pieces) => charged(fieldsOf(pieces, word.text, scope), shell));
  }
  if (!sources) return [[literal(ANY)]];
  const fields: Value[] = [];
  for (const source of sources) {
    const command = parse(`: ${source}`).commands[0]?.command;
    const words = command?.type === 'Command' ? command.args : [];
    for (const found of words) {
      if (found.type !== 'Word') continue;
      if (found.parts?.some(({ type }) => type === 'BraceExpansion')) fields.push(literal(ANY));
      else fields.push(...expandWord(found, scope, shell).flat());
    }
  }
  return [fields];
}

/** Cuts long texts: a few characters of source can double a text again and again. */
function charged(fields: readonly Value[], shell: Substitution): readonly Value[] {
  shell.budget.read(fields.reduce((length, { text }) => length + text.length + 8, 0));
  return fields;
}

/** All possible results of the parts of a word. */
function build(parts: readonly WordPart[], scope: Scope, shell: Substitution, quoted = false): readonly Piece[][] {
  let alternatives: Piece[][] = [[]];
  for (const part of parts) {
    const options = expandPart(part, scope, shell, quoted);
    const [only] = options;
    if (options.length === 1 && only) {
      for (const pieces of alternatives) pieces.push(only);
    } else if (options.length * alternatives.length > MAX_ALTERNATIVES) {
      const origin = options.reduce((all, piece) => all | piece.origin, 0);
      for (const pieces of alternatives) pieces.push({ fields: [ANY], quoted, origin });
    } else alternatives = alternatives.flatMap((pieces) => options.map((option) => [...pieces, option]));
  }
  return alternatives;
}

function expandPart(part: WordPart, scope: Scope, shell: Substitution, quoted: boolean): readonly Piece[] {
  switch (part.type) {
    case 'Literal':
      return [piece(part.value, quoted)];
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return [piece(part.value, true)];
    case 'DoubleQuoted':
    case 'LocaleString':
      return build(part.parts, scope, shell, true).map(merge);
    case 'Glob':
      return [piece(part.kind === 'star' ? SEGMENT : CHARACTER, false)];
    case 'ExtendedGlob':
      build(part.parts ?? [], scope, shell);
      return [piece(SEGMENT, false)];
    case 'SimpleExpansion':
      return lookup(part.text.slice(1), scope).map((fields) => parameterPiece(fields, part.text, scope, quoted));
    case 'ParameterExpansion': {
      shell.budget.read(part.text.length);
      const resolve = (word: Word): Value => expandText(word, scope, shell)[0] ?? literal('');
      const found = shell.budget.nested(() => expandParameter(part, scope, resolve));
      expandOperands(part, scope, shell);
      return found.map((fields) => parameterPiece(fields, part.text, scope, quoted));
    }
    case 'CommandExpansion': {
      const { text, origin } = shell.substitute(part.script, scope);
      const output = text === undefined ? ANY : text.replace(/\n+$/, '');
      return [{ ...expansionPiece(output, scope, quoted), origin }];
    }
    case 'ArithmeticExpansion':
      shell.arithmetic(part.expression, scope);
      return [piece(SEGMENT, quoted)];
    case 'ProcessSubstitution': {
      const content = shell.substitute(part.script, scope, part.operator === '>' ? unknownInput : undefined);
      return [{ fields: ['/dev/fd/63'], quoted: true, origin: content.origin, content }];
    }
    default:
      return [piece(part.text, quoted)];
  }
}

const unknownInput: Stream = { text: undefined, origin: Origin.none };

/** The words inside `${…}` are always expanded, even if the result does not need them. `@P` expands the value like a prompt. */
function expandOperands(part: ParameterExpansionPart, scope: Scope, shell: Substitution): void {
  const { index, operation } = part;
  const evaluated = index ? [index] : [];
  const words = [...evaluated];
  switch (operation?.type) {
    case 'Slice':
      evaluated.push(operation.offset, ...(operation.length ? [operation.length] : []));
      break;
    case 'Replace':
      words.push(operation.pattern, operation.replacement);
      break;
    case 'Remove':
      words.push(operation.operand);
      break;
    case 'CaseModification':
      if (operation.operand) words.push(operation.operand);
      break;
    case 'Transform':
      if (operation.operand.value.includes('P')) {
        const values = scope.lookup(part.parameter)?.elements ?? lookup(part.parameter, scope).flat();
        for (const { text } of values) shell.expandLater(text, scope);
      }
      break;
    default:
  }
  for (const word of words) if (word.parts) expandText(word, scope, shell);
  for (const word of evaluated) for (const { text } of expandText(word, scope, shell)) shell.evaluate(text, scope);
}

function piece(text: string, quoted: boolean): Piece {
  return { fields: [text], quoted, origin: Origin.none };
}

function parameterPiece(fields: readonly Value[], source: string, scope: Scope, quoted: boolean): Piece {
  const origin = fields.reduce((all, value) => all | value.origin, 0);
  const content = fields.length === 1 ? fields[0]?.content : undefined;
  const extra = content ? { content } : {};
  const texts = fields.map(({ text }) => text);
  const separate = source.includes('@');
  if (quoted)
    return { fields: separate ? texts : [texts.join(' ')], quoted: !separate || texts.length > 0, origin, ...extra };
  return { ...expansionPiece(texts.join(' '), scope, false), origin, ...extra };
}

/** The result of an expansion. Without quotes it is split, and globs are expanded. */
function expansionPiece(text: string, scope: Scope, quoted: boolean): Piece {
  if (quoted || text === ANY) return piece(text, quoted);
  const separators = scope.lookup('IFS')?.values[0]?.text ?? ' \t\n';
  const spaced = [...separators].reduce((all, separator) => all.replaceAll(separator, '\n'), text);
  const fields = spaced.replaceAll('*', SEGMENT).replaceAll('?', CHARACTER).split('\n');
  return { fields, quoted: false, origin: Origin.none };
}

/** A text between double quotes is one field, unless `"$@"` splits it. */
function merge(pieces: readonly Piece[]): Piece {
  const fields: string[] = [''];
  let origin = 0;
  let content: Stream | undefined;
  for (const part of pieces) {
    const [first = '', ...rest] = part.fields;
    fields[fields.length - 1] += first;
    fields.push(...rest);
    origin |= part.origin;
    content ??= part.content;
  }
  const vanished = pieces.length === 1 && pieces[0]?.fields.length === 0;
  return { fields: vanished ? [] : fields, quoted: !vanished, origin, ...(content ? { content } : {}) };
}

function fieldsOf(pieces: readonly Piece[], source: string, scope: Scope): readonly Value[] {
  const fields: { text: string; origin: number; quoted: boolean; content?: Stream }[] = [];
  let current: (typeof fields)[number] | undefined;
  for (const { fields: texts, quoted, origin, content } of pieces) {
    for (const [index, text] of texts.entries()) {
      if (!current || index > 0) {
        current = { text: '', origin: 0, quoted: false };
        fields.push(current);
      }
      current.text += text;
      current.origin |= origin;
      current.quoted ||= quoted;
      if (content) current.content = content;
    }
  }
  const first = fields[0];
  if (first) first.text = tilde(first.text, source, scope);
  return fields.filter(({ text, quoted }) => text !== '' || quoted);
}

function joined(pieces: readonly Piece[], source: string, scope: Scope): Value {
  const { fields, origin, content } = merge(pieces);
  return { text: tilde(fields.join(' '), source, scope), origin, ...(content ? { content } : {}) };
}

/** `~`, `~/…`, `~user/…` and `~+/…`; `source` tells whether the tilde was quoted. */
function tilde(text: string, source: string, scope: Scope): string {
  if (source[0] !== '~') return text;
  const slash = text.indexOf('/');
  const user = slash < 0 ? text.slice(1) : text.slice(1, slash);
  const rest = slash < 0 ? '' : text.slice(slash);
  if (user === '') return scope.home + rest;
  if (user === '+') return scope.cwd + rest;
  if (user === '-') return scope.previousCwd + rest;
  return (user === 'root' ? '/root' : `/home/${user}`) + rest;
}
