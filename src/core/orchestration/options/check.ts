import leven from 'leven';
import type { z } from 'zod';
import { OrchestrationError, quote } from '../util/errors.js';
import { accepted, innerSchema, keysOf } from './schema-text.js';

/** A known option is suggested if at most this part of the letters has to change. */
const SIMILAR = 0.4;

/** @throws OrchestrationError `INVALID_OPTIONS` that names the first wrong option, what it accepts, and the value */
export function check(schema: z.ZodType, options: unknown): void {
  const { error } = schema.safeParse(options);
  const issue = error?.issues[0];
  if (!issue) return;
  const { path, message } = problemOf(schema, deepest(issue));
  const name = path.length > 0 ? `Option '${path.join('.')}'` : 'The options';
  const value = at(options, path);
  // The message must not show values of variables or a token, which are secrets. Objects may contain them.
  const secret = path.includes('env') || path.includes('token') || (typeof value === 'object' && value !== null);
  const received = secret ? '' : ` Received ${quote(value)}.`;
  throw new OrchestrationError('INVALID_OPTIONS', `${name}: ${message}.${received}`, { cause: error });
}

type Issue = z.core.$ZodIssue;

/** The issue of a union says little. The issue of the alternative that got furthest says more. */
function deepest(issue: Issue): Issue {
  if (issue.code !== 'invalid_union') return issue;
  const [inner] = issue.errors
    .flatMap(([first]) => first ?? [])
    .map(deepest)
    .filter((each) => each.path.length > 0 || !TYPE_ISSUES.has(each.code ?? ''))
    .sort((a, b) => b.path.length - a.path.length);
  return inner ? ({ ...inner, path: [...issue.path, ...inner.path] } as Issue) : issue;
}

/** The issues about the kind of a value. What the option accepts says more than their messages. */
const TYPE_ISSUES: ReadonlySet<string> = new Set(['invalid_type', 'invalid_union', 'invalid_value']);

function problemOf(schema: z.ZodType, issue: Issue): { path: PropertyKey[]; message: string } {
  if (issue.code === 'invalid_key') {
    const [wrong] = issue.issues;
    const name = String(issue.path.at(-1));
    const known = keysOf(innerSchema(schema, issue.path.slice(0, -1)));
    if (known.length > 0) return { path: issue.path, message: unknownKey(name, known) };
    return { path: issue.path.slice(0, -1), message: `the name ${quote(name)} ${wrong?.message ?? 'is not accepted'}` };
  }
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    return { path: [...issue.path, key], message: unknownKey(key, keysOf(innerSchema(schema, issue.path))) };
  }
  if (!TYPE_ISSUES.has(issue.code ?? '')) return issue;
  const what = accepted(innerSchema(schema, issue.path));
  return { path: issue.path, message: what === undefined ? issue.message : `must be ${what}` };
}

function unknownKey(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({
      name,
      distance: leven(name.toLowerCase(), key.toLowerCase()) / Math.max(name.length, key.length),
    }))
    .sort((a, b) => a.distance - b.distance);
  const hint =
    nearest && nearest.distance <= SIMILAR ? `perhaps '${nearest.name}' is meant` : `known are ${known.join(', ')}`;
  return `is unknown; ${hint}`;
}

function at(value: unknown, path: PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}
