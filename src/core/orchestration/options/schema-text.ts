import { z } from 'zod';

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
    if (each instanceof z.ZodObject) return Object.keys(each.shape);
    if (each instanceof z.ZodRecord && each.keyType instanceof z.ZodEnum) return each.keyType.options.map(String);
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
  if (schema instanceof z.ZodLiteral) return [...schema.values].map(String).join(' or ');
  if (schema instanceof z.ZodEnum) return schema.options.map((value) => `'${value}'`).join(', ');
  if (schema instanceof z.ZodString) return 'a string';
  if (schema instanceof z.ZodNumber) return schema.format === 'safeint' ? 'a whole number' : 'a number';
  if (schema instanceof z.ZodBoolean) return 'true or false';
  if (schema instanceof z.ZodArray) return 'an array';
  if (schema instanceof z.ZodRecord) return 'an object';
  if (schema instanceof z.ZodObject) return `an object with ${Object.keys(schema.shape).join(', ')}`;
  return undefined;
}

function alternatives(schema: z.ZodType): z.ZodType[] {
  if (schema instanceof z.ZodOptional) return alternatives(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((each) => alternatives(each as z.ZodType));
  return [schema];
}

function childOf(schema: z.ZodType, key: PropertyKey): z.ZodType | undefined {
  if (schema instanceof z.ZodObject) return (schema.shape as Record<PropertyKey, z.ZodType>)[key];
  if (schema instanceof z.ZodArray) return schema.element as z.ZodType;
  if (schema instanceof z.ZodRecord) return schema.valueType as z.ZodType;
  return undefined;
}
