import {
  openSessions,
  type SessionEvent,
  type SessionManagerOptions,
  type Sessions,
  UnifiedSessionManager,
} from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { ASK_TO_PUSH, DONE, ENDLESS, everyMode, PUSHES } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A manager, as its own process would have it. */
function owner(script: SimulatedScript, options: SessionManagerOptions): UnifiedSessionManager {
  const manager = new UnifiedSessionManager({ executors: everyMode(new SimulatedExecutor(script)), ...options });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  return manager;
}

/** A manager that owns a folder, and a client of it. */
async function connected(script: SimulatedScript, options: SessionManagerOptions = {}) {
  const stateDir = tempFolder();
  const manager = owner(script, { stateDir, ...options });
  await manager.recover();
  return { stateDir, manager, client: await clientOf(stateDir) };
}

async function clientOf(stateDir: string): Promise<Sessions> {
  const client = await openSessions({ stateDir });
  expect(client).not.toBeInstanceOf(UnifiedSessionManager);
  onTestFinished(() => client.close());
  return client;
}

function eventsOf(sessions: Sessions): SessionEvent[] {
  const events: SessionEvent[] = [];
  sessions.on('event', (event) => events.push(event));
  return events;
}

const BUSY: SimulatedScript = ({ conversationId }) =>
  scriptedRun(
    [
      { text: 'I look around: ünï ✓ \u{1f600}.' },
      { tool: 'Bash', input: { command: 'ls', nested: { list: [1, null, 'x'] } }, output: 'a\nb' },
      { tool: 'Bash', input: { command: 'rm -rf /' }, output: 'gone' },
      { tool: 'Bash', input: { command: 'false' }, output: 'failed', isError: true },
      { text: 'Done.' },
    ],
    { conversationId },
  );

