import { setImmediate as turn } from 'node:timers/promises';
import type { RunHandle, RunRequest, SessionEvent } from 'autonomous-orchestration';
import {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  scriptedRun,
} from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { RunLimits } from '../../../../src/core/orchestration/run/limits.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { ASK_TO_PUSH, DONE, ENDLESS, heldBefore, nextEvent, PUSHES, simulate } from '../../../support/simulate.js';

const LISTS: SimulatedScript = () =>
  scriptedRun([
    { tool: 'Bash', input: { command: 'ls' }, output: 'x' },
    { text: 'never', afterMs: 60_000 },
  ]);
const WIPES: SimulatedScript = () =>
  scriptedRun([
    { tool: 'Bash', input: { command: 'rm -rf /' }, output: 'x' },
    { text: 'never', afterMs: 60_000 },
  ]);

/** The hook between an agent's tool calls and the guard. */
type Hook = (request: RunRequest) => RunRequest['hooks']['beforeTool'];

/** A simulation whose agent bypasses its hook. */
class Bypassed extends SimulatedExecutor {
  readonly stops: unknown[][] = [];
  readonly #hook: Hook;
  readonly #change: Partial<RunHandle>;

  constructor(script: SimulatedScript, hook: Hook, change: Partial<RunHandle> = {}) {
    super(script);
    this.#hook = hook;
    this.#change = change;
  }

