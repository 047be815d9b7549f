import { type OutputSchema, type SessionManagerOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { errorOf } from '../../../support/errors.js';
import { everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CITY = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const;

/** An agent that gives these results, one in each run. Undefined: it gives none. */
function giving(outputs: readonly unknown[], options: SessionManagerOptions = {}) {
  const told: (string | undefined)[] = [];
  const sessions = simulate(({ conversationId, feedback }) => {
    const output = outputs[told.length];
    told.push(feedback);
    return scriptedRun([{ text: 'Done.' }], { conversationId, output });
  }, options);
  return { ...sessions, told };
}

describe('a typed result', () => {
  it('a result that fits is in the record, and the first run is the only one', async () => {
    const { manager } = giving([{ city: 'Oslo' }]);
    const { id, asked } = await manager.create({ prompt: 'Which city?', output: CITY });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { reason: 'success', output: { city: 'Oslo' } } });
    expect(ended.runs).toHaveLength(1);
    expect(asked).toEqual({ output: { retries: 2 } });
    expect(Object.isFrozen(ended.result?.output)).toBe(true);
  });

  it('a session that was asked for no typed result has none, whatever its log says', async () => {
    const { manager } = giving([{ city: 'Oslo' }]);
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?' })).id);
    expect(ended.status).toBe('completed');
    expect(ended.result).not.toHaveProperty('output');
  });

  it.each([
    ['does not fit', { city: 5 }, '/city: must be string'],
    ['is missing', undefined, 'no result was given'],
    ['is nested too deeply', nested(1_000), 'is nested more than 100 levels deep'],
    ['is too long', { city: 'x'.repeat(300_000) }, 'is longer than 262144 characters'],
  ])('a result that %s is asked for again, with the problem as feedback', async (_, output, problem) => {
    const { manager, told } = giving([output, { city: 'Oslo' }]);
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?', output: CITY })).id);
    expect(ended).toMatchObject({ status: 'completed', result: { output: { city: 'Oslo' } } });
    expect(ended.runs.map(({ outputRetry }) => outputRetry)).toEqual([undefined, 1]);
    expect(told[1]).toContain(problem);
  });

  it.each([
    ['costUsd', { costUsd: 1 }],
    ['tokens', { tokens: 1_000 }],
  ])('no further run begins if limits.%s is spent', async (_, limits) => {
    const usage = { input_tokens: 2_000, output_tokens: 1 };
    const result = { type: 'result', subtype: 'success', is_error: false, result: 'Done.', structured_output: {} };
    const { manager } = simulate(({ conversationId: session_id }) => {
      const init = { type: 'system', subtype: 'init', session_id, model: 'simulated' };
      return { steps: [{ line: init }, { line: { ...result, session_id, total_cost_usd: 2, usage } }] };
    });
    const { id } = await manager.create({ prompt: 'Which city?', output: CITY, limits });
    const ended = await manager.waitFor(id);
    expect(ended.result).toMatchObject({ reason: 'invalid_output' });
    expect(ended.runs).toHaveLength(1);
  });

  it('the further run waits while the queue is held, and has no slot', async () => {
    const { manager, told } = giving([{ city: 5 }, { city: 'Oslo' }], { maxConcurrent: 1 });
    const { id } = await manager.create({ prompt: 'Which city?', output: CITY });
    await manager.holdQueue('lunch');
    expect(await manager.waitFor(id, { status: 'queued' })).toMatchObject({ queuePosition: 1, runs: [{}, {}] });
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 1 });
    expect(told).toHaveLength(1);
    await manager.releaseQueue();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { output: { city: 'Oslo' } } });
    expect(told[1]).toContain('/city: must be string');
  });

  it('a line of 10 MB, or with a depth at which recursion ends, harms nothing', async () => {
    const line = (output: string): string =>
      `{"type":"result","subtype":"success","is_error":false,"result":"Done.","structured_output":${output}}`;
    const results = [line(`{"city":"${'x'.repeat(10_000_000)}"}`), line(`${'['.repeat(40_000)}${']'.repeat(40_000)}`)];
    for (const result of results) {
      const { manager } = simulate(({ conversationId }) => scriptedRun([{ line: result }], { conversationId }));
      const { id } = await manager.create({ prompt: 'Which city?', output: CITY, outputRetries: 0 });
      const ended = await manager.waitFor(id);
      expect(ended.status).toBe('failed');
      expect(ended.result).not.toHaveProperty('output');
      expect(JSON.stringify(ended).length).toBeLessThan(10_000);
    }
  });

  it('a result that never fits ends the session after the retries, with all its problems', async () => {
    const { manager, told, events } = giving([{}, {}, {}, {}, {}]);
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?', output: CITY })).id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'invalid_output', text: 'Done.' } });
    expect(ended.result?.error).toContain("must have required property 'city'");
    expect(ended.result).not.toHaveProperty('output');
    expect(told).toHaveLength(3);
    expect(events.filter(({ type }) => type === 'session:failed')).toHaveLength(1);
  });

  it('outputRetries: 0 asks once', async () => {
    const { manager, told } = giving([{}, { city: 'Oslo' }]);
    const { id } = await manager.create({ prompt: 'Which city?', output: CITY, outputRetries: 0 });
    expect((await manager.waitFor(id)).result?.reason).toBe('invalid_output');
    expect(told).toHaveLength(1);
  });

  it('continue() by a person gives the session its retries again', async () => {
    const { manager, told } = giving([{}, {}, {}, { city: 'Oslo' }]);
    const { id } = await manager.create({ prompt: 'Which city?', output: CITY, outputRetries: 1 });
    await manager.waitFor(id);
    await manager.continue(id, 'Once more');
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { output: { city: 'Oslo' } } });
    expect(told.length).toBe(4);
    expect(ended.runs.map(({ outputRetry }) => outputRetry)).toEqual([undefined, 1, undefined, 1]);
  });

  it('a run that failed for another reason is not asked again', async () => {
    const { manager } = simulate(({ conversationId }) =>
      scriptedRun([{ text: 'Boom' }], { conversationId, subtype: 'error_during_execution' }),
    );
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?', output: CITY })).id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'error' } });
    expect(ended.runs).toHaveLength(1);
  });

  it('Claude gave up: the conversation is continued', async () => {
    let runs = 0;
    const { manager } = simulate(({ conversationId }) => {
      runs += 1;
      const subtype = runs === 1 ? { subtype: 'error_max_structured_output_retries' } : { output: { city: 'Oslo' } };
      return scriptedRun([{ text: 'Hm.' }], { conversationId, ...subtype });
    });
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?', output: CITY })).id);
    expect(ended).toMatchObject({ status: 'completed', result: { output: { city: 'Oslo' } } });
  });
});

