import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { OrchestrationError, openSessions, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import packageJson from '../../../../package.json' with { type: 'json' };
import { SessionRecovery } from '../../../../src/core/orchestration/manager/recovery.js';
import { VERSION } from '../../../../src/core/orchestration/socket/messages.js';
import { OwnerConnection } from '../../../../src/core/orchestration/socket/owner-connection.js';
import { connectInFolder } from '../../../../src/core/orchestration/socket/socket-file.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { DONE, ENDLESS, everyMode } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

async function owner(script: SimulatedScript = DONE) {
  const stateDir = tempFolder();
  const executors = everyMode(new SimulatedExecutor(script));
  const manager = new UnifiedSessionManager({ stateDir, executors });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  await manager.recover();
  return { manager, stateDir };
}

/** A connection of somebody who does not keep to the rules, and what it was answered. */
async function raw(stateDir: string) {
  const socket = connect(join(stateDir, 'manager.sock'));
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  await once(socket, 'connect');
  const messages = (): { type: string; error?: { code?: string; message: string } }[] =>
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  await eventually(() => expect(messages().map(({ type }) => type)).toContain('ready'));
  return { socket, messages, ended: new Promise<void>((resolve) => socket.once('close', () => resolve())) };
}

const call = (verb: string, args: unknown[], number = 1): string =>
  `${JSON.stringify({ type: 'call', call: number, verb, args })}\n`;

describe('an owner whose clients do not keep to the rules', () => {
  it.each([
    ['text that is no JSON', 'hello\n'],
    ['JSON that is no message', '{"type":"nothing"}\n'],
    ['a verb that does not exist', call('close', [])],
    ['a verb that every object has', call('constructor', [])],
    ['too many arguments', call('cancel', [1, 2, 3, 4, 5])],
  ])('the connection is closed: %s', async (_, line) => {
    const { manager, stateDir } = await owner();
    const { socket, ended } = await raw(stateDir);
    socket.write(line);
    await ended;
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });

  it.each([
    ['options that are none', 'create', [null, '0123456789ab'], 'INVALID_OPTIONS'],
    ['a rule that is none', 'create', [{ prompt: 'x', policy: { rules: [null] } }, '0123456789ab'], 'INVALID_OPTIONS'],
    ['an id that leads elsewhere', 'create', [{ prompt: 'x' }, '../../escape'], 'INVALID_OPTIONS'],
    [
      'a pattern that is none',
      'create',
      [{ prompt: 'x', policy: { rules: [{ matches: {} }] } }, '0123456789ab'],
      undefined,
    ],
    ['an id that is no text', 'cancel', [{}], 'SESSION_NOT_FOUND'],
    ['no arguments', 'approve', [], 'SESSION_NOT_FOUND'],
  ])('the call fails: %s', async (_, verb, args, code) => {
    const { manager, stateDir } = await owner();
    const { socket, messages } = await raw(stateDir);
    socket.write(call(verb, args));
    await eventually(() => expect(messages().at(-1)?.type).toBe('answer'));
    expect(messages().at(-1)?.error?.message).toBeDefined();
    if (code !== undefined) expect(messages().at(-1)?.error).toMatchObject({ code });
    expect(manager.list()).toEqual([]);
  });

  it('a client that never reads is given up, and the others get everything', async () => {
    const { manager, stateDir } = await owner(({ conversationId }) =>
      scriptedRun([{ tool: 'Bash', input: { command: 'cat' }, output: 'x'.repeat(4_000_000) }], { conversationId }),
    );
    const { socket, ended } = await raw(stateDir);
    socket.pause();
    const client = await openSessions({ stateDir });
    onTestFinished(() => client.close());
    const lengths: number[] = [];
    client.on('session:tool-result', ({ output }) => lengths.push(output.length));
    for (let sessions = 0; sessions < 12; sessions++) {
      const { id } = await manager.create({ prompt: 'x' });
      await manager.waitFor(id);
    }
    await eventually(() => expect(lengths).toEqual(Array(12).fill(4_000_000)));
    socket.resume();
    await ended;
  });

  it('a line without end is given up before it fills the memory', async () => {
    const { manager, stateDir } = await owner();
    const { socket, ended } = await raw(stateDir);
    const part = Buffer.alloc(1024 * 1024, 0x61);
    let sent = 0;
    while (!socket.destroyed && sent < 200) {
      sent++;
      if (!socket.write(part)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), ended]);
    }
    await ended;
    expect(sent).toBeLessThan(150);
    expect(manager.queueStatus()).toMatchObject({ running: 0 });
  });

  it('a client may have a hundred calls under way, and other messages are still read', async () => {
    const { manager, stateDir } = await owner(ENDLESS);
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id, { status: 'running' });
    const { socket, messages } = await raw(stateDir);
    const answers = () => messages().filter(({ type }) => type === 'answer');
    // Its agent never hears them.
    socket.write(Array.from({ length: 101 }, (_, number) => call('steer', [id, 'Hello.'], number)).join(''));
    await eventually(() => expect(answers()).toHaveLength(1));
    expect(answers()[0]).toMatchObject({ error: { code: 'QUEUE_FULL' } });
    socket.write('{"type":"ping"}\n');
    await eventually(() => expect(messages().at(-1)?.type).toBe('pong'));
    await manager.cancel(id);
    await eventually(() => expect(answers()).toHaveLength(101));
  });

  it('two calls for one session make one session', async () => {
    const { manager, stateDir } = await owner();
    const [first, second] = [await raw(stateDir), await raw(stateDir)];
    const id = '0123456789ab';
    for (const { socket } of [first, second]) socket.write(call('create', [{ prompt: 'x' }, id]));
    for (const { messages } of [first, second]) {
      await eventually(() => expect(messages().filter(({ type }) => type === 'answer')).toHaveLength(1));
      expect(messages().find(({ type }) => type === 'answer')?.error).toBeUndefined();
    }
    expect(manager.list().map((session) => session.id)).toEqual([id]);
  });

  it('a session of the disk that the manager does not know is not overwritten', async () => {
    const { manager, stateDir } = await owner();
    const id = '0123456789ab';
    mkdirSync(join(stateDir, 'sessions', id), { recursive: true });
    writeFileSync(join(stateDir, 'sessions', id, 'stream.log'), 'precious');
    const { socket, messages } = await raw(stateDir);
    socket.write(call('create', [{ prompt: 'x' }, id]));
    await eventually(() => expect(messages().at(-1)?.type).toBe('answer'));
    expect(messages().at(-1)?.error).toMatchObject({ code: 'STATE_NOT_WRITABLE' });
    expect(readFileSync(join(stateDir, 'sessions', id, 'stream.log'), 'utf8')).toBe('precious');
    expect(manager.list()).toEqual([]);
  });

  it('while a recovery has failed, no client gets records, which would be incomplete', async () => {
    const run = vi.spyOn(SessionRecovery.prototype, 'run').mockRejectedValueOnce(new Error('no engine'));
    onTestFinished(() => run.mockRestore());
    const stateDir = tempFolder();
    const manager = new UnifiedSessionManager({ stateDir, executors: everyMode(new SimulatedExecutor(DONE)) });
    onTestFinished(() => manager.close());
    await expect(manager.recover()).rejects.toThrow('no engine');
    await errorOf(openSessions({ stateDir }), 'OWNER_UNREACHABLE');
    await manager.recover();
    const client = await openSessions({ stateDir });
    await client.close();
  });

  it('a manager that is closed while it begins does not listen afterwards', async () => {
    const stateDir = tempFolder();
    const manager = new UnifiedSessionManager({ stateDir, executors: everyMode(new SimulatedExecutor(DONE)) });
    const refused = errorOf(manager.create({ prompt: 'x' }), 'MANAGER_CLOSED');
    await manager.close();
    await refused;
    expect(await connectInFolder(stateDir)).toBeUndefined();
    expect(readdirSync(stateDir)).not.toContain('manager.sock');
  });

  it('no more than 64 processes are connected at once', async () => {
    const { manager, stateDir } = await owner();
    const sockets = await Promise.all(Array.from({ length: 64 }, () => raw(stateDir)));
    await errorOf(openSessions({ stateDir }), 'OWNER_UNREACHABLE');
    sockets[0]?.socket.destroy();
    await sockets[0]?.ended;
    const client = await eventually(() => openSessions({ stateDir }));
    expect(client.list()).toEqual(manager.list());
    await client.close();
  });
});