  override async launch(request: RunRequest): Promise<RunHandle> {
    const handle = await super.launch({ ...request, hooks: { ...request.hooks, beforeTool: this.#hook(request) } });
    const stop: RunHandle['stop'] = (...how) => {
      this.stops.push(how);
      return handle.stop(...how);
    };
    return { ...handle, stop, ...this.#change };
  }
}

const SWITCHED_OFF: Hook = () => async () => ({ allowed: true });
const IGNORED: Hook = (request) => async (call) => {
  await request.hooks.beforeTool(call);
  return { allowed: true };
};
/** Resolves when a person is asked. */
let asked = deferred<void>();
const IMPATIENT: Hook = (request) => async (call) => {
  void request.hooks.beforeTool(call);
  await asked.promise;
  return { allowed: true };
};
const LYING: Hook = (request) => async (call) => {
  await request.hooks.beforeTool({ ...call, input: { command: 'ls' } });
  return { allowed: true };
};

describe('a tool call that bypasses the guard', () => {
  it.each<[string, SimulatedScript, Hook, string]>([
    ['that the guard was never asked about', LISTS, SWITCHED_OFF, 'without asking'],
    ['that was denied', WIPES, IGNORED, 'although it was denied'],
    ['that a person is still asked about', LISTS, IMPATIENT, 'before anybody had decided'],
    [
      'that the guard was asked about with another input',
      WIPES,
      LYING,
      'as another call than the one that was allowed',
    ],
  ])('the session ends at once after a tool call %s', async (_, script, hook, how) => {
    const executor = new Bypassed(script, hook);
    const policy = hook === IMPATIENT ? ({ rules: [{ tool: '*', decision: 'ask' }] } as const) : {};
    const { manager, events } = simulate(DONE, { executors: { autonomous: executor }, policy });
    asked = deferred();
    manager.on('session:approval', () => asked.resolve());
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    const reason = expect.stringMatching(
      new RegExp(`^The call "Bash" \\("toolu_\\w+"\\) ran ${how}\\. .*its own faults`),
    );
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed', error: reason } });
    const [danger] = ended.metadata.dangers.filter(({ rule }) => rule === 'guard.bypassed');
    expect(danger).toMatchObject({
      level: 'critical',
      tool: 'Bash',
      toolUseId: expect.stringMatching(/^toolu_/),
      reason,
    });
    const told = events.flatMap((event: SessionEvent) => (event.type === 'session:danger' ? [event.danger] : []));
    expect(told).toContainEqual(danger);
    expect(executor.stops).toEqual([['at-once']]);
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a run without a guard completes with a tool call that no guard was asked about', async () => {
    const executor = new Bypassed(
      () => scriptedRun([{ tool: 'Bash', input: { command: 'ls' } }, { text: 'Done.' }]),
      SWITCHED_OFF,
      { hooked: false },
    );
    const { manager } = simulate(DONE, { executors: { autonomous: executor } });
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', metadata: { toolsUsed: [{ outcome: 'ok' }], dangers: [] } });
    expect(executor.stops).toEqual([]);
  });

  /** A tool call that gets no result. */
  const CALL = {
    line: JSON.stringify({
      type: 'assistant',
      message: { id: 'm', content: [{ type: 'tool_use', id: 'toolu_x', name: 'Bash', input: { command: 'ls' } }] },
    }),
  };
  const givenUp =
    (exitCode: number): SimulatedScript =>
    (): SimulatedRun =>
      scriptedRun([CALL, { text: 'Done.' }], { exitCode });

  it.each([0, 137])(
    'a call without a result that no guard was asked about does not become a success (exit code %s)',
    async (exitCode) => {
      const executor = new Bypassed(givenUp(exitCode), SWITCHED_OFF);
      const { manager } = simulate(DONE, { executors: { autonomous: executor } });
      const { id } = await manager.create({ prompt: 'x' });
      const error = expect.stringMatching(
        /^The call "Bash" \("toolu_x"\) ran without asking, or was given up: .*own faults/,
      );
      expect(await manager.waitFor(id)).toMatchObject({
        status: 'failed',
        result: { reason: 'guard_bypassed', error },
        metadata: { dangers: [{ rule: 'guard.bypassed', toolUseId: 'toolu_x' }] },
      });
    },
  );

  it.each<[string, Hook, Partial<RunHandle>]>([
    ['that the guard was asked about', (request) => request.hooks.beforeTool, {}],
    ['in a run without a guard', SWITCHED_OFF, { hooked: false }],
  ])('a call without a result %s is no bypass', async (_, hook, change) => {
    const { manager } = simulate(DONE, { executors: { autonomous: new Bypassed(givenUp(0), hook, change) } });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { dangers: [] } });
  });

  it('a run that was killed before its last word ends as killed, whether or not its last call had asked', async () => {
    const killed: SimulatedScript = () => ({ ...scriptedRun([]), steps: [CALL].values(), exitCode: 137 });
    const { manager } = simulate(DONE, { executors: { autonomous: new Bypassed(killed, SWITCHED_OFF) } });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ result: { reason: 'killed' }, metadata: { dangers: [] } });
  });

  /** A run whose last tool call ends with this output while the run is being stopped. */
  function unhurried(output: string, isError = false) {
    const gate = deferred<void>();
    const stops: unknown[][] = [];
    const block = { type: 'tool_result', tool_use_id: 't', content: output, is_error: isError };
    const call = { type: 'tool_use', id: 't', name: 'Bash', input: { command: 'ls' } };
    const lines: object[] = [
      { type: 'assistant', message: { id: 'm', content: [call] } },
      { type: 'user', message: { content: [block] } },
    ];
    const lists: SimulatedScript = () =>
      heldBefore('tool_result', gate.promise, scriptedRun(lines.map((line) => ({ line: JSON.stringify(line) }))));
    class Unhurried extends SimulatedExecutor {
      override async launch(request: RunRequest): Promise<RunHandle> {
        // The guard is not asked about the call.
        const hooks = { ...request.hooks, beforeTool: async () => ({ allowed: true }) as const };
        const handle = await super.launch({ ...request, hooks });
        const stop = async (...how: unknown[]): Promise<void> => {
          stops.push(how);
          gate.resolve();
          await handle.ended;
        };
        return { ...handle, stop };
      }
    }
    return { stops, ...simulate(DONE, { executors: { autonomous: new Unhurried(lists) } }) };
  }

  it('a bypassing call that succeeds while its run is being cancelled fails the session as guard_bypassed', async () => {
    const { manager, stops } = unhurried('late');
    const called = nextEvent(manager, 'session:tool');
    const { id } = await manager.create({ prompt: 'x' });
    await called;
    expect(await manager.cancel(id, 'mine')).toMatchObject({
      status: 'failed',
      result: { reason: 'guard_bypassed', error: expect.stringContaining('without asking') },
      metadata: { toolsUsed: [{ outcome: 'ok' }], dangers: [{ rule: 'guard.bypassed' }] },
    });
    expect(stops).toEqual([['gently'], ['at-once']]);
  });

  it('a call that was interrupted by the cancellation of its run is not treated as a bypass', async () => {
    const { manager, stops } = unhurried('Interrupted.', true);
    const called = nextEvent(manager, 'session:tool');
    const { id } = await manager.create({ prompt: 'x' });
    await called;
    expect(await manager.cancel(id, 'mine')).toMatchObject({
      status: 'cancelled',
      result: { error: 'mine' },
      metadata: { toolsUsed: [{ outcome: 'error' }], dangers: [] },
    });
    expect(stops).toEqual([['gently']]);
  });

  it('a run with a bypassing call, found while the run is stopped to be continued, is not continued', async () => {
    const { manager } = unhurried('late');
    const called = nextEvent(manager, 'session:tool');
    const { id } = await manager.create({ prompt: 'x' });
    await called;
    const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain("ended ('failed', guard_bypassed) before it could be continued.");
    expect(manager.get(id)).toMatchObject({ status: 'failed', runs: [{ number: 1 }] });
  });

  it('a session that is being ended for a bypassing call cannot be continued', async () => {
    const executor = new Bypassed(LISTS, SWITCHED_OFF);
    const { manager } = simulate(DONE, { executors: { autonomous: executor } });
    const danger = nextEvent(manager, 'session:danger');
    const { id } = await manager.create({ prompt: 'x' });
    await danger;
    const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('its run is being ended');
    expect(await manager.waitFor(id)).toMatchObject({ result: { reason: 'guard_bypassed' }, runs: [{ number: 1 }] });
  });
});

