import type { z } from 'zod';

/** The schema of a part of an option. Undefined if the schema does not describe this part. */
export function innerSchema(schema: z.ZodType | undefined, path: readonly PropertyKey[]): z.ZodType | undefined {
  const [key, ...rest] = path;
  if (schema === undefined || key === undefined) return schema;
  const found = alternatives(schema).map((each) => childOf(each, key));
  return innerSchema(
    found.find((each) => each !== undefined),
    rest,
  );
}

/** The names of the options in an object. */
export function keysOf(schema: z.ZodType | undefined): string[] {
  if (schema === undefined) return [];
  return alternatives(schema).flatMap((each) => {
    if (is(each, 'object')) return Object.keys(each.shape);
    if (is(each, 'record') && is(each.keyType, 'enum')) return each.keyType.options.map(String);
    return [];
  });
}

/** What an option accepts, for people. Undefined if only a message of the schema says that. */
export function accepted(schema: z.ZodType | undefined): string | undefined {
  if (schema === undefined) return undefined;
  const texts = alternatives(schema).map(textOf);
  return texts.includes(undefined) ? undefined : texts.join(', or ');
}

function textOf(schema: z.ZodType): string | undefined {
  if (is(schema, 'literal')) return [...schema.values].map(String).join(' or ');
  if (is(schema, 'enum')) return schema.options.map((value) => `'${value}'`).join(', ');
  if (is(schema, 'string')) return 'a string';
  if (is(schema, 'number')) return schema.format === 'safeint' ? 'a whole number' : 'a number';
  if (is(schema, 'boolean')) return 'true or false';
  if (is(schema, 'array')) return 'an array';
  if (is(schema, 'record')) return 'an object';
  if (is(schema, 'object')) return `an object with ${Object.keys(schema.shape).join(', ')}`;
  return undefined;
}

function alternatives(schema: z.ZodType): z.ZodType[] {
  if (is(schema, 'optional')) return alternatives(schema.unwrap() as z.ZodType);
  if (is(schema, 'union')) return schema.options.flatMap((each) => alternatives(each as z.ZodType));
  return [schema];
}

function childOf(schema: z.ZodType, key: PropertyKey): z.ZodType | undefined {
  if (is(schema, 'object')) return (schema.shape as Record<PropertyKey, z.ZodType>)[key];
  if (is(schema, 'array')) return schema.element as z.ZodType;
  if (is(schema, 'record')) return schema.valueType as z.ZodType;
  return undefined;
}

interface Kinds {
  object: z.ZodObject;
  record: z.ZodRecord;
  enum: z.ZodEnum;
  literal: z.ZodLiteral;
  string: z.ZodString;
  number: z.ZodNumber;
  boolean: z.ZodBoolean;
  array: z.ZodArray;
  optional: z.ZodOptional;
  union: z.ZodUnion;
}

/** Not asked with `instanceof`, because there may be two instances of zod in a process. */
function is<Kind extends keyof Kinds>(schema: unknown, kind: Kind): schema is Kinds[Kind] {
  return (schema as z.ZodType).def.type === kind;
}
