import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CreateSessionOptions, RunRequest, SessionManagerOptions } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedRun, type SimulatedStep } from 'autonomous-orchestration/testing';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { accountLabel } from '../../../../src/core/orchestration/options/account.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { DONE, everyMode, simulate } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const NOW = 1_795_000_000_000;
const HOUR = 3_600_000;
const CONVERSATION = '11111111-2222-4333-8444-555555555555';
const INIT = { type: 'system', subtype: 'init', session_id: CONVERSATION, model: 'simulated' };

function failing(text: string, error: string, ...before: object[]): SimulatedRun {
  const lines = [
    INIT,
    ...before,
    { type: 'assistant', message: { id: 'e', model: '<synthetic>', content: [{ type: 'text', text }] }, error },
    { type: 'result', subtype: 'success', is_error: true, result: text, session_id: CONVERSATION },
  ];
  return { steps: lines.map((line): SimulatedStep => ({ line })), exitCode: 1 };
}

const LOGIN = failing('OAuth token has expired · Please run /login', 'authentication_failed');
const SPEND = failing("You've hit your monthly spend limit", 'billing_error');
const limited = (resetsAt: number, type = 'five_hour'): SimulatedRun => {
  const info = { status: 'rejected', rateLimitType: type, resetsAt: resetsAt / 1_000, utilization: 1 };
  return failing("You've hit your limit", 'rate_limit', { type: 'rate_limit_event', rate_limit_info: info });
};

/** A manager whose sessions play the run that their prompt names, in their first run. */
function manage(plays: Record<string, SimulatedRun> = {}, options: SessionManagerOptions = {}) {
  const started: string[] = [];
  const { manager, events } = simulate(
    (request: RunRequest) => {
      const { prompt } = request.spec;
      const text = 'text' in prompt ? prompt.text : '';
      started.push(text);
      return (request.run === 1 && plays[text]) || DONE(request);
    },
    { maxConcurrent: 1, ...options },
  );
  const create = async (prompt: string, more: CreateSessionOptions = {}) =>
    (await manager.create({ prompt, ...more })).id;
  const queueEvents = () => events.flatMap((event) => (/^queue:(held|released)$/.test(event.type) ? [event] : []));
  return { manager, events, started, create, queueEvents };
}

const key = (value: string): CreateSessionOptions => ({ docker: { env: { ANTHROPIC_API_KEY: value } } });

describe('an account that cannot work', () => {
  it.each([
    ['auth', LOGIN],
    ['spend_limit', SPEND],
  ])('holds its sessions until the queue is released, and what failed is continued: %s', async (reason, run) => {
    const { manager, started, create, queueEvents } = manage({ first: run });
    const first = await create('first');
    const second = await create('second');
    expect(await manager.waitFor(first)).toMatchObject({ status: 'failed', result: { reason } });
    expect(manager.get(second)?.status).toBe('queued');
    const third = await create('third');
    expect(manager.get(third)?.status).toBe('queued');
    const { account } = manager.get(first) ?? {};
    expect(manager.queueStatus()).toMatchObject({ running: 0, held: { reason, account, sessionId: first } });
    expect(queueEvents()).toMatchObject([{ type: 'queue:held', sessionId: first, reason, account }]);
    expect(queueEvents()[0]).not.toHaveProperty('until');

    expect(await manager.continue(first, 'Go on')).toMatchObject({ status: 'queued' });
    expect(started).toEqual(['first']);
    const status = await manager.releaseQueue();
    expect(status).not.toHaveProperty('held');
    for (const id of [first, second, third]) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(queueEvents()).toMatchObject([{ type: 'queue:held' }, { type: 'queue:released', reason }]);
    expect(started).toEqual(['first', 'second', 'third', 'first']);
  });

  it('what failed can be continued while the queue is full and held', async () => {
    const { manager, create } = manage({ first: LOGIN }, { maxQueued: 1 });
    const first = await create('first');
    await create('second');
    await manager.waitFor(first);
    expect(await manager.continue(first, 'Go on')).toMatchObject({ status: 'queued' });
    await errorOf(manager.create({ prompt: 'third' }), 'QUEUE_FULL');
  });

  it('keeps no session of another account from starting', async () => {
    const { manager, create } = manage({ first: SPEND });
    const first = await create('first', key('one'));
    const same = await create('same', key('one'));
    const other = await create('other', key('two'));
    await manager.waitFor(first);
    expect(await manager.waitFor(other)).toMatchObject({ status: 'completed' });
    expect(manager.get(same)?.status).toBe('queued');
    const { message } = await errorOf(manager.releaseQueue('someone else'), 'INVALID_OPTIONS');
    expect(message).toContain(manager.get(first)?.account);
    await manager.releaseQueue(manager.get(other)?.account);
    expect(manager.get(same)?.status).toBe('queued');
    await manager.releaseQueue(manager.get(first)?.account);
    expect(await manager.waitFor(same)).toMatchObject({ status: 'completed' });
  });

  it('does not end the sessions of the account that run', async () => {
    const { manager, create } = manage({ first: LOGIN }, { maxConcurrent: 2 });
    const [first, second] = [await create('first'), await create('second')];
    await manager.waitFor(first);
    expect(await manager.waitFor(second)).toMatchObject({ status: 'completed' });
  });

  it('is held by the next manager of the state folder as well', async () => {
    const stateDir = tempFolder();
    const before = manage({ first: LOGIN }, { stateDir });
    const first = await before.create('first');
    await before.manager.waitFor(first);
    await before.manager.close();
    const { manager, create } = manage({}, { stateDir });
    const second = await create('second');
    expect(manager.get(second)?.status).toBe('queued');
    await manager.recover();
    expect(manager.queueStatus().held).toMatchObject({ reason: 'auth', sessionId: first });
    await manager.releaseQueue();
    expect(await manager.waitFor(second)).toMatchObject({ status: 'completed' });
    await manager.close();
    const last = manage({}, { stateDir });
    await last.manager.recover();
    expect(last.manager.queueStatus()).not.toHaveProperty('held');
  });

  it.each(['{', '{"version":1,"holds":[{"reason":7}]}', '{"version":2,"holds":[]}', ''])(
    'a file of holds that cannot be read holds nothing: %s',
    async (text) => {
      const stateDir = tempFolder();
      writeFileSync(join(stateDir, 'queue-holds.json'), text, { mode: 0o600 });
      const { manager, create } = manage({}, { stateDir });
      expect(await manager.waitFor(await create('x'))).toMatchObject({ status: 'completed' });
    },
  );
});