describe('a session that was ended because a call ran without a decision', () => {
  it('can be continued, and its next run is guarded anew', async () => {
    const executor = new Bypassed(
      ({ feedback, conversationId }) =>
        feedback === undefined
          ? scriptedRun([{ tool: 'Bash', input: { command: 'ls' }, output: 'x' }], { conversationId })
          : scriptedRun([{ text: `Did: ${feedback}` }], { conversationId }),
      SWITCHED_OFF,
    );
    const { manager } = simulate(DONE, { executors: { autonomous: executor } });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ result: { reason: 'guard_bypassed' } });
    await manager.continue(id, 'go on');
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      result: { text: 'Did: go on' },
      runs: [{}, {}],
    });
  });
});

describe('a line that is too long to be read', () => {
  it('a session goes on after a line with a long document, which is reported as a diagnostic', async () => {
    const data = 'A'.repeat(17 * 1024 * 1024);
    const block = { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } };
    const line = JSON.stringify({
      type: 'user',
      message: { role: 'user', content: [block] },
      parent_tool_use_id: null,
    });
    const { manager, events } = simulate(({ conversationId }) =>
      scriptedRun([{ line }, { text: 'Read it.' }], { conversationId }),
    );
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { dangers: [] } });
    expect(JSON.stringify(events)).toContain('A log line was skipped because of its length');
  });
});

describe('a log with a corrupted line about a tool call', () => {
  const TORN = '{"type":"user","message":{"content":[x{"tool_use_id":"t"';

  it('a corrupted line about a tool call ends the session as guard_bypassed', async () => {
    const { manager } = simulate(() => scriptedRun([{ line: TORN }, { text: 'never', afterMs: 60_000 }]));
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'failed',
      result: { reason: 'guard_bypassed', error: expect.stringContaining('The log cannot be read') },
      metadata: { dangers: [{ rule: 'guard.bypassed', tool: 'unknown' }] },
    });
  });

  it('a run without a guard completes with a corrupted line about a tool call', async () => {
    const script: SimulatedScript = () => scriptedRun([{ line: TORN }, { text: 'Done.' }]);
    const executor = new Bypassed(script, SWITCHED_OFF, { hooked: false });
    const { manager } = simulate(DONE, { executors: { autonomous: executor } });
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { dangers: [] } });
  });
});

describe('a manager that is closed while a question is open', () => {
  it('a closed manager leaves no timer and does not answer the open question', async () => {
    fakeClock();
    const { manager, events } = simulate(PUSHES, { policy: ASK_TO_PUSH });
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'waiting_feedback' });
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    await manager.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(24 * 3_600_000);
    expect(events.flatMap((event) => (event.type === 'session:approval' ? [event.state] : []))).toEqual(['asked']);
  });
});

describe('a tool call that is denied by policy', () => {
  it('a denied call does not run and is reported once; the session continues', async () => {
    const { manager, events } = simulate(() =>
      scriptedRun([{ tool: 'Bash', input: { command: 'rm -rf /' }, output: 'x' }, { text: 'Done.' }]),
    );
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({
      status: 'completed',
      metadata: { toolsUsed: [{ outcome: 'denied', danger: { level: 'critical' } }], dangers: [{ tool: 'Bash' }] },
    });
    const order = events.map(({ type }) => type);
    for (const type of ['session:danger', 'session:denied'])
      expect(order.filter((one) => one === type)).toHaveLength(1);
    expect(order.indexOf('session:denied')).toBeLessThan(order.indexOf('session:tool-result'));
  });

  it('a call whose input is nested too deeply to be written is not treated as a bypass', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const line = `{"type":"assistant","message":{"id":"m","content":[{"type":"tool_use","id":"t","name":"Bash","input":${deep}}]}}`;
    const { manager } = simulate(() => scriptedRun([{ line }, { text: 'Done.' }]));
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { toolCounts: { Bash: 1 } } });
  });
});