describe('a client of the process that owns the sessions', () => {
  it('a client can ask for a typed result: its Standard Schema becomes a JSON Schema, which the owner checks', async () => {
    const outputs = [{ city: 5 }, { city: 'oslo' }];
    const { client } = await connected(({ conversationId }) =>
      scriptedRun([{ text: 'Done.' }], { conversationId, output: outputs.shift() }),
    );
    const capital = z.object({ city: z.string().refine((city) => /^[A-Z]/.test(city)) });
    const { id, asked } = await client.create({ prompt: 'x', output: capital, model: 'opus' });
    expect(asked).toEqual({ model: 'opus', output: { retries: 2 } });
    const ended = await client.waitFor(id);
    // Only the process that owns the session can check it, and functions do not cross a socket.
    expect(ended).toMatchObject({ status: 'completed', result: { output: { city: 'oslo' } } });
    expect(ended.runs[1]?.feedback).toContain('/city: must be string');
    const refused = client.create({ prompt: 'x', output: { $ref: 'https://example.com' } });
    await errorOf(refused, 'INVALID_OPTIONS');
  });

  it('a client gets the same events and has the same records as the manager', async () => {
    const { manager, client } = await connected(BUSY, { maxConcurrent: 1 });
    const [here, there] = [eventsOf(client), eventsOf(manager)];
    const first = await client.create({ prompt: 'x', taskId: 'mine' });
    const second = await manager.create({ prompt: 'x' });
    await client.waitFor(first.id);
    await client.waitFor(second.id);
    await client.continue(first.id, 'more');
    await client.waitFor(first.id, { status: 'completed' });
    await eventually(() => expect(here).toHaveLength(there.length));
    expect(here).toEqual(there);
    expect(new Set(here.map(({ type }) => type))).toContain('session:danger');
    expect(client.list()).toEqual(manager.list());
    expect(client.list({ taskId: 'mine' })).toEqual([manager.get(first.id)]);
    expect(client.queueStatus()).toEqual(manager.queueStatus());
    expect(Object.isFrozen(client.get(first.id)?.metadata.toolsUsed[0]?.input)).toBe(true);
  });

  it('a client gets the records of before', async () => {
    const { stateDir, manager } = await connected(ENDLESS, { maxConcurrent: 1 });
    const { id } = await manager.create({ prompt: 'x' });
    await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'running' });
    const late = await clientOf(stateDir);
    expect(late.list()).toEqual(manager.list());
    expect(late.queueStatus()).toEqual(manager.queueStatus());
    expect(late.queueStatus()).toMatchObject({ running: 1, queued: 1 });
  });

  it('listeners that are given to openSessions() miss no event, neither in a client nor in a manager', async () => {
    const { stateDir, manager } = await connected(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'running' });
    const seen: SessionEvent[] = [];
    const listen = (sessions: Sessions) => void sessions.on('event', (event) => seen.push(event));
    const client = await openSessions({ stateDir }, listen);
    onTestFinished(() => client.close());
    expect(seen[0]).toMatchObject({ type: 'session:recovered', sessionId: id });
    await client.close();
    seen.length = 0;
    await manager.close();
    const executors = everyMode(new SimulatedExecutor(DONE));
    const next = (await openSessions({ stateDir, executors }, listen)) as UnifiedSessionManager;
    onTestFinished(() => next.close({ sessions: 'cancel' }));
    expect(seen[0]).toMatchObject({ type: 'session:recovered', sessionId: id });
  });

  it('a person can decide, steer, pause, resume and cancel through a client', async () => {
    const { client } = await connected(PUSHES, { policy: ASK_TO_PUSH });
    const { id } = await client.create({ prompt: 'x' });
    const { pendingApproval } = await client.waitFor(id, { status: 'waiting_feedback' });
    expect(await client.pause(id)).toMatchObject({ status: 'paused' });
    expect(await client.resume(id)).toMatchObject({ status: 'waiting_feedback' });
    const steered = client.steer(id, 'Be careful.');
    expect(await client.approve(id, pendingApproval?.requestId ?? '', 'fine')).toMatchObject({ status: 'running' });
    await steered;
    expect(await client.waitFor(id)).toMatchObject({ status: 'completed' });
    const { id: other } = await client.create({ prompt: 'x' });
    const asked = await client.waitFor(other, { status: 'waiting_feedback' });
    await client.deny(other, asked.pendingApproval?.requestId ?? '', 'no');
    expect(await client.waitFor(other)).toMatchObject({ metadata: { toolsUsed: [{ outcome: 'denied' }] } });
    expect(await client.cancel(other)).toMatchObject({ status: 'completed' });
  });

  it('errors of the manager arrive with their code and message, and with the stack of the caller', async () => {
    const { client, manager } = await connected(DONE);
    const unknown = await errorOf(client.cancel('nothing'), 'SESSION_NOT_FOUND');
    expect(unknown.message).toBe((await errorOf(manager.cancel('nothing'), 'SESSION_NOT_FOUND')).message);
    expect(unknown.stack).toContain('sessions-client.test.ts');
    await errorOf(client.create({ prompt: 'x', cwd: '/no/such/folder' }), 'WORKSPACE_NOT_FOUND').catch(() => {});
    await errorOf(client.create({ prompt: 'x', promt: 'y' } as never), 'INVALID_OPTIONS');
    await errorOf(client.waitFor('nothing'), 'SESSION_NOT_FOUND');
  });

  it('a session that is removed is gone everywhere, with its last record as the answer', async () => {
    const { stateDir, manager, client } = await connected(DONE);
    const other = await clientOf(stateDir);
    const { id } = await client.create({ prompt: 'x' });
    await errorOf(client.remove('nothing'), 'SESSION_NOT_FOUND');
    await client.waitFor(id);
    const events = eventsOf(other);
    expect(await client.remove(id)).toMatchObject({ id, status: 'completed' });
    expect([client.get(id), manager.get(id)]).toEqual([undefined, undefined]);
    await eventually(() => expect(events.map(({ type }) => type)).toContain('session:removed'));
    expect(other.list()).toEqual([]);
  });

  it('all clients share the slots of the one manager', async () => {
    const { stateDir, client } = await connected(ENDLESS, { maxConcurrent: 3, maxQueued: 1 });
    const clients = [client, await clientOf(stateDir), await clientOf(stateDir)];
    const created = await Promise.all([...clients, client].map((one) => one.create({ prompt: 'x' })));
    expect(created.map(({ status }) => status).toSorted()).toEqual(['queued', 'starting', 'starting', 'starting']);
    await errorOf((clients[1] as Sessions).create({ prompt: 'x' }), 'QUEUE_FULL');
  });

  it('relative paths count from the working directory of the client', async () => {
    const { client } = await connected(DONE);
    const { environment } = await client.create({ prompt: 'x', cwd: 'src' });
    expect(environment.cwd).toBe(`${process.cwd()}/src`);
    expect((await client.create({ prompt: 'x' })).environment.cwd).toBe(process.cwd());
  });

  it('a pattern in the policy arrives, a function and other values that JSON cannot hold are refused', async () => {
    const { client } = await connected(PUSHES);
    const matches = /^GIT push/i;
    const { id } = await client.create({
      prompt: 'x',
      policy: { rules: [{ tool: 'Bash', matches, decision: 'deny' }] },
    });
    expect((await client.waitFor(id)).metadata.toolsUsed).toMatchObject([{ outcome: 'denied' }]);
    const rules = [{ tool: 'Bash', matches: () => true, decision: 'deny' as const }];
    const error = await errorOf(client.create({ prompt: 'x', policy: { rules } }), 'INVALID_OPTIONS');
    expect(error.message).toContain("Option 'policy.rules': a function cannot be sent");
    const data = { when: new Date(0) } as never;
    await errorOf(client.create({ promptFile: 'x.md', data }), 'INVALID_OPTIONS');
  });

  it('what the owner would not read is refused before it is sent', async () => {
    const { client } = await connected(DONE);
    const { message } = await errorOf(client.create({ prompt: 'x'.repeat(9_000_000) }), 'INVALID_OPTIONS');
    expect(message).toContain('8388608 bytes can be sent');
    const { id } = await client.create({ prompt: 'x' });
    await client.waitFor(id);
    await errorOf(client.continue(id, 'x'.repeat(9_000_000)), 'INVALID_OPTIONS');
    expect(client.list()).toHaveLength(1);
  });

  it('a signal cancels the session, and create() rejects if the signal was aborted before', async () => {
    const { client } = await connected(ENDLESS);
    const control = new AbortController();
    const { id } = await client.create({ prompt: 'x', signal: control.signal });
    control.abort();
    expect(await client.waitFor(id)).toMatchObject({ status: 'cancelled', result: { error: 'aborted by its signal' } });
    await expect(client.create({ prompt: 'x', signal: AbortSignal.abort('why') })).rejects.toBe('why');
    const during = new AbortController();
    const creating = client.create({ prompt: 'x', signal: during.signal });
    during.abort('late');
    await expect(creating).rejects.toBe('late');
    expect(client.list({ status: ['starting', 'running'] })).toEqual([]);
  });

  it('closing a client ends its waits and its events, and nothing else', async () => {
    const { manager, client } = await connected(ENDLESS);
    const { id } = await client.create({ prompt: 'x' });
    const [waiting, events] = [client.waitFor(id), client.events()];
    waiting.catch(() => {});
    await client.close();
    await errorOf(waiting, 'MANAGER_CLOSED');
    await errorOf(client.cancel(id), 'MANAGER_CLOSED');
    for await (const { type } of events) expect(type).toBeDefined(); // It ends.
    expect(await manager.waitFor(id, { status: 'running' })).toMatchObject({ id });
  });
});

