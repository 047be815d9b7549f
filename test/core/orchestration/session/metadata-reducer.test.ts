import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { SessionMetadata } from '../../../../src/core/orchestration/session/metadata.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { countedUse, leastCost } from '../../../../src/core/orchestration/session/run-cost.js';
import { unfrozenParts } from '../../../support/frozen.js';
import { afterActions, observed, runningSession } from '../../../support/sessions.js';

const message = (text: string, first = true): Observation => ({ kind: 'message', text, first });
const tool = (id: string, name = 'Bash', input: unknown = {}): Observation => ({ kind: 'tool', id, name, input });
const toolResult = (toolUseId: string, outcome: 'ok' | 'error' | 'denied' = 'ok'): Observation => ({
  kind: 'tool-result',
  toolUseId,
  outcome,
  output: '',
});
const tokens = (input: number): { input: number; output: number; cacheRead: number; cacheCreation: number } => ({
  input,
  output: 2 * input,
  cacheRead: 3 * input,
  cacheCreation: 4 * input,
});
const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const metadataAfter = (...observations: Observation[]): SessionMetadata =>
  observed(runningSession(), ...observations).metadata;

describe('messages on record', () => {
  it('all messages are counted and the latest 20 are kept', () => {
    const metadata = metadataAfter(...times(25, (index) => message(`message ${index}`)));
    expect(metadata.messages).toBe(25);
    expect(metadata.lastMessage).toBe('message 24');
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual(times(20, (index) => `message ${index + 5}`));
  });

  it('a message in several parts is counted once, and each part with text is kept', () => {
    const metadata = metadataAfter(message('one'), message('', false), message('two', false), message('', true));
    expect(metadata.messages).toBe(2);
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual(['one', 'two']);
    expect(metadata.lastMessage).toBe('two');
  });

  it('a long message is cut at 4,000 characters', () => {
    const { lastMessage } = metadataAfter(message('x'.repeat(5_000)));
    expect(lastMessage).toBe(`${'x'.repeat(4_000)}…`);
  });

  it("a subagent's message keeps its time and the id of the subagent's tool call", () => {
    const { recentMessages } = metadataAfter({ kind: 'message', text: 'sub', first: true, parentToolUseId: 'task' });
    expect(recentMessages).toEqual([{ at: 100, text: 'sub', parentToolUseId: 'task' }]);
  });

  it('a cut text does not keep the whole text in memory', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const long = (kind: number): string => JSON.parse(`"${String(kind).padEnd(2_000_000, 'x')}"`) as string;
    let session = runningSession();
    collect();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 20; index += 1) {
      session = observed(session, message(long(index)), tool(`${index}`, 'Write', { content: long(index) }));
    }
    collect();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000);
    expect(session.metadata.recentMessages).toHaveLength(20);
  });
});

describe('tool calls on record', () => {
  it('all tool calls are counted by name and the latest 100 are kept', () => {
    const metadata = metadataAfter(...times(130, (index) => tool(`${index}`, index % 2 ? 'Read' : 'Bash')));
    expect(metadata.toolCounts).toEqual({ Read: 65, Bash: 65 });
    expect(metadata.toolsUsed.map(({ id }) => id)).toEqual(times(100, (index) => String(index + 30)));
  });

  it('a tool call gets its outcome and duration from its result', () => {
    const { toolsUsed } = metadataAfter(tool('a'), tool('b'), toolResult('a', 'error'));
    expect(toolsUsed[0]).toMatchObject({ id: 'a', startedAt: 100, durationMs: 20, outcome: 'error' });
    expect(toolsUsed[1]).not.toHaveProperty('outcome');
  });

  it('a result belongs to the latest call if an id is used twice', () => {
    const { toolsUsed } = metadataAfter(tool('a', 'first'), tool('a', 'second'), toolResult('a'));
    expect(toolsUsed.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['first', undefined],
      ['second', 'ok'],
    ]);
  });

  it('a result of an unknown call changes no tool call', () => {
    expect(metadataAfter(tool('a'), toolResult('b')).toolsUsed).toEqual(metadataAfter(tool('a')).toolsUsed);
  });

  it.each(['__proto__', 'constructor', 'hasOwnProperty', 'toString'])(
    "a tool called '%s' is counted like any other tool",
    (name) => {
      const { toolCounts } = metadataAfter(tool('1', name), tool('2', name));
      expect(Object.entries(toolCounts)).toEqual([[name, 2]]);
      expect(Object.getPrototypeOf(toolCounts)).toBe(Object.prototype);
    },
  );

  it("tool names beyond the first 200 are counted as 'other'", () => {
    const { toolCounts } = metadataAfter(
      ...times(205, (index) => tool(`${index}`, `tool-${index}`)),
      tool('x', 'tool-0'),
    );
    expect(Object.keys(toolCounts)).toHaveLength(201);
    expect(toolCounts).toMatchObject({ other: 5, 'tool-0': 2 });
  });
});