describe('sessions that come after one whose account cannot work', () => {
  it.each([
    ['auth', LOGIN],
    ['spend_limit', SPEND],
  ])('wait until it is continued, also under the next manager: %s', async (reason, run) => {
    const stateDir = tempFolder();
    const before = manage({ first: run }, { stateDir });
    const first = await before.create('first');
    const second = await before.create('second', { after: [{ id: first }] });
    const third = await before.create('third', { after: [{ id: second }] });
    const ended = await before.create('ended', { after: [{ id: first, on: 'ended' }] });
    expect(await before.manager.waitFor(first)).toMatchObject({ status: 'failed', result: { reason } });
    const late = await before.create('late', { after: [{ id: first }] });
    for (const id of [second, third, late]) expect(before.manager.get(id)?.status).toBe('queued');
    expect(before.manager.queueStatus()).toMatchObject({
      items: [],
      blocked: [{ id: second, after: [first] }, { id: third }, { id: ended }, { id: late, after: [first] }],
    });
    await errorOf(before.manager.remove(first), 'ILLEGAL_TRANSITION');
    await before.manager.close();

    const { manager, started } = manage({}, { stateDir });
    await manager.recover();
    await manager.releaseQueue();
    expect(await manager.waitFor(ended)).toMatchObject({ status: 'completed' });
    expect(manager.get(second)?.status).toBe('queued');
    await manager.continue(first, 'Go on');
    for (const id of [second, third, late]) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(started).toEqual(['ended', 'first', 'second', 'third', 'late']);
  });

  it('end if it is given up, or fails in another way', async () => {
    const broken: SimulatedRun = { steps: [{ line: INIT }], exitCode: 1 };
    const left = [LOGIN, broken];
    const { manager } = simulate((request) => left.shift() ?? DONE(request), { maxConcurrent: 1 });
    const first = await manager.create({ prompt: 'first' });
    const ids: string[] = [];
    for (const id of [first.id, first.id]) ids.push((await manager.create({ prompt: 'x', after: [{ id }] })).id);
    const [second = '', third = ''] = ids;
    const fourth = await manager.create({ prompt: 'x', after: [{ id: second }] });
    await manager.waitFor(first.id);
    await manager.cancel(second);
    expect(await manager.waitFor(fourth.id)).toMatchObject({ result: { reason: 'dependency_failed' } });
    expect(manager.get(third)?.status).toBe('queued');
    await manager.releaseQueue();
    await manager.continue(first.id, 'Go on');
    expect(await manager.waitFor(third)).toMatchObject({ status: 'failed', result: { reason: 'dependency_failed' } });
  });
});