/** An owner that sends what a test says: at once, and after the first message. */
async function pretender(lines: readonly object[], answers: readonly object[] = []): Promise<Socket> {
  const path = join(tempFolder(), 'owner.sock');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    const write = (line: object): unknown => socket.write(`${JSON.stringify(line)}\n`);
    lines.forEach(write);
    socket.once('data', () => answers.forEach(write));
  });
  server.listen(path);
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const socket = connect(path);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const LISTENER = { onReady: () => {}, onAction: () => {}, onQueue: () => {}, onLost: () => {} };
const HELLO = { type: 'hello', version: VERSION, pid: 4711 };
const READY = { type: 'ready', queue: { running: 0, queued: 0, maxConcurrent: 3, maxQueued: 10, items: [] } };

it('the version is that of the package', () => {
  expect(VERSION).toBe(packageJson.version);
});

describe('a client whose owner does not work', () => {
  it('an owner of another version is refused, with both versions', async () => {
    const socket = await pretender([{ ...HELLO, version: '9.9.9' }, READY]);
    const onLost = vi.fn();
    const closed = once(socket, 'close');
    const { message } = await errorOf(OwnerConnection.open(socket, { ...LISTENER, onLost }), 'OWNER_INCOMPATIBLE');
    await closed;
    expect(onLost).not.toHaveBeenCalled(); // Otherwise the client would connect again and again.
    expect(message).toContain(`process 4711, which has version 9.9.9 of this library; this process has ${VERSION}`);
    expect(socket.destroyed).toBe(true);
  });

  it('an owner that hangs is given up', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const opening = OwnerConnection.open(await pretender([]), LISTENER);
    opening.catch(() => {});
    vi.advanceTimersByTime(30_000);
    await errorOf(opening, 'OWNER_UNREACHABLE');
    const lost = vi.fn();
    const connection = await OwnerConnection.open(await pretender([HELLO, READY]), { ...LISTENER, onLost: lost });
    const calling = connection.call('cancel', ['x'], () => undefined);
    calling.catch(() => {});
    vi.advanceTimersByTime(30_000);
    const { message } = await errorOf(calling, 'OWNER_UNREACHABLE');
    expect(message).toContain('Process 4711');
    expect(lost).toHaveBeenCalledOnce();
  });

  it('a call whose session was removed before the answer fails, and the connection stays', async () => {
    const socket = await pretender([HELLO, READY], [{ type: 'answer', call: 1 }]);
    const connection = await OwnerConnection.open(socket, LISTENER);
    const gone = (): never => {
      throw new OrchestrationError('SESSION_NOT_FOUND', 'It is gone.');
    };
    await errorOf(connection.call('cancel', ['x'], gone), 'SESSION_NOT_FOUND');
    expect(socket.destroyed).toBe(false);
  });

  it('an owner answers to pings, except those of a client that does not read', async () => {
    const { stateDir } = await owner();
    const { socket, messages } = await raw(stateDir);
    socket.write('{"type":"ping"}\n');
    await eventually(() => expect(messages().at(-1)?.type).toBe('pong'));
  });
});
