/** What stands behind a keyword of JSON Schema: a schema, a list of them, schemas by name, one of these, or other data. */
type Holds = 'schema' | 'schemas' | 'named' | 'items' | 'dependencies' | 'data';

const keywords = (holds: Holds, names: string): [string, Holds][] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => [name, holds]);

/**
 * The keywords of draft-07, and `$defs`. Claude Code checks the schema that it gets with a validator of draft-07 that knows no
 * others (measured on 2.1.98 and 2.1.332): the newer release ends with an error at any other keyword, and the older one works on
 * as if there were no schema.
 */
const OF_DRAFT_07 = new Map<string, Holds>([
  ...keywords('schema', 'additionalItems contains additionalProperties propertyNames if then else not'),
  ...keywords('schemas', 'allOf anyOf oneOf'),
  ...keywords('named', 'properties patternProperties definitions $defs'),
  ...keywords('items', 'items'),
  ...keywords('dependencies', 'dependencies'),
  ...keywords(
    'data',
    `$ref title description default examples $comment readOnly writeOnly type enum const multipleOf maximum exclusiveMaximum
    minimum exclusiveMinimum maxLength minLength pattern maxItems minItems uniqueItems maxProperties minProperties required`,
  ),
]);

/** Further keywords that this process checks, or that only describe. */
const OTHERS = new Map<string, Holds>([
  ...keywords('schema', 'unevaluatedProperties unevaluatedItems contentSchema'),
  ...keywords('schemas', 'prefixItems'),
  ...keywords('named', 'dependentSchemas'),
  ...keywords(
    'data',
    'format dependentRequired minContains maxContains contentEncoding contentMediaType deprecated example',
  ),
]);

/** Keywords that give a part of a schema a name of its own, or lead to another schema. Only `$ref` to a path is supported. */
export const NAMING_KEYWORDS: ReadonlySet<string> = new Set(
  '$id $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $vocabulary'.split(' '),
);

/** True if Claude Code knows the keyword. */
export function isKnownToClaude(keyword: string): boolean {
  return OF_DRAFT_07.has(keyword);
}

/** What stands behind a keyword. Undefined if it is no keyword. */
export function heldBy(keyword: string): Holds | undefined {
  return OF_DRAFT_07.get(keyword) ?? OTHERS.get(keyword);
}

/** The schemas directly inside a schema, each with the path to it. */
export function innerSchemas(schema: object): [path: readonly string[], schema: unknown][] {
  return Object.entries(schema).flatMap(([keyword, value]) =>
    partsOf(heldBy(keyword), value).map(([path, inner]): [string[], unknown] => [[keyword, ...path], inner]),
  );
}

/** A copy of what stands behind a keyword, with another schema in the place of each schema. */
export function withInner(keyword: string, value: unknown, change: (schema: unknown) => unknown): unknown {
  const parts = partsOf(heldBy(keyword), value);
  if (parts.length === 0) return value;
  if (parts[0]?.[0].length === 0) return change(value);
  if (Array.isArray(value)) return value.map(change);
  const isSchema = new Set(parts.map(([[name]]) => name));
  return Object.fromEntries(
    Object.entries(value as object).map(([name, inner]) => [name, isSchema.has(name) ? change(inner) : inner]),
  );
}

function partsOf(holds: Holds | undefined, value: unknown): [path: string[], schema: unknown][] {
  const each = (): [string[], unknown][] =>
    typeof value === 'object' && value !== null ? Object.entries(value).map(([name, inner]) => [[name], inner]) : [];
  switch (holds) {
    case 'schema':
      return [[[], value]];
    case 'items':
      return Array.isArray(value) ? each() : [[[], value]];
    case 'schemas':
    case 'named':
      return each();
    case 'dependencies':
      // A dependency is a schema, or a list of names.
      return each().filter(([, inner]) => !Array.isArray(inner));
    default:
      return [];
  }
}
