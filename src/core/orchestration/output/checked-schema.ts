import type { JsonSchema } from '../session/output-schema.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { jsonProblem, MOST_JSON_DEPTH } from '../util/json-size.js';
import { heldBy, innerSchemas, NAMING_KEYWORDS } from './keywords.js';

/** The schema becomes one argument of Claude's command line, and Linux takes no argument that is longer than 128 KB. */
const MOST_SCHEMA_BYTES = 64 * 1024;

/**
 * Checks that a value is a JSON Schema that can be given to Claude and checked here, and returns a copy of it as plain data. That
 * its keywords hold what they have to hold is checked later, see `prepareOutput`.
 *
 * @param isGenerated true if a library made the schema; then keywords that are unknown are left out instead of refused
 * @throws OrchestrationError `INVALID_OPTIONS` that names the place in the schema
 */
export function checkedSchema(given: unknown, isGenerated: boolean): JsonSchema {
  const problem = jsonProblem(given, MOST_SCHEMA_BYTES);
  if (problem === 'large') throw tooLarge();
  if (problem) throw refused([], `is nested more than ${MOST_JSON_DEPTH} levels deep, or holds itself`);
  const copy = plainCopy(given);
  if (Buffer.byteLength(JSON.stringify(copy)) > MOST_SCHEMA_BYTES) throw tooLarge();
  const { $schema, $id: _, ...schema } = copy;
  requireKnownDraft($schema);
  const checked = checkedPart(schema, [], isGenerated);
  return { ...(typeof $schema === 'string' && { $schema }), ...(checked as object) };
}

/** JSON has neither `undefined` nor functions, and the copy must not change when the caller's object does. */
function plainCopy(given: unknown): JsonSchema {
  let copy: unknown;
  try {
    copy = JSON.parse(JSON.stringify(given) ?? 'null');
  } catch (error) {
    throw refused([], `holds what is no data: ${messageOf(error)}`, error);
  }
  if (typeof copy === 'object' && copy !== null && !Array.isArray(copy)) return copy as JsonSchema;
  throw refused([], `has to be an object. Received ${quote(given)}`);
}

function requireKnownDraft($schema: unknown): void {
  if ($schema === undefined || (typeof $schema === 'string' && DRAFTS.test($schema))) return;
  throw refused(['$schema'], `has to name a draft of JSON Schema (draft-07 or 2020-12). Received ${quote($schema)}`);
}

const DRAFTS = /^https?:\/\/json-schema\.org\/(draft-0[67]|draft\/20(19-09|20-12))\/schema#?$/;

function checkedPart(schema: unknown, path: readonly string[], isGenerated: boolean): unknown {
  if (typeof schema === 'boolean') return schema;
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw refused(path, `has to be a schema (an object, true or false). Received ${quote(schema)}`);
  }
  const kept: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (NAMING_KEYWORDS.has(keyword))
      throw refused([...path, keyword], "is not supported; refer to a part by its path, with '$ref'");
    if (keyword === '$ref' && !(typeof value === 'string' && /^#(\/|$)/.test(value))) {
      const why = "has to be '#' or a path in the schema, like '#/$defs/name'. Nothing is read from elsewhere";
      throw refused([...path, keyword], `${why}. Received ${quote(value)}`);
    }
    const isKnown = heldBy(keyword) !== undefined;
    if (!isKnown && !isGenerated && !keyword.startsWith('x-')) {
      throw refused([...path, keyword], "is no keyword of JSON Schema. Correct it, or begin its name with 'x-'");
    }
    if (isKnown) kept[keyword] = value;
  }
  for (const [inner, part] of innerSchemas(kept)) {
    if (part === undefined) continue;
    replaceAt(kept, inner, checkedPart(part, [...path, ...inner], isGenerated));
  }
  return kept;
}

/** Replaces a part of a copy of ours, in place. */
function replaceAt(schema: Record<string, unknown>, [keyword = '', name]: readonly string[], part: unknown): void {
  if (name === undefined) schema[keyword] = part;
  else (schema[keyword] as Record<string, unknown>)[name] = part;
}

function tooLarge(): OrchestrationError {
  return refused([], `is longer than ${MOST_SCHEMA_BYTES} bytes as JSON. Ask for less, or let the agent write files`);
}

/** @param path the place in the schema */
export function refused(path: readonly string[], why: string, cause?: unknown): OrchestrationError {
  const at = path.length === 0 ? 'the schema' : `${quote(`/${path.join('/')}`)} in the schema`;
  return new OrchestrationError('INVALID_OPTIONS', `Option 'output': ${at} ${why}.`, { cause });
}
