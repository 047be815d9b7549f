import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { forClaude } from '../../../../src/core/orchestration/output/for-claude.js';
import { prepareOutput } from '../../../../src/core/orchestration/output/validator.js';

const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };

describe('the schema that Claude gets', () => {
  it('a plain object is passed on as it is', () => {
    expect(forClaude(CITY)).toEqual({ schema: CITY, wrapped: false });
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
