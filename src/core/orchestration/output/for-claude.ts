import type { ClaudeOutput, JsonSchema } from '../session/output-schema.js';
import { isKnownToClaude, withInner } from './keywords.js';

/** A tool's input is an object, and the Messages API takes no combination of schemas at its top. */
const COMBINATIONS = ['$ref', 'allOf', 'anyOf', 'oneOf', 'not', 'if'];

/**
 * The schema in the words that all releases of Claude Code know: without `$schema`, and with the keywords of draft-07 only. What
 * cannot be said in them is left out, because this process checks the result again. A format becomes a part of the description.
 */
export function forClaude(schema: JsonSchema): ClaudeOutput {
  const { type = impliedType(schema), ...rest } = portablePart(schema) as JsonSchema;
  const portable: JsonSchema = { ...(type !== undefined && { type }), ...rest };
  const isObject = portable.type === 'object' && COMBINATIONS.every((keyword) => portable[keyword] === undefined);
  if (isObject) return { schema: portable, wrapped: false };
  return { schema: wrapped(movedRefs(portable, '#/properties/value')), wrapped: true };
}

/**
 * The same for a schema that Claude Code would refuse even so, because it is stricter than the standard. Claude gets the schema as
 * a text.
 */
export function describedForClaude(schema: JsonSchema): ClaudeOutput {
  return {
    schema: wrapped({ description: `It has to match this JSON Schema: ${JSON.stringify(schema)}` }),
    wrapped: true,
  };
}

/** Many schemas of objects do not say that they are. */
function impliedType({ properties, required }: JsonSchema): 'object' | undefined {
  return properties !== undefined || required !== undefined ? 'object' : undefined;
}

function wrapped(value: unknown): JsonSchema {
  return { type: 'object', properties: { value }, required: ['value'], additionalProperties: false };
}

function portablePart(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  const { format, prefixItems, ...rest } = schema as Record<string, unknown>;
  // In draft-07, the schemas of a tuple stand in `items`, and that of the further items in `additionalItems`.
  const { items, ...others } = rest;
  const tuple = Array.isArray(prefixItems)
    ? { items: prefixItems, ...(items !== undefined && { additionalItems: items }) }
    : {};
  const all = Array.isArray(prefixItems) ? { ...others, ...tuple } : rest;
  const kept = Object.entries(all).filter(([keyword]) => isKnownToClaude(keyword));
  const inner = Object.fromEntries(kept.map(([keyword, value]) => [keyword, withInner(keyword, value, portablePart)]));
  if (typeof format !== 'string') return inner;
  const { description } = inner;
  return { ...inner, description: `${typeof description === 'string' ? `${description} ` : ''}(format: ${format})` };
}

/** The schema with all its references moved to another place, because the schema itself moves there. */
function movedRefs(schema: unknown, place: string): unknown {
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([keyword, value]) => {
      if (keyword === '$ref' && typeof value === 'string') return [keyword, `${place}${value.slice(1)}`];
      return [keyword, withInner(keyword, value, (inner) => movedRefs(inner, place))];
    }),
  );
}