describe('a Standard Schema', () => {
  it("its own check counts as well, and the result is what the agent wrote, without the schema's transformations", async () => {
    const schema = z.object({ city: z.string().refine((city) => /^[A-Z]/.test(city), 'begins with a small letter') });
    const { manager, told } = giving([{ city: 'oslo' }, { city: 'Oslo' }]);
    const output = schema.transform(({ city }) => city.length);
    const ended = await manager.waitFor((await manager.create({ prompt: 'Which city?', output })).id);
    expect(ended.result?.output).toEqual({ city: 'Oslo' });
    expect(told[1]).toContain('/city: begins with a small letter');
  });

  it('a schema whose own check throws fails the session with its message', async () => {
    const schema = z.object({ city: z.string() }).refine(() => {
      throw new Error('no database');
    });
    const { manager } = giving([{ city: 'Oslo' }]);
    const { id } = await manager.create({ prompt: 'Which city?', output: schema, outputRetries: 0 });
    expect((await manager.waitFor(id)).result?.error).toContain('no database');
  });

  it.each<[string, OutputSchema, unknown, unknown]>([
    ['a list', z.array(z.string()), { value: ['a'] }, ['a']],
    ['a text', z.string(), { value: 'a' }, 'a'],
    [
      'one of two objects',
      z.union([z.object({ a: z.string() }), z.object({ b: z.number() })]),
      { value: { b: 1 } },
      { b: 1 },
    ],
    ['null', z.null(), { value: null }, null],
  ])('%s, which is no object, is unpacked from what Claude gave', async (_, output, given, result) => {
    const { manager } = giving([given]);
    const ended = await manager.waitFor((await manager.create({ prompt: 'What?', output })).id);
    expect(ended.status).toBe('completed');
    expect(ended.result?.output).toEqual(result);
  });
});

describe('after a restart', () => {
  it('the next process checks the result by the JSON Schema, and counts the retries that there were', async () => {
    const stateDir = tempFolder();
    let runs = 0;
    // The second run is still going when the first process ends.
    const agent = (): SimulatedExecutor =>
      new SimulatedExecutor(({ conversationId }) => {
        runs += 1;
        const turn = { text: 'Hm.', ...(runs === 2 && { afterMs: 60_000 }) };
        return scriptedRun([turn], { conversationId, output: {} });
      });
    const first = new UnifiedSessionManager({ stateDir, executors: everyMode(agent()) });
    const second = nextStart(first, 2);
    const { id } = await first.create({ prompt: 'Which city?', output: z.object({ city: z.string() }) });
    await second;
    await first.close();
    const manager = new UnifiedSessionManager({ stateDir, executors: everyMode(agent()) });
    onTestFinished(() => manager.close({ sessions: 'cancel' }));
    await manager.recover();
    expect(manager.get(id)).toMatchObject({ asked: { output: { retries: 2 } } });
    await manager.waitFor(id);
    await manager.continue(id, 'Try again');
    const ended = await manager.waitFor(id);
    expect(ended.result).toMatchObject({ reason: 'invalid_output', error: expect.stringContaining("'city'") });
    expect(ended.runs.at(-1)?.outputRetry).toBe(2);
  });
});