describe('an account at its usage limit', () => {
  beforeEach(() => fakeClock(NOW));

  it('holds its sessions until the window is reset, and the session that found out needs no slot', async () => {
    const { manager, create, started, queueEvents } = manage({ first: limited(NOW + HOUR) });
    const first = await create('first', key('one'));
    const same = await create('same', key('one'));
    const other = await create('other', key('two'));
    const { resumeAt } = await manager.waitFor(first, { status: 'paused' });
    expect(await manager.waitFor(other)).toMatchObject({ status: 'completed' });
    expect(manager.get(same)?.status).toBe('queued');
    expect(queueEvents()).toMatchObject([{ type: 'queue:held', reason: 'usage_limit', until: resumeAt }]);
    vi.advanceTimersByTime(HOUR + 5_000);
    for (const id of [first, same]) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect(queueEvents().map(({ type }) => type)).toEqual(['queue:held', 'queue:released']);
    expect(started).toEqual(['first', 'other', expect.any(String), expect.any(String)]);
  });

  it('resume() tries again although the account is held', async () => {
    const { manager, create } = manage({ first: limited(NOW + HOUR) });
    const first = await create('first');
    await manager.waitFor(first, { status: 'paused' });
    await manager.resume(first);
    expect(await manager.waitFor(first)).toMatchObject({ status: 'completed' });
  });

  it('holds its sessions until the session tries again that found out, if the provider does not say when that is', async () => {
    const unknown = failing("You've hit your limit", 'rate_limit');
    const { manager, create, started } = manage({ first: unknown, second: unknown });
    const ids = [await create('first'), await create('second'), await create('third')];
    const [first = '', second = ''] = ids;
    const { resumeAt = 0 } = await manager.waitFor(first, { status: 'paused' });
    expect(manager.get(second)).toMatchObject({ status: 'queued' });
    expect(manager.queueStatus().held).toMatchObject({ reason: 'usage_limit', until: resumeAt });
    expect(started).toEqual(['first']);
    vi.advanceTimersByTime(resumeAt - NOW);
    await manager.waitFor(second, { status: 'paused' });
    vi.advanceTimersByTime(HOUR);
    for (const id of ids) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a session that waited for something else than this limit waits for its end', async () => {
    const retries = failing('API Error: 500 Internal server error', 'server_error');
    const plays = { first: retries, second: limited(NOW + HOUR), third: limited(NOW + 2 * HOUR) };
    const { manager, create, started } = manage(plays, { maxConcurrent: 3, retry: { initialMs: 1_000 } });
    const [first, second] = [await create('first'), await create('second')];
    const third = await create('third');
    for (const id of [first, second, third]) await manager.waitFor(id, { status: 'paused' });
    vi.advanceTimersByTime(1_000);
    expect(manager.get(first)).toMatchObject({ status: 'queued' });
    // The second has waited for a window that ends before the one that its account has used up, too.
    vi.advanceTimersByTime(HOUR + 4_000);
    expect(manager.get(second)).toMatchObject({ status: 'queued' });
    expect(started).toHaveLength(3);
    vi.advanceTimersByTime(HOUR);
    for (const id of [first, second, third]) expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('queueStatus() tells what is left of each window', async () => {
    const { manager, create, events } = manage({ first: limited(NOW + HOUR, 'seven_day') });
    const first = await create('first');
    await manager.waitFor(first, { status: 'paused' });
    const { account } = manager.get(first) ?? {};
    const window = { account, type: 'seven_day', status: 'rejected', utilization: 1, resetsAt: NOW + HOUR, at: NOW };
    expect(manager.queueStatus().windows).toEqual([window]);
    vi.advanceTimersByTime(1_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(events.at(-1)).toMatchObject({ type: 'queue:changed', queue: { windows: [window] } });
    vi.advanceTimersByTime(HOUR);
    expect(manager.queueStatus()).not.toHaveProperty('windows');
  });
});

describe('holdQueue()', () => {
  it('keeps every session from starting, also in the next manager, until releaseQueue()', async () => {
    const stateDir = tempFolder();
    const before = manage({}, { stateDir });
    const status = await before.manager.holdQueue('lunch');
    expect(status).toMatchObject({ held: { reason: 'lunch' } });
    expect(status.held).not.toHaveProperty('account');
    await before.manager.holdQueue('dinner');
    expect(before.queueEvents()).toMatchObject(
      ['lunch', 'dinner'].map((reason) => ({ type: 'queue:held', sessionId: '', reason })),
    );
    await before.manager.close();
    const { manager, create } = manage({}, { stateDir });
    const id = await create('x');
    expect(manager.get(id)).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(manager.queueStatus()).toMatchObject({ running: 0, queued: 1, held: { reason: 'dinner' } });
    await manager.releaseQueue();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a session that an earlier manager was about to launch waits as well', async () => {
    const stateDir = tempFolder();
    const before = manage({}, { stateDir });
    await before.manager.holdQueue('lunch');
    const id = await before.create('x');
    await before.manager.close();
    const file = join(stateDir, 'sessions', id, 'session.json');
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...stored, session: { ...stored.session, status: 'starting' } }));
    const { manager, started } = manage({}, { stateDir });
    expect((await manager.recover()).requeued).toEqual([id]);
    expect(manager.get(id)).toMatchObject({ status: 'queued', queuePosition: 1 });
    expect(started).toEqual([]);
    await manager.releaseQueue();
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it('a session that waits can be cancelled, and releaseQueue() without a hold changes nothing', async () => {
    const { manager, create, queueEvents } = manage();
    await manager.releaseQueue();
    await manager.holdQueue('lunch');
    const id = await create('x');
    expect(await manager.cancel(id)).toMatchObject({ status: 'cancelled' });
    expect(queueEvents()).toHaveLength(1);
  });

  it.each([[''], [' '], ['x'.repeat(2_001)], [7]])('refuses a reason that is none: %j', async (reason) => {
    const { manager } = manage();
    await errorOf(manager.holdQueue(reason as string), 'INVALID_OPTIONS');
    expect(manager.queueStatus()).not.toHaveProperty('held');
  });

  it('is refused by a manager that is closed', async () => {
    const { manager } = manage();
    await manager.close();
    await errorOf(manager.holdQueue('lunch'), 'MANAGER_CLOSED');
    await errorOf(manager.releaseQueue(), 'MANAGER_CLOSED');
  });
});

describe('the label of an account', () => {
  const label = (env: Record<string, string>, image = 'agents:stable') => accountLabel({ image, env });

  it('differs if the image or a variable of the login differs, and shows no secret', () => {
    const labels = [
      label({}),
      label({}, 'agents:next'),
      label({ ANTHROPIC_API_KEY: 'sk-secret-1' }),
      label({ ANTHROPIC_API_KEY: 'sk-secret-2' }),
      label({ CLAUDE_CODE_OAUTH_TOKEN: 'sk-secret-1' }),
      label({ CLAUDE_CODE_USE_BEDROCK: '1', AWS_PROFILE: 'a' }),
      label({ CLAUDE_CODE_USE_BEDROCK: '1', AWS_PROFILE: 'b' }),
      accountLabel(false),
    ];
    expect(new Set(labels).size).toBe(labels.length);
    expect(labels.join()).not.toContain('secret');
  });

  it('is the same whatever else the variables say, and in whatever order', () => {
    expect(label({ MODEL_SCRIPT: 'x' })).toBe(label({}));
    const [a, b] = [{ ANTHROPIC_API_KEY: 'k' }, { ANTHROPIC_BASE_URL: 'u' }];
    expect(label({ ...a, ...b })).toBe(label({ ...b, ...a }));
  });

  it('is that of the session itself, also if another session leads it', async () => {
    class Leading extends SimulatedExecutor {
      override readonly leads = true;
    }
    const docker = { image: 'a', env: { ANTHROPIC_API_KEY: 'one' } };
    const { manager, create } = manage({}, { executors: everyMode(new Leading(DONE)), docker });
    await manager.holdQueue('so that nothing ends');
    const account = (id: string) => manager.get(id)?.account;
    const leader = await create('leader', { mode: 'orchestration' });
    const child = await create('child', { parentId: leader, ...key('two') });
    expect(account(child)).not.toBe(account(leader));
    expect(account(child)).toBe(account(await create('other', key('two'))));
    expect(account(await create('heir', { parentId: leader }))).toBe(account(leader));
    const named = await create('named', { mode: 'orchestration', account: 'team' });
    expect(account(await create('heir', { parentId: named, ...key('two') }))).toBe('team');
  });

  it('is that of the new login after a restart, and the hold of the old one does not concern it', async () => {
    const stateDir = tempFolder();
    const login = (value: string) => ({ stateDir, docker: { image: 'a', env: { ANTHROPIC_API_KEY: value } } });
    const before = manage({ first: LOGIN }, login('old'));
    const first = await before.create('first');
    const second = await before.create('second');
    await before.manager.waitFor(first);
    await before.manager.close();
    const { manager, create } = manage({}, login('renewed'));
    await manager.recover();
    expect(await manager.waitFor(second)).toMatchObject({ status: 'completed' });
    const { account } = manager.get(await create('new')) ?? {};
    // The label of a session that has ended is that of its last run, until it is continued.
    expect(manager.get(second)?.account).toBe(account);
    expect(manager.queueStatus().held).toMatchObject({ reason: 'auth' });
    expect(manager.queueStatus().held?.account).not.toBe(account);
    await manager.continue(first, 'Go on');
    expect(manager.get(first)?.account).toBe(account);
    expect(await manager.waitFor(first)).toMatchObject({ status: 'completed' });
  });

  it('a session whose variables were missing has the label of the login that it is given', async () => {
    const stateDir = tempFolder();
    const before = manage({ first: LOGIN }, { stateDir });
    const first = await before.create('first', key('old'));
    const { account } = await before.manager.waitFor(first);
    await before.manager.close();
    const { manager, create } = manage({}, { stateDir });
    await manager.recover();
    expect(manager.get(first)).toMatchObject({ account });
    await manager.recover({ env: () => ({ ANTHROPIC_API_KEY: 'renewed' }) });
    await manager.continue(first, 'Go on');
    expect(await manager.waitFor(first)).toMatchObject({ status: 'completed' });
    expect(manager.get(first)?.account).toBe(manager.get(await create('new', key('renewed')))?.account);
  });

  it('is the option account, of the session before that of the manager', async () => {
    const { manager, create } = manage({}, { account: 'team' });
    expect(manager.get(await create('x'))?.account).toBe('team');
    expect(manager.get(await create('y', { account: 'mine' }))?.account).toBe('mine');
    await errorOf(manager.create({ prompt: 'x', account: '' }), 'INVALID_OPTIONS');
  });
});

describe('onOverage', () => {
  beforeEach(() => fakeClock(NOW));
  const info = { status: 'rejected', rateLimitType: 'five_hour', resetsAt: (NOW + HOUR) / 1_000, isUsingOverage: true };
  const paying = (): SimulatedRun => ({
    steps: [
      { line: INIT },
      { line: { type: 'rate_limit_event', rate_limit_info: info } },
      { line: { type: 'x' }, afterMs: 100 },
      { line: { type: 'result', subtype: 'success', is_error: false, result: 'done', session_id: CONVERSATION } },
    ],
  });

  it('continue: the session goes on, and one event and one warning say so', async () => {
    const { manager, events, create } = manage({ first: paying() });
    const first = await create('first');
    await manager.waitFor(first, { status: 'running' });
    await vi.advanceTimersByTimeAsync(1_000);
    const ended = await manager.waitFor(first);
    expect(ended).toMatchObject({
      status: 'completed',
      metadata: { errors: [{ code: 'overage', severity: 'warning' }] },
    });
    expect(events.filter(({ type }) => type === 'session:overage')).toMatchObject([{ resetsAt: NOW + HOUR }]);
  });

  it('wait: the run ends, and goes on when the window is reset', async () => {
    const { manager, create } = manage({ first: paying() }, { onOverage: 'wait' });
    const first = await create('first');
    const paused = await manager.waitFor(first, { status: 'paused' });
    expect(paused).toMatchObject({ pausedFor: 'overage', resumeAt: NOW + HOUR + 5_000 });
    expect(manager.queueStatus().running).toBe(0);
    vi.advanceTimersByTime(HOUR + 5_000);
    expect(await manager.waitFor(first)).toMatchObject({ status: 'completed', runs: [{}, {}] });
  });

  it.each(['wait', 'end'] as const)('%s: others start only if they may pay', async (onOverage) => {
    const { manager, create, started } = manage({ first: paying() }, { onOverage });
    const first = await create('first');
    const same = await create('same');
    const payer = await create('payer', { onOverage: 'continue' });
    await manager.waitFor(first, { status: onOverage === 'wait' ? 'paused' : 'failed' });
    expect(await manager.waitFor(payer)).toMatchObject({ status: 'completed' });
    expect(manager.get(same)).toMatchObject({ status: 'queued' });
    expect(manager.queueStatus().held).toMatchObject({ reason: 'overage', until: NOW + HOUR + 5_000 });
    expect(started).toEqual(['first', 'payer']);
    vi.advanceTimersByTime(HOUR + 5_000);
    expect(await manager.waitFor(same)).toMatchObject({ status: 'completed' });
  });

  it('end: the session ends, with a reason of its own', async () => {
    const { manager, create } = manage({ first: paying() });
    const first = await create('first', { onOverage: 'end' });
    expect(await manager.waitFor(first)).toMatchObject({ status: 'failed', result: { reason: 'overage' } });
  });
});
