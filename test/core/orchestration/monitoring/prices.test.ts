import { findProvider } from '@pydantic/genai-prices';
import { describe, expect, it } from 'vitest';
import { LIST_PRICES, priced } from '../../../../src/core/orchestration/monitoring/list-prices.js';
import { plainModelId } from '../../../../src/core/orchestration/monitoring/model-id.js';
import { Prices, priceWarnings } from '../../../../src/core/orchestration/monitoring/prices.js';
import { NO_TOKENS } from '../../../../src/core/orchestration/session/observation.js';

const MILLION = 1_000_000;
const NONE = { input: 0, output: 0, cacheRead: 0, cacheCreation: 0, cacheCreation1h: 0 };
const USUAL = { promptTokens: 0, fast: false, usOnly: false };
const prices = new Prices();
const costOf = (model: string, tokens: Partial<typeof NONE>, kind: Partial<typeof USUAL> = {}, of = prices) =>
  of.costOf(model, { ...NONE, ...tokens }, { ...USUAL, ...kind });

describe('the prices of models', () => {
  it.each([
    ['claude-opus-5', 5, 25, 0.5],
    ['claude-opus-5-5', 4, 20, 0.2],
    ['claude-sonnet-5', 2, 10, 0.2],
    ['claude-sonnet-5-5', 2, 10, 0.1],
    ['claude-haiku-5-5', 0.1, 0.5, 0.01],
    ['claude-fable-5', 10, 50, 1],
    ['claude-fable-5-1', 10, 50, 0.25],
    ['claude-fable-5-2', 8, 40, 0.2],
    ['claude-opus-4-8', 5, 25, 0.5],
    ['claude-opus-4-1-20250805', 15, 75, 1.5],
    ['claude-sonnet-4-6', 3, 15, 0.3],
    ['claude-haiku-4-5-20251001', 1, 5, 0.1],
    ['claude-3-5-haiku-20241022', 0.8, 4, 0.08],
  ])('%s: a million tokens of input cost $%s, of output $%s, from the cache $%s', (model, input, output, cacheRead) => {
    expect(costOf(model, { input: MILLION })).toBeCloseTo(input, 9);
    expect(costOf(model, { output: MILLION })).toBeCloseTo(output, 9);
    expect(costOf(model, { cacheRead: MILLION })).toBeCloseTo(cacheRead, 9);
  });

  it('what is written to the cache costs 1.25 times the input for five minutes, and twice the input for an hour', () => {
    expect(costOf('claude-opus-5', { cacheCreation: MILLION })).toBeCloseTo(6.25, 9);
    expect(costOf('claude-opus-5', { cacheCreation: MILLION, cacheCreation1h: MILLION })).toBeCloseTo(10, 9);
    expect(costOf('claude-opus-5', { cacheCreation: MILLION, cacheCreation1h: MILLION / 2 })).toBeCloseTo(8.125, 9);
  });

  it('the costs of all kinds of tokens are added up', () => {
    const tokens = { input: 1_000, output: 2_000, cacheRead: 30_000, cacheCreation: 4_000 };
    expect(costOf('claude-sonnet-4-6', tokens)).toBeCloseTo(0.003 + 0.03 + 0.009 + 0.015, 9);
  });

  it.each([
    'anthropic.claude-opus-4-5-20251101-v1:0',
    'us.anthropic.claude-opus-4-5-20251101-v1:0',
    'us-gov.anthropic.claude-opus-4-5-20251101-v1:0:200k',
    'global.anthropic.claude-opus-4-5-v1',
    'arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-5-20251101-v1:0',
    'arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-4-5-20251101-v1:0',
    'claude-opus-4-5@20251101',
    'publishers/anthropic/models/claude-opus-4-5@20251101',
    'claude-opus-4-5@latest',
    'claude-opus-4-5-20251101',
    'claude-opus-4-5-latest',
    'claude-opus-4-5[1m]',
    'us.anthropic.claude-opus-4-5-20251101-v1:0[1m]',
    'anthropic/claude-opus-4.5',
    'Claude-Opus-4-5',
  ])('the id %s stands for claude-opus-4-5', (model) => {
    expect(plainModelId(model)).toBe('claude-opus-4-5');
    expect(costOf(model, { output: MILLION })).toBe(25);
  });

  it('the first version of a generation has two names', () => {
    expect(costOf('claude-opus-4-20250514', { output: MILLION })).toBe(75);
    expect(costOf('claude-sonnet-4@20250514', { output: MILLION })).toBe(15);
    expect(costOf('claude-3-5-sonnet-v2@20241022', { output: MILLION })).toBe(15);
  });

  it.each([
    'claude-opus-9',
    'claude-opus-5-6',
    'claude-sonnet-5-5-1',
    'claude-sonnet-5-9-20270101',
    'us.anthropic.claude-haiku-6-v1:0',
    'claude-zephyr-1',
    'claude-opus',
    'arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123',
    'sonnet',
    'opusplan',
    '<synthetic>',
    'gpt-5',
    'constructor',
    '__proto__',
    '',
  ])('the price of an unlisted version or another model is unknown: %j', (model) => {
    expect(costOf(model, { input: 1 })).toBeUndefined();
  });

  it('a request without tokens costs nothing, whatever its model is', () => {
    expect(costOf('<synthetic>', {})).toBe(0);
  });

  it('a long prompt has its own price, if the model has one', () => {
    expect(costOf('claude-haiku-5-5', { output: MILLION }, { promptTokens: 100_000 })).toBe(0.5);
    expect(costOf('claude-haiku-5-5', { output: MILLION }, { promptTokens: 100_001 })).toBe(2.5);
    expect(costOf('claude-opus-5', { output: MILLION }, { promptTokens: 900_000 })).toBe(25);
  });

  it('the fast mode has its own price, and none where none is listed', () => {
    expect(costOf('claude-opus-5', { output: MILLION }, { fast: true })).toBe(50);
    expect(costOf('claude-opus-4-6', { output: MILLION }, { fast: true })).toBe(150);
    expect(costOf('claude-sonnet-5', { output: MILLION }, { fast: true })).toBeUndefined();
  });

  it('a request that is answered in the United States only costs a tenth more', () => {
    expect(costOf('claude-opus-5', { output: MILLION }, { usOnly: true })).toBeCloseTo(27.5, 9);
  });
});

