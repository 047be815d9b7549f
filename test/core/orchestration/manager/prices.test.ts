import { StreamMonitor } from 'autonomous-orchestration';
import { type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';
import { heldBefore, nextEvent, simulate } from '../../../support/simulate.js';

let messages = 0;
const says = (model: string, output_tokens: number): { line: string } => ({
  line: JSON.stringify({
    type: 'assistant',
    message: {
      id: `m${++messages}`,
      model,
      content: [{ type: 'text', text: model }],
      usage: { input_tokens: 0, output_tokens },
    },
  }),
});

describe('the cost of a session whose model has no known price', () => {
  const script: SimulatedScript = ({ conversationId }) =>
    scriptedRun([says('claude-opus-9', 200_000), says('claude-opus-9', 200_000), says('claude-zephyr-1', 1)], {
      conversationId,
      costUsd: 12,
    });

  it('a limit that cannot be held is reported once for each model, and the cost is unknown until Claude reports it', async () => {
    const { manager, events } = simulate(script);
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 100 } });
    const ended = await manager.waitFor(id);
    const errors = events.flatMap((event) => (event.type === 'session:error' ? event.error : []));
    expect(errors).toMatchObject(
      ['claude-opus-9', 'claude-zephyr-1'].map((model) => ({
        severity: 'warning',
        code: 'price_unknown',
        message: expect.stringContaining(`"${model}" is not known, so limits.costUsd ($100) cannot be held`),
        nextStep: expect.stringContaining("option 'prices'"),
      })),
    );
    expect(ended.metadata.errors).toEqual(errors);
    const seen = events.flatMap((event) => (event.type === 'session:message' ? event.session.metadata : []));
    expect(seen.at(-1)).not.toHaveProperty('costUsd');
    expect(seen.at(-1)?.unpriced).toEqual({ models: ['claude-opus-9', 'claude-zephyr-1'], atLeastUsd: 0 });
    expect(ended).toMatchObject({ status: 'completed', metadata: { costUsd: 12 } });
    expect(ended.metadata).not.toHaveProperty('unpriced');
  });

  it('without a limit of the cost there is nothing to warn of', async () => {
    const { manager } = simulate(script);
    const { id } = await manager.create({ prompt: 'x' });
    expect((await manager.waitFor(id)).metadata.errors).toEqual([]);
  });

  it('what the other models cost still counts against the limit', async () => {
    const { manager } = simulate(() =>
      scriptedRun([says('claude-opus-9', 1), says('claude-opus-5', 100_000), { text: 'never', afterMs: 60_000 }]),
    );
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 2 } });
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'failed',
      result: { reason: 'max_cost', error: 'The session cost $2.5000, more than limits.costUsd ($2).' },
      metadata: { unpriced: { models: ['claude-opus-9'], atLeastUsd: 2.5 } },
    });
  });
});

describe('the option prices', () => {
  const prices = { 'claude-opus-9': { input: 1, output: 10 } };

  it('makes a model known, so that the limit holds', async () => {
    const { manager } = simulate(
      () => scriptedRun([says('claude-opus-9', 200_000), { text: 'never', afterMs: 60_000 }]),
      { prices },
    );
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 1 } });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ result: { reason: 'max_cost' }, metadata: { costUsd: 2 } });
    expect(ended.metadata.errors).toEqual([]);
  });

  it('counts for a StreamMonitor, too', async () => {
    const released = deferred<void>();
    const { manager } = simulate(() =>
      heldBefore('last', released.promise, scriptedRun([says('claude-opus-9', 200_000), { text: 'last' }])),
    );
    const message = nextEvent(manager, 'session:message');
    await manager.create({ prompt: 'x' });
    const { session } = await message;
    const monitor = new StreamMonitor({ prices });
    const usage = new Promise((resolve) => monitor.on('session:usage', resolve));
    const cleanup = monitor.monitorSession(session);
    expect(await usage).toMatchObject({ costUsd: 2 });
    cleanup();
    released.resolve();
  });

  it('is refused by a StreamMonitor if it holds no prices', async () => {
    const wrong = { x: { input: 1, output: -1 } };
    const { message } = await errorOf(() => new StreamMonitor({ prices: wrong }), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'prices.x.output': must be a number from 0");
  });
});

describe('problems that stay', () => {
  const fails = (command: string): object => ({
    tool: 'Bash',
    input: { command },
    output: `Exit code 1\n${command}: no space left on device`,
    isError: true,
  });

  it('a full disk is one error in the record and one event; the calls that failed because of it are all there', async () => {
    const { manager, events } = simulate(({ conversationId }) =>
      scriptedRun([fails('a'), fails('b'), fails('c'), { text: 'Done.' }] as never, { conversationId }),
    );
    const { id } = await manager.create({ prompt: 'x' });
    const { metadata } = await manager.waitFor(id);
    expect(metadata.errors).toMatchObject([{ code: 'disk_full', nextStep: expect.stringContaining('Free space') }]);
    expect(metadata.errorCounts.critical).toBe(1);
    expect(events.filter(({ type }) => type === 'session:error')).toHaveLength(1);
    expect(metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['error', 'error', 'error']);
    await manager.continue(id, 'again');
    expect((await manager.waitFor(id)).metadata.errorCounts.critical).toBe(2);
  });
});
