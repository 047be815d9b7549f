import { describe, expect, it } from 'vitest';
import { withSchema } from '../../../../src/core/orchestration/output/schema-worker.js';
import { outputIssues, prepareOutput } from '../../../../src/core/orchestration/output/validator.js';

const issuesOf = async (schema: object, value: unknown) => outputIssues({ ...schema }, value);

describe('the check of a result', () => {
  it('says where a value does not fit, and what would', async () => {
    const schema = { type: 'object', properties: { kind: { enum: ['bug', 'idea'] } }, additionalProperties: false };
    expect(await issuesOf(schema, { kind: 'joke', more: 1 })).toEqual([
      'the result: must NOT have additional properties ("more")',
      '/kind: must be equal to one of the allowed values (["bug","idea"])',
    ]);
    expect(await issuesOf(schema, { kind: 'bug' })).toEqual([]);
  });

  it.each<[string, object, unknown, unknown]>([
    ['draft-07 tuple', { items: [{ type: 'string' }], additionalItems: false }, ['a'], ['a', 'b']],
    ['2020-12 tuple', { prefixItems: [{ type: 'string' }], items: false }, ['a'], ['a', 'b']],
    ['dependentRequired', { dependentRequired: { a: ['b'] } }, { a: 1, b: 1 }, { a: 1 }],
    ['dependencies', { dependencies: { a: ['b'] } }, { a: 1, b: 1 }, { a: 1 }],
    ['unevaluatedProperties', { properties: { a: {} }, unevaluatedProperties: false }, { a: 1 }, { b: 1 }],
    ['if and else', { if: { type: 'string' }, else: { type: 'number' } }, 'ab', []],
    [
      'a recursive schema',
      { properties: { a: { $ref: '#' } }, additionalProperties: false },
      { a: { a: {} } },
      { a: { b: 1 } },
    ],
  ])('checks %s', async (_, schema, good, bad) => {
    expect(await issuesOf(schema, good)).toEqual([]);
    expect(await issuesOf(schema, bad)).not.toEqual([]);
  });

  it('a pattern that takes for ever with some texts is ended', async () => {
    const schema = { type: 'string', pattern: '^(a+)+$' };
    expect(await issuesOf(schema, `${'a'.repeat(40)}b`)).toEqual(['it could not be checked: it takes more than 3 s']);
    expect(await issuesOf(schema, 'aaa')).toEqual([]);
  });

  it('a comparison of many parts with each other is ended', async () => {
    const list = Array.from({ length: 60_000 }, (_, index) => [index]);
    expect(await issuesOf({ uniqueItems: true }, list)).toEqual(['it could not be checked: it takes more than 3 s']);
  });

  it('a value of many problems gives a few of them', async () => {
    const list = Array.from({ length: 5_000 }, () => 1);
    expect(await issuesOf({ items: { type: 'string' } }, list)).toHaveLength(20);
  });

  it('parts that only JSON makes, like a property called __proto__, change nothing', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } }, additionalProperties: false };
    expect(await issuesOf(schema, JSON.parse('{"__proto__": {"a": "b"}}'))).toHaveLength(1);
    expect(({} as { a?: string }).a).toBeUndefined();
  });
});

describe('a schema that an agent made to stop this process', () => {
  const named = (count: number, schema: object) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, schema]));

  it('many references to one large part are cheap, because the part is compiled once', async () => {
    const a = { type: 'object', properties: named(300, { type: 'string' }) };
    const schema = { type: 'object', $defs: { a }, properties: named(300, { $ref: '#/$defs/a' }) };
    expect(await prepareOutput({ schema, retries: 0 })).toHaveProperty('forClaude');
  }, 30_000);

  it('one that takes too much is given up, and this process works on meanwhile', async () => {
    let ticks = 0;
    const timer = setInterval(() => {
      ticks += 1;
    }, 10);
    // Much more than `create()` takes, so that the fastest machine needs too long for it, or too much memory.
    const allOf = Array.from({ length: 50_000 }, (_, index) => ({ properties: { [`p${index}`]: {} } }));
    const schema = { allOf, unevaluatedProperties: false };
    const verdict = await withSchema({ schema, draft: '2020-12', strict: false });
    clearInterval(timer);
    expect(verdict).toEqual({ kind: 'unusable', why: expect.stringMatching(/^it takes more than (3 s|256 MB)/) });
    expect(ticks).toBeGreaterThan(20);
  }, 30_000);
});