describe('prices of the user', () => {
  const of = new Prices({
    'claude-opus-5': { input: 4, output: 20 },
    'claude-opus-9': { input: 7, output: 35, cacheRead: 0.5, cacheWrite5m: 8, cacheWrite1h: 13 },
    'deepseek-v3': { input: 0.2, output: 0.8 },
    free: { input: 0, output: 0 },
  });

  it('a price of the user outweighs the list price, whatever the provider calls the model', () => {
    for (const model of ['claude-opus-5', 'us.anthropic.claude-opus-5-v1:0', 'claude-opus-5@20260601']) {
      expect(costOf(model, { output: MILLION }, {}, of)).toBe(20);
    }
    expect(costOf('claude-opus-5', { output: MILLION }, { fast: true, usOnly: true }, of)).toBe(20);
    expect(costOf('claude-opus-5-5', { output: MILLION }, {}, of)).toBe(20);
    expect(costOf('claude-opus-4-8', { output: MILLION }, {}, of)).toBe(25);
  });

  it('a price of the user makes a model known, with its cache', () => {
    expect(costOf('claude-opus-9', { input: MILLION, output: MILLION }, {}, of)).toBe(42);
    expect(costOf('claude-opus-9', { cacheRead: MILLION }, {}, of)).toBe(0.5);
    expect(costOf('claude-opus-9', { cacheCreation: 2 * MILLION, cacheCreation1h: MILLION }, {}, of)).toBe(21);
    expect(costOf('free', { input: MILLION }, {}, of)).toBe(0);
  });

  it('the cache of a model costs the usual part of the input if the user does not say what it costs', () => {
    expect(costOf('claude-opus-5', { cacheRead: MILLION }, {}, of)).toBeCloseTo(0.4, 9);
    expect(costOf('claude-opus-5', { cacheCreation: MILLION }, {}, of)).toBe(5);
    expect(costOf('claude-opus-5', { cacheCreation: MILLION, cacheCreation1h: MILLION }, {}, of)).toBe(8);
  });

  it('a price for one version of another maker’s model is none for its other versions', () => {
    expect(costOf('deepseek-v3', { output: MILLION }, {}, of)).toBe(0.8);
    expect(costOf('deepseek-v4', { output: MILLION }, {}, of)).toBeUndefined();
  });
});