describe('an owner that ends while clients are connected', () => {
  it('clients go on with the next owner: waits, calls, records and events', async () => {
    const { stateDir, manager, client } = await connected(ENDLESS);
    const { id } = await client.create({ prompt: 'x' });
    await client.waitFor(id, { status: 'running' });
    const done = client.waitFor(id);
    const recovered = new Promise<SessionEvent>((resolve) => client.once('session:recovered', resolve));
    await manager.close();
    const creating = client.create({ prompt: 'while nobody is there' });
    const next = owner(DONE, { stateDir });
    await next.recover();
    expect((await done).status).toBe('failed'); // A simulated run ends with its process.
    expect(await recovered).toMatchObject({ sessionId: id });
    const created = await creating;
    expect(await client.waitFor(created.id)).toMatchObject({ status: 'completed' });
    expect(client.list()).toEqual(next.list());
    expect(client.list()).toHaveLength(2);
  });

  it('a create() that the old owner has carried out is not carried out again', async () => {
    const { stateDir, manager, client } = await connected(ENDLESS);
    // The old owner records the session and closes before it answers.
    manager.on('session:created', () => void manager.close());
    const creating = client.create({ prompt: 'once' });
    await new Promise<void>((resolve) => manager.once('session:created', () => resolve()));
    await manager.close();
    const next = owner(ENDLESS, { stateDir });
    await next.recover();
    const { id } = await creating;
    expect(client.list().map((session) => session.id)).toEqual([id]);
    expect(next.list().map((session) => session.id)).toEqual([id]);
  });

  it('a session that the next owner does not have is gone, and waits for it end', async () => {
    const { stateDir, manager, client } = await connected(ENDLESS);
    const { id } = await client.create({ prompt: 'x' });
    const waiting = client.waitFor(id);
    waiting.catch(() => {});
    await manager.close();
    // Without recover(), a manager knows only its own sessions.
    await owner(DONE, { stateDir }).create({ prompt: 'x' });
    await errorOf(waiting, 'SESSION_NOT_FOUND');
    expect(client.get(id)).toBeUndefined();
  });

  it('a call that was under way fails, because nobody knows if it was carried out', async () => {
    const { manager, client } = await connected(ENDLESS);
    const { id } = await client.create({ prompt: 'x' });
    await client.waitFor(id, { status: 'running' });
    const steering = client.steer(id, 'Hello.');
    steering.catch(() => {});
    await manager.close();
    await errorOf(steering, 'OWNER_UNREACHABLE');
  });
});
