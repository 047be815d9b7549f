import { describe, expect, it } from 'vitest';
import { checkedSchema } from '../../../../src/core/orchestration/output/checked-schema.js';
import { prepareOutput } from '../../../../src/core/orchestration/output/validator.js';
import { errorOf } from '../../../support/errors.js';

const holdsItself: Record<string, unknown> = { type: 'object' };
holdsItself.properties = { again: holdsItself };

/** Claude Code's own validator refuses this, so it gets the schema as a text. */
const STRICTLY_WRONG = { properties: { aa: { type: 'string' } }, patternProperties: { '^a': { minLength: 1 } } };

/** What `create()` does with a schema. */
const asked = async (schema: unknown) => prepareOutput({ schema: checkedSchema(schema, false), retries: 2 });

describe('a schema that is refused', () => {
  it.each<[string, unknown, string]>([
    ['a type that does not exist', { properties: { a: { type: 'objekt' } } }, '"/properties/a/type"'],
    ['a text in the place of a schema', { properties: { a: 'string' } }, '"/properties/a"'],
    ['a list in the place of a schema', { not: [] }, '"/not"'],
    ['a keyword that holds something else', { type: 'object', required: 'city' }, '"/required"'],
    ['a number that cannot be a length', { items: { maxLength: -1 } }, '"/items/maxLength"'],
    ['no schema at all', { city: 'string' }, '"/city" in the schema is no keyword'],
    ['a misspelt keyword', { type: 'object', requird: ['city'] }, '"/requird"'],
    ['another address', { $ref: 'https://example.com/schema.json' }, '"/$ref"'],
    ['another file', { items: { $ref: 'other.json#/a' } }, '"/items/$ref"'],
    ['a part that is not there', { $ref: '#/$defs/city' }, '#/$defs/city'],
    ['a name of its own', { properties: { a: { $id: 'https://example.com/a' } } }, '"/properties/a/$id"'],
    ['a dynamic reference', { $dynamicRef: '#a' }, '"/$dynamicRef"'],
    ['an unknown draft', { $schema: 'https://example.com/schema' }, '"/$schema"'],
    ['a pattern that is none', { pattern: '(' }, 'cannot be used'],
    ['a schema that holds itself', holdsItself, 'holds itself'],
    ['a schema of megabytes', { description: 'x'.repeat(3_000_000) }, '65536 bytes'],
    ['one that doubles as a text', { type: 'object', $comment: '"'.repeat(32_705), ...STRICTLY_WRONG }, '131071'],
    ['many small parts', { enum: Array.from({ length: 1_000_000 }, (_, index) => index) }, '65536 bytes'],
    ['a number that JSON does not have', { const: 1n }, 'no data'],
  ])('%s is refused with its place', async (_, schema, place) => {
    const { message } = await errorOf(asked(schema), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'output'");
    expect(message).toContain(place);
    expect(message.length).toBeLessThan(800);
  });

  it('nesting beyond any honest depth is refused', async () => {
    let schema: object = { type: 'string' };
    for (let level = 0; level < 20_000; level++) schema = { items: schema };
    await errorOf(asked(schema), 'INVALID_OPTIONS');
  });
});

describe('a schema that is taken', () => {
  it.each<[string, object]>([
    ['draft-07 with $schema', { $schema: 'http://json-schema.org/draft-07/schema#', type: 'object' }],
    ['2020-12 with $schema', { $schema: 'https://json-schema.org/draft/2020-12/schema', type: 'object' }],
    ['a root $id', { $id: 'https://example.com/city', type: 'object' }],
    ['a tuple of draft-07', { type: 'array', items: [{ type: 'string' }], additionalItems: false }],
    ['a tuple of 2020-12', { type: 'array', prefixItems: [{ type: 'string' }], items: false }],
    ['a schema that refers to itself', { type: 'object', properties: { child: { $ref: '#' } } }],
    ['words of its own', { 'x-note': { any: 'thing' }, type: 'object' }],
    ['properties that are called like keywords', { properties: { $ref: { type: 'string' }, $id: true, foo: {} } }],
    ['anything', {}],
  ])('%s', async (_, schema) => {
    const { forClaude } = await asked(schema);
    expect(forClaude?.schema).toMatchObject({ type: 'object' });
  });

  it('the caller can change its object afterwards', () => {
    const given = { type: 'object', properties: { a: { type: 'string' } } };
    const schema = checkedSchema(given, false);
    given.properties.a.type = 'number';
    expect(schema).toEqual({ type: 'object', properties: { a: { type: 'string' } } });
  });

  it('a library may add words of its own, which are left out', () => {
    expect(checkedSchema({ type: 'object', hint: 'mine' }, true)).toEqual({ type: 'object' });
  });
});
