import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkedSchema } from '../../../../src/core/orchestration/output/checked-schema.js';
import { forClaude } from '../../../../src/core/orchestration/output/for-claude.js';
import { outputIssues, prepareOutput } from '../../../../src/core/orchestration/output/validator.js';

const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

describe('the schema that Claude gets', () => {
  it('a plain object is passed on as it is', () => {
    expect(forClaude(CITY)).toEqual({ schema: CITY, wrapped: false });
  });

  it.each([
    [{ properties: { city: { type: 'string' } } }],
    [{ required: ['city'] }],
    [{ type: 'object', properties: { a: { type: ['string', 'null'] }, b: { minLength: 1 } }, required: ['c'] }],
  ])('%j is an object, although it does not say all of it', async (schema) => {
    const { forClaude: given } = await prepareOutput({ schema, retries: 0 });
    expect(given).toEqual({ schema: { type: 'object', ...schema }, wrapped: false });
  });

  it('it has no $schema, because Claude Code knows no draft by name but draft-07', () => {
    const $schema = 'https://json-schema.org/draft/2020-12/schema';
    expect(forClaude({ $schema, ...CITY }).schema).toEqual(CITY);
  });

  it('a format becomes a part of the description, because the older release gives up at a format', () => {
    const { schema } = forClaude({
      type: 'object',
      properties: { at: { type: 'string', format: 'date', description: 'When' } },
    });
    expect(schema).toEqual({
      type: 'object',
      properties: { at: { type: 'string', description: 'When (format: date)' } },
    });
  });

  it('what draft-07 does not know is left out at every depth, and property names stay', () => {
    const schema = {
      type: 'object',
      properties: { format: { type: 'object', minContains: 1, unevaluatedProperties: false } },
      dependentRequired: { a: ['b'] },
    };
    expect(forClaude(schema).schema).toEqual({ type: 'object', properties: { format: { type: 'object' } } });
  });

  it('a tuple of 2020-12 becomes one of draft-07', () => {
    const pair = { type: 'array', prefixItems: [{ type: 'string', format: 'date' }, { type: 'number' }], items: false };
    expect(forClaude({ type: 'object', properties: { pair } }).schema.properties).toEqual({
      pair: {
        type: 'array',
        items: [{ type: 'string', description: '(format: date)' }, { type: 'number' }],
        additionalItems: false,
      },
    });
  });

  it.each([
    [{ type: 'array', items: { type: 'string' } }],
    [{ anyOf: [CITY, { type: 'object' }] }],
    [{ type: 'object', oneOf: [CITY] }],
    [{ $ref: '#/$defs/city', $defs: { city: CITY } }],
    [{}],
  ])('%j becomes the property `value`, because a tool takes a plain object', (schema) => {
    const { wrapped, schema: given } = forClaude(schema);
    expect(wrapped).toBe(true);
    expect(given).toMatchObject({ type: 'object', required: ['value'], additionalProperties: false });
    expect(() => new Ajv({ logger: false }).compile(given)).not.toThrow();
  });

  it('references of a wrapped schema lead to the same parts', () => {
    const { schema } = forClaude({
      type: 'array',
      items: { $ref: '#/$defs/n' },
      $defs: { n: { anyOf: [{ type: 'number' }, { $ref: '#' }] } },
    });
    const validate = new Ajv({ logger: false }).compile(schema);
    expect(validate({ value: [1, [2, [3]]] })).toBe(true);
    expect(validate({ value: [1, ['2']] })).toBe(false);
  });

  it('a schema that the strict validator of Claude Code would refuse is given as a text', async () => {
    const schema = {
      type: 'object',
      properties: { aa: { type: 'string' } },
      patternProperties: { '^a': { minLength: 1 } },
    };
    const { forClaude: given } = await prepareOutput({ schema, retries: 0 });
    expect(given?.wrapped).toBe(true);
    expect(JSON.stringify(given?.schema)).toContain('patternProperties');
    expect(() => new Ajv({ logger: false }).compile(given?.schema ?? {})).not.toThrow();
  });
});

/** Schemas of both drafts, and values that fit some of them. */
const leaf = fc.oneof(
  fc.constantFrom('string', 'number', 'null', 'boolean').map((type) => ({ type })),
  fc.constant({ enum: ['a', 1, null] }),
  fc.record({ type: fc.constant('string'), format: fc.constantFrom('date', 'email') }),
  fc.record({ minLength: fc.nat(2) }),
);
const { schema: anySchema } = fc.letrec<{ schema: object }>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.record({ type: fc.constant('array'), items: tie('schema') }),
    fc.record({ type: fc.constant('array'), prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
    fc.record({
      type: fc.constant('object'),
      properties: fc.record({ a: tie('schema') }),
      required: fc.constant(['a']),
    }),
    fc.record({ anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }) }),
    fc.record({ properties: fc.record({ a: tie('schema') }), unevaluatedProperties: fc.constant(false) }),
    fc.record({ $ref: fc.constant('#/$defs/text') }),
  ),
}));
const anyValue = fc.jsonValue({ maxDepth: 3 });

describe('property: what Claude gets', () => {
  it('Claude Code takes it, and refuses no result that this process takes', async () => {
    await fc.assert(
      fc.asyncProperty(anySchema, fc.array(anyValue, { maxLength: 8 }), async (part, values) => {
        const asked = checkedSchema({ ...part, $defs: { text: { type: 'string' } } }, false);
        const { forClaude: given } = await prepareOutput({ schema: asked, retries: 0 });
        const takenByClaude = new Ajv({ logger: false }).compile(given?.schema ?? {});
        for (const value of ['a', null, { a: 'b' }, ['a'], [1, 'a'], ...values]) {
          // Claude gives objects only.
          const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
          if (!given?.wrapped && !isObject) continue;
          if (takenByClaude(given?.wrapped ? { value } : value)) continue;
          expect(await outputIssues(asked, value), JSON.stringify({ asked, value })).not.toEqual([]);
        }
      }),
      { numRuns: 15 }, // Each run starts threads.
    );
  });
});