describe('the warning about an unknown price', () => {
  it('names the model and the limit', () => {
    const added = { input: 1, output: 1, cacheRead: 0, cacheCreation: 0 };
    const warnings = priceWarnings(
      [
        { kind: 'usage', added, costUsd: 1 },
        { kind: 'usage', added, unpriced: 'claude-opus-9' },
      ],
      5,
    );
    expect(warnings).toEqual([
      {
        kind: 'error',
        severity: 'warning',
        code: 'price_unknown',
        message: expect.stringMatching(/"claude-opus-9" is not known, so limits\.costUsd \(\$5\)/),
      },
    ]);
  });
});

/** The package's price of a model on a day, without its steps. */
interface PackagePrice {
  input_mtok?: number | { base: number; tiers: { start: number; price: number }[] };
  output_mtok?: PackagePrice['input_mtok'];
  cache_read_mtok?: PackagePrice['input_mtok'];
  cache_write_mtok?: PackagePrice['input_mtok'];
  cache_write_1h_mtok?: PackagePrice['input_mtok'];
}

/** Too old for Claude Code. */
const RETIRED = /^claude-(2|v1)$/;

describe('the table of list prices', () => {
  const models = (findProvider({ providerId: 'anthropic' })?.models ?? []).filter(({ id }) => !RETIRED.test(id));

  it.each(models)('has the price that @pydantic/genai-prices has: $id', ({ id, prices: given }) => {
    // Where prices have changed, the latest comes last.
    const all = (Array.isArray(given) ? given.at(-1)?.prices : given) as PackagePrice;
    const at = (step: 'base' | 'tier') =>
      Object.fromEntries(
        (
          [
            ['input', all.input_mtok],
            ['output', all.output_mtok],
            ['cacheRead', all.cache_read_mtok],
            ['cacheWrite5m', all.cache_write_mtok],
            ['cacheWrite1h', all.cache_write_1h_mtok],
          ] as const
        ).map(([kind, price]) => [
          kind,
          typeof price !== 'object' ? price : step === 'base' ? price.base : price.tiers[0]?.price,
        ]),
      );
    const { long, fast: _, ...ours } = LIST_PRICES[plainModelId(id)] ?? {};
    expect(rounded(ours)).toEqual(rounded(at('base')));
    if (typeof all.input_mtok !== 'object') return;
    const { above, ...longPrices } = long ?? {};
    expect(above).toBe(all.input_mtok.tiers[0]?.start);
    expect(rounded(longPrices)).toEqual(rounded(at('tier')));
  });

  it('what the package knows and the table does not is a reason to renew the table', () => {
    expect(models.length).toBeGreaterThan(15);
    expect(models.map(({ id }) => plainModelId(id)).filter((id) => !Object.hasOwn(LIST_PRICES, id))).toEqual([]);
  });

  it('every id is plain, so that it can be found', () => {
    for (const id of Object.keys(LIST_PRICES)) expect(plainModelId(id)).toBe(id);
    expect(priced({ input: 1, output: 5 })).toEqual({
      input: 1,
      output: 5,
      cacheRead: 0.1,
      cacheWrite5m: 1.25,
      cacheWrite1h: 2,
    });
  });
});

function rounded(given: object): Record<string, number> {
  return Object.fromEntries(Object.entries(given).map(([key, usd]) => [key, Number(Number(usd).toFixed(6))]));
}

it('a warning about a price that is on record is not said again', () => {
  const usage = [{ kind: 'usage', unpriced: 'new-model', added: NO_TOKENS } as const];
  const [warning] = priceWarnings(usage, 1);
  expect(warning).toMatchObject({ code: 'price_unknown', message: expect.stringContaining('new-model') });
  const told = warning?.kind === 'error' ? [warning] : [];
  expect(priceWarnings(usage, 1, told)).toEqual([]);
  expect(priceWarnings(usage, 2, told)).toHaveLength(1);
});