describe('limits of a session', () => {
  it.each([
    ['durationMs', { durationMs: 5_000 }, 'timeout'],
    ['idleMs', { idleMs: 5_000 }, 'idle'],
  ])('a session ends when it reaches a time limit: %s', async (name, limits, reason) => {
    fakeClock();
    const { manager } = simulate(ENDLESS);
    const said = nextEvent(manager, 'session:message');
    const { id } = await manager.create({ prompt: 'x', limits });
    await said;
    vi.advanceTimersByTime(4_999);
    expect(manager.get(id)?.status).toBe('running');
    vi.advanceTimersByTime(1);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({
      status: 'failed',
      result: { reason, error: expect.stringContaining(`limits.${name}`) },
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a growing log counts as activity, even if its lines carry no information', async () => {
    fakeClock();
    const alive = vi.spyOn(RunLimits.prototype, 'alive');
    onTestFinished(() => alive.mockRestore());
    const gate = deferred<void>();
    const { manager } = simulate(() => ({
      steps: (async function* () {
        yield { line: { type: 'assistant', message: { id: 'm', content: [{ type: 'text', text: 'one' }] } } };
        await gate.promise;
        yield { line: { type: 'system', subtype: 'status' } };
        yield { line: 'never', afterMs: 60_000 };
      })(),
    }));
    const said = nextEvent(manager, 'session:message');
    const { id } = await manager.create({ prompt: 'x', limits: { idleMs: 5_000 } });
    await said;
    vi.advanceTimersByTime(4_000);
    const before = alive.mock.calls.length;
    gate.resolve();
    while (alive.mock.calls.length === before) await turn();
    vi.advanceTimersByTime(4_999);
    expect(manager.get(id)?.status).toBe('running');
    vi.advanceTimersByTime(1);
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'idle' } });
  });

  it('a running session ends when it exceeds its token limit', async () => {
    const turns = [{ text: 'one' }, { text: 'two' }, { text: 'never', afterMs: 60_000 }];
    const { manager } = simulate(() => scriptedRun(turns));
    const { id } = await manager.create({ prompt: 'x', limits: { tokens: 200 } });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({
      status: 'failed',
      result: { reason: 'max_tokens', error: 'The session used 240 tokens, more than limits.tokens (200).' },
    });
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a running session ends when its cost at list prices exceeds its cost limit', async () => {
    const usage = { input_tokens: 1_000_000, output_tokens: 0 };
    const content = [{ type: 'text', text: 'dear' }];
    const line = JSON.stringify({
      type: 'assistant',
      message: { id: 'm', model: 'claude-sonnet-4-6', content, usage },
    });
    const { manager } = simulate(() => scriptedRun([{ line }, { text: 'never', afterMs: 60_000 }]));
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 2.5 } });
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'failed',
      result: { reason: 'max_cost', error: 'The session cost $3.0000, more than limits.costUsd ($2.5).' },
    });
  });

  it.each([
    ['costUsd', { costUsd: 1 }, 'limits.costUsd ($1)'],
    ['tokens', { tokens: 100 }, 'limits.tokens (100)'],
  ])('a session that has spent its limit cannot be continued: %s', async (_, limits, what) => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }], { costUsd: 1 }));
    const { id } = await manager.create({ prompt: 'x', limits });
    await manager.waitFor(id);
    const { message } = await errorOf(manager.continue(id, 'more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain(`cannot be continued: it has spent its ${what}. Create a new session.`);
    expect(manager.get(id)?.runs).toHaveLength(1);
  });

  it('a session that uses exactly its limits completes', async () => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }], { costUsd: 1 }));
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 1, tokens: 120 } });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('the cost limit counts the cost of all runs of a session', async () => {
    const { manager } = simulate(({ conversationId }) =>
      scriptedRun([{ text: 'Done.' }], { costUsd: 0.6, conversationId }),
    );
    const { id } = await manager.create({ prompt: 'x', limits: { costUsd: 1 } });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    await manager.continue(id, 'more');
    // Claude reported the cost of the second run too late to end that run; a third run is refused.
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { costUsd: 1.2 } });
    const { message } = await errorOf(manager.continue(id, 'still more'), 'ILLEGAL_TRANSITION');
    expect(message).toContain('it has spent its limits.costUsd ($1)');
  });
});
