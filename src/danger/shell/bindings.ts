import type { Assignment, Redirection } from 'unbash';
import { credentialKind } from '../credentials.js';
import type { FileRedirect } from './command.js';
import { expandParts, expandText, expandWord, type Substitution } from './expansion.js';
import { redirectsOutput } from './lines.js';
import { resolvePath } from './path.js';
import type { Scope, Variable } from './scope.js';
import { FILE, literal, Origin, type Stream, type Value } from './value.js';

const SECRET_FILE: Stream = { text: undefined, origin: Origin.credentials };

export interface NamedVariable {
  readonly name: string;
  readonly variable: Variable;
}

/** The variable that `name=value` sets. The scope does not change. */
export function readAssignment(part: Assignment, scope: Scope, shell: Substitution): NamedVariable {
  return { name: part.name, variable: assignedVariable(part, scope, shell) };
}

function assignedVariable(part: Assignment, scope: Scope, shell: Substitution): Variable {
  if (part.index) expandText(part.index, scope, shell);
  const before = scope.lookup(part.name);
  if (part.value.type === 'ArrayValue') {
    const added = part.value.elements.flatMap((word) =>
      (expandWord(word, scope, shell)[0] ?? []).map(withoutSubscript),
    );
    const elements = part.append ? [...(before?.elements ?? []), ...added] : added;
    return { values: [elements[0] ?? literal('')], elements };
  }
  const values = expandText(part.value, scope, shell);
  if (part.index) {
    const elements = [...(before?.elements ?? []), ...values];
    return { values: [elements[0] ?? literal('')], elements };
  }
  if (!part.append) return { values };
  const prefix = before?.values[0] ?? literal('');
  return { values: values.map(({ text, origin }) => ({ text: prefix.text + text, origin: prefix.origin | origin })) };
}

/** `[key]=value` in an array */
function withoutSubscript(value: Value): Value {
  const text = /^\[[^\]]*\]=(.*)$/s.exec(value.text)?.[1];
  return text === undefined ? value : { ...value, text };
}

function contentOf(path: string, scope: Scope): Stream {
  return scope.files.get(path) ?? (credentialKind(path) ? SECRET_FILE : FILE);
}

interface Redirects {
  readonly redirects: readonly FileRedirect[];
  /** What the command reads from its standard input, after all redirections. */
  readonly input: Stream | undefined;
  /** Whether nothing of a command's output reaches the next command of a pipe. */
  readonly silent: boolean;
}

export function readRedirects(
  list: readonly Redirection[],
  scope: Scope,
  stdin: Stream | undefined,
  shell: Substitution,
): Redirects {
  const redirects: FileRedirect[] = [];
  let input = stdin;
  for (const redirect of list) {
    if (redirect.type === 'HereDoc') {
      const { parts, text } = redirect.body;
      shell.budget.read(text.length);
      input = parts ? expandParts(parts, scope, shell) : literal(text);
    } else if (redirect.type === 'HereString') {
      input = redirect.target && (expandText(redirect.target, scope, shell)[0] ?? literal(''));
    } else if (redirect.target) {
      for (const target of expandText(redirect.target, scope, shell)) {
        redirects.push({ operator: redirect.operator, target });
        if (redirect.operator !== '<') continue;
        input = target.content ?? contentOf(resolvePath(target.text, scope.cwd), scope);
      }
    }
  }
  return { redirects, input, silent: redirectsOutput(list) };
}