describe('the defaults of a manager', () => {
  const OPTIONS = { model: 'opus', fallbackModels: ['sonnet', 'haiku'], effort: 'high', output: CITY } as const;

  it('a session has the defaults for what it does not set, and falls back to no model twice', async () => {
    const { manager } = giving([{ city: 'Oslo' }], { ...OPTIONS, outputRetries: 1 });
    const plain = await manager.create({ prompt: 'Which city?' });
    expect(plain.asked).toEqual({
      model: 'opus',
      fallbackModels: ['sonnet', 'haiku'],
      effort: 'high',
      output: { retries: 1 },
    });
    const own = await manager.create({ prompt: 'Which city?', model: 'sonnet', effort: 'low', outputRetries: 0 });
    expect(own.asked).toMatchObject({
      model: 'sonnet',
      fallbackModels: ['haiku'],
      effort: 'low',
      output: { retries: 0 },
    });
    expect((await manager.waitFor(plain.id)).result?.output).toEqual({ city: 'Oslo' });
  });

  it('modes without a typed result ignore the default schema, and refuse one of their own', async () => {
    const { manager } = giving([], OPTIONS);
    const { asked } = await manager.create({ prompt: 'Plan it', mode: 'planning' });
    expect(asked).not.toHaveProperty('output');
    for (const mode of ['planning', 'interactive'] as const) {
      const refused = manager.create({ prompt: 'Plan it', mode, output: CITY });
      expect((await errorOf(refused, 'INVALID_OPTIONS')).message).toContain(`'${mode}'`);
    }
  });

  it('children have the models of their leader unless they name their own, and no typed result', async () => {
    const { manager } = giving([{ city: 'Oslo' }], OPTIONS);
    const { id } = await manager.create({ prompt: 'Lead', mode: 'orchestration', model: 'fable', detached: false });
    const child = await manager.create({ prompt: 'Follow', parentId: id });
    expect(child.asked).toMatchObject({ fallbackModels: ['sonnet', 'haiku'], effort: 'high' });
  });
});

describe('options that are refused', () => {
  it.each<[string, object]>([
    ['a model that would be taken for a flag', { model: '--dangerous' }],
    ['a model with a line end', { model: 'opus\n--flag' }],
    ['a model with a control character', { model: 'op\u001bus' }],
    ['an empty model', { model: '' }],
    ['a very long model', { model: 'x'.repeat(1_000) }],
    ['a list in one name', { fallbackModels: ['opus,sonnet'] }],
    ['four models to fall back to', { fallbackModels: ['a', 'b', 'c', 'd'] }],
    ['the same model twice', { fallbackModels: ['a', 'a'] }],
    ['its own model to fall back to', { model: 'a', fallbackModels: ['a'] }],
    ['an unknown effort', { effort: 'huge' }],
    ['a schema that is a text', { output: '{}' }],
    ['a schema that is a list', { output: [] }],
    ['a schema that is no schema', { output: { type: 'objekt' } }],
    ['retries without a schema', { outputRetries: 1 }],
    ['negative retries', { output: CITY, outputRetries: -1 }],
    [
      'a Standard Schema without a JSON Schema',
      { output: { '~standard': { version: 1, vendor: 'x', validate: () => ({}) } } },
    ],
    ['a zod schema that has no JSON Schema', { output: z.object({ a: z.bigint() }) }],
  ])('%s is refused, and nothing is left behind', async (_, options) => {
    const { manager } = giving([]);
    const [name = ''] = Object.keys(options).slice(-1);
    const { message } = await errorOf(manager.create({ prompt: 'x', ...options }), 'INVALID_OPTIONS');
    expect(message).toContain(name);
    expect(manager.list()).toEqual([]);
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 0 });
  });

  it('a manager refuses them as defaults, too', () => {
    for (const options of [{ model: '-x' }, { effort: 'huge' }, { output: { $ref: 'https://example.com' } }])
      expect(() => new UnifiedSessionManager(options as SessionManagerOptions)).toThrow('Option');
  });
});

/** Resolves when a run of this number has begun. */
function nextStart(manager: UnifiedSessionManager, number: number): Promise<void> {
  return new Promise((resolve) => {
    manager.on('session:started', ({ run }) => void (run.number === number && resolve()));
  });
}

function nested(depth: number): object {
  let value: object = {};
  for (let level = 0; level < depth; level++) value = { city: value };
  return value;
}