describe('the input of a tool call on record', () => {
  const recorded = (input: unknown): unknown => metadataAfter(tool('a', 'Bash', input)).toolsUsed[0]?.input;

  it("the recorded input is a frozen copy of the agent's input", () => {
    const input = { command: 'ls', options: { deep: [1, null, true] } };
    const copy = recorded(input);
    expect(copy).toEqual(input);
    expect(copy).not.toBe(input);
    expect(unfrozenParts(copy)).toEqual([]);
    expect(Object.isFrozen(input)).toBe(false);
  });

  const nested = (depth: number): unknown => (depth === 0 ? 'bottom' : { deeper: nested(depth - 1) });
  const wide = (depth: number): unknown => (depth === 0 ? 1 : times(50, () => wide(depth - 1)));
  const hostile: [string, unknown][] = [
    ['a text of 1 MB', 'x'.repeat(1_000_000)],
    ['a field of 1 MB', { content: 'x'.repeat(1_000_000) }],
    ['a key of 1 MB', { ['k'.repeat(1_000_000)]: 1 }],
    ['100,000 items', times(100_000, (index) => index)],
    ['100,000 fields', Object.fromEntries(times(100_000, (index) => [`key${index}`, 'v'.repeat(100)]))],
    ['2,500 texts of 2 kB', times(50, () => times(50, () => 'x'.repeat(2_000)))],
    ['a list 50 wide and 4 deep', wide(4)],
    ['5,000 levels', nested(5_000)],
  ];
  it.each(hostile)('the recorded input is small and frozen for %s', (_, input) => {
    const copy = recorded(input);
    expect(JSON.stringify(copy).length).toBeLessThan(50_000);
    expect(unfrozenParts(copy)).toEqual([]);
    expect(JSON.stringify(copy).length).toBeGreaterThan(10);
  });

  it("an input field called '__proto__' stays a field", () => {
    const input = JSON.parse('{"__proto__": {"polluted": true}}') as unknown;
    const copy = recorded(input) as object;
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(Object.keys(copy)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('errors and diagnostics on record', () => {
  it('errors are counted by severity and the latest 50 are kept', () => {
    const { errors, errorCounts } = metadataAfter(
      ...times(
        60,
        (index): Observation => ({ kind: 'error', severity: 'warning', code: 'retry', message: `${index}` }),
      ),
      { kind: 'error', severity: 'critical', code: 'auth', message: 'last', toolUseId: 'a' },
    );
    expect(errorCounts).toEqual({ critical: 1, warning: 60, info: 0 });
    expect(errors).toHaveLength(50);
    expect(errors[0]?.message).toBe('11');
    expect(errors.at(-1)).toEqual({
      severity: 'critical',
      code: 'auth',
      message: 'last',
      nextStep: expect.stringContaining('Log in again'),
      toolUseId: 'a',
      at: 700,
    });
    expect(errors[0]).not.toHaveProperty('nextStep');
  });

  it('the latest 20 lines that are not stream-json are kept', () => {
    const { diagnostics } = metadataAfter(
      ...times(22, (index): Observation => ({ kind: 'diagnostic', line: `${index}` })),
    );
    expect(diagnostics).toEqual(times(20, (index) => String(index + 2)));
  });
});

describe('conversation, tokens and cost', () => {
  it('conversation id, model and Claude Code version come from the log', () => {
    const session = observed(runningSession(), {
      kind: 'init',
      conversationId: 'uuid',
      model: 'claude',
      claudeVersion: '2.1.98',
    });
    expect(session).toMatchObject({ conversationId: 'uuid', channelCoderSession: 'uuid' });
    expect(session.metadata).toMatchObject({ model: 'claude', claudeVersion: '2.1.98', lastActivity: 100 });
  });

  it('tokens are added up until the result gives the total of the run', () => {
    const running = observed(
      runningSession(),
      { kind: 'usage', added: tokens(10) },
      { kind: 'usage', added: tokens(5) },
    );
    expect(running.metadata.tokens).toEqual(tokens(15));
    expect(running.metadata).not.toHaveProperty('costUsd');
    const result = {
      kind: 'result',
      subtype: 'success',
      isError: false,
      turns: 2,
      costUsd: 0.5,
      tokens: tokens(40),
    } as const;
    const ended = observed(running, result);
    expect(ended.metadata).toMatchObject({ tokens: tokens(40), costUsd: 0.5, turns: 2 });
    expect(ended.runs[0]).toMatchObject({ tokens: tokens(40), costUsd: 0.5, turns: 2 });
  });

  it('tokens, cost and turns of a continued session are the sums over its runs', () => {
    const result = {
      kind: 'result',
      subtype: 'success',
      isError: false,
      turns: 3,
      costUsd: 0.25,
      tokens: tokens(7),
    } as const;
    const first = observed(runningSession(), result);
    const second = afterActions(
      first,
      { type: 'continued', at: 500, feedback: 'more' },
      { type: 'launching', at: 501 },
      { type: 'running', at: 502 },
    );
    expect(second.metadata).toMatchObject({ costUsd: 0.25, turns: 3, tokens: tokens(7) });
    const both = observed(second, { kind: 'usage', added: tokens(1) }, { ...result, costUsd: 0.5, tokens: tokens(2) });
    expect(both.metadata).toMatchObject({ costUsd: 0.75, turns: 6, tokens: tokens(9) });
    expect(both.runs.map(({ costUsd }) => costUsd)).toEqual([0.25, 0.5]);
  });
});

describe('the cost of a running session', () => {
  const usage = (costUsd?: number): Observation => ({
    kind: 'usage',
    added: tokens(1),
    ...(costUsd !== undefined && { costUsd }),
  });

  it('the cost is added up from list prices until Claude reports the total', () => {
    const running = observed(runningSession(), usage(0.25), usage(), usage(0.5));
    expect(running.metadata).toMatchObject({ costUsd: 0.75, tokens: tokens(3) });
    expect(running.runs[0]).toMatchObject({ costUsd: 0.75 });
    const ended = observed(running, { kind: 'result', subtype: 'success', isError: false, costUsd: 0.6 });
    expect(ended.metadata.costUsd).toBe(0.6);
  });

  it('a report that is lower than our count is shown, but does not lower what counts for the limits', () => {
    const report = { kind: 'result', subtype: 'success', isError: true, costUsd: 0, tokens: tokens(0) } as const;
    const all = countedUse(observed(runningSession(), usage(9.5)));
    const ended = observed(runningSession(), usage(9.5), report);
    expect(ended.metadata).toMatchObject({ costUsd: 0, tokens: tokens(0) });
    expect(all.costUsd).toBe(9.5);
    expect(all.tokens).toBeGreaterThan(0);
    expect(countedUse(ended)).toEqual(all);
    expect(countedUse(observed(ended, report))).toEqual(all);
    const more = observed(ended, usage(1), report);
    expect(countedUse(more)).toEqual({ costUsd: 10.5, tokens: 2 * all.tokens });
    const next = afterActions(more, { type: 'continued', at: 500, feedback: 'more' }, { type: 'launching', at: 501 });
    expect(countedUse(observed(next, usage(1))).costUsd).toBe(11.5);
  });

  it('a report that is higher than our count replaces it', () => {
    const report = { kind: 'result', subtype: 'success', isError: false, costUsd: 2, tokens: tokens(7) } as const;
    const ended = observed(runningSession(), usage(1), { ...report, costUsd: 0.5 }, report);
    expect(countedUse(ended).costUsd).toBe(2);
    expect(ended.runs[0]).not.toHaveProperty('counted');
  });

  it('the cost is absent if no price is known', () => {
    expect(metadataAfter(usage(), usage())).not.toHaveProperty('costUsd');
  });

  const unpriced = (model: string): Observation => ({ kind: 'usage', added: tokens(1), unpriced: model });

  it('a known part is not shown as the cost of the run: the cost is unknown from the first unknown price on', () => {
    const running = observed(runningSession(), usage(0.25), unpriced('claude-opus-9'), usage(0.5));
    for (const { costUsd, unpriced } of [running.metadata, running.runs[0] ?? {}]) {
      expect(costUsd).toBeUndefined();
      expect(unpriced).toEqual({ models: ['claude-opus-9'], atLeastUsd: 0.75 });
    }
    expect(leastCost(running.metadata)).toBe(0.75);
    expect(Object.keys(running.metadata)).not.toContain('costUsd');
  });

  it('a cost is known again when Claude has reported it', () => {
    const ended = observed(runningSession(), unpriced('claude-opus-9'), {
      kind: 'result',
      subtype: 'success',
      isError: false,
      costUsd: 0.6,
    });
    expect(ended.metadata).toMatchObject({ costUsd: 0.6 });
    expect(ended.metadata).not.toHaveProperty('unpriced');
    expect(ended.runs[0]).not.toHaveProperty('unpriced');
  });

  it('a result without a cost leaves the cost unknown', () => {
    const ended = observed(runningSession(), unpriced('a'), { kind: 'result', subtype: 'success', isError: false });
    expect(ended.metadata).toMatchObject({ unpriced: { models: ['a'], atLeastUsd: 0 } });
  });

  it('the cost of a session is unknown while that of one of its runs is', () => {
    const first = observed(runningSession(), unpriced('a'), usage(0.25));
    const second = afterActions(
      first,
      { type: 'continued', at: 500, feedback: 'more' },
      { type: 'launching', at: 501 },
      { type: 'running', at: 502 },
    );
    const both = observed(second, usage(0.5));
    expect(both.runs.map(({ costUsd }) => costUsd)).toEqual([undefined, 0.5]);
    expect(both.metadata).not.toHaveProperty('costUsd');
    expect(both.metadata.unpriced).toEqual({ models: ['a'], atLeastUsd: 0.75 });
  });

  it('names ten models at most', () => {
    const { unpriced: seen } = metadataAfter(...times(30, (index) => unpriced(`model-${index % 15}`)));
    expect(seen?.models).toEqual(times(10, (index) => `model-${index}`));
  });
});

describe('dangers on record', () => {
  const danger = Object.freeze({ level: 'critical', rule: 'r', reason: 'why' } as const);

  it('the latest 50 dangers, including bypasses of the guard, are kept with their tool call', () => {
    const { dangers, toolsUsed } = metadataAfter(
      ...times(50, (index): Observation => ({ ...tool(`${index}`), kind: 'tool', danger }) as Observation),
      tool('harmless'),
      { kind: 'breach', id: 'b', name: 'Bash', danger: { ...danger, rule: 'guard.bypassed' } },
    );
    expect(dangers).toHaveLength(50);
    expect(dangers[0]).toEqual({ ...danger, at: 110, tool: 'Bash', toolUseId: '1' });
    expect(dangers.at(-1)).toMatchObject({ rule: 'guard.bypassed', toolUseId: 'b' });
    expect(toolsUsed.at(-2)?.danger).toEqual(danger);
    expect(toolsUsed.at(-1)).not.toHaveProperty('danger');
    expect(unfrozenParts([...dangers])).toEqual(['$']);
  });
});

describe("the provider's usage limit", () => {
  it('a reached usage limit is not in the record, because the session may still continue', () => {
    const before = metadataAfter();
    expect(metadataAfter({ kind: 'usage-window', status: 'rejected', resetsAt: 7 })).toEqual({
      ...before,
      lastActivity: 100,
    });
  });
});
