import { AutonomousExecutor, type SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import type { ClaudeEvent, monitorLog as MonitorLog } from 'channelcoder';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { executables } from '../../../support/executables.js';
import { tempFolder } from '../../../support/temp-folder.js';

// A ChannelCoder that starts a session itself, and whose monitorLog is the only one that knows what happens in it.
const cleanUp = vi.hoisted(() => vi.fn());
const monitorLog = vi.hoisted(() => vi.fn<typeof MonitorLog>());
vi.mock('channelcoder', async (original) => ({
  ...(await original<object>()),
  session: () => ({ detached: async () => ({ success: true, data: { detached: true } }) }),
  // A plain function: a mock function would take the place of the engine and Claude, too.
  monitorLog: (...args: Parameters<typeof MonitorLog>) => monitorLog(...args),
}));
beforeEach(() => {
  cleanUp.mockReset();
  monitorLog.mockReset().mockReturnValue(cleanUp);
});

const MESSAGE = { type: 'assistant', message: { content: [{ type: 'text', text: 'At work.' }] } };
const RESULT = { type: 'result', subtype: 'success', is_error: false, result: 'Done.' };
const report = (event: object): void => monitorLog.mock.calls[0]?.[1](event as ClaudeEvent);

/** A session whose log is followed. */
async function followed() {
  const stateDir = tempFolder();
  const executor = new AutonomousExecutor({ stateDir, env: { PATH: executables({ claude: 'exit 1' }) } });
  const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
  onTestFinished(() => manager.close({ sessions: 'cancel' }));
  const events: SessionEvent['type'][] = [];
  manager.on('event', ({ type }) => events.push(type));
  const { id } = await manager.create({ prompt: 'x', cwd: tempFolder(), docker: false });
  await vi.waitUntil(() => monitorLog.mock.calls.length > 0, 30_000);
  return { manager, id, events, logFile: manager.get(id)?.logFile };
}

it("a session that ChannelCoder started is followed with ChannelCoder's monitorLog until its run ends", async () => {
  const { manager, id, events, logFile } = await followed();
  expect(monitorLog).toHaveBeenCalledWith(logFile, expect.any(Function), expect.any(Object));
  report(MESSAGE);
  await vi.waitUntil(() => events.includes('session:message'), 30_000);
  expect(cleanUp).not.toHaveBeenCalled();
  report(RESULT);
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', metadata: { lastMessage: 'At work.' } });
  expect(cleanUp).toHaveBeenCalledOnce();
});

it('monitorLog is ended when the session is cancelled', async () => {
  const { manager, id } = await followed();
  await manager.cancel(id);
  expect(cleanUp).toHaveBeenCalledOnce();
});

it('monitorLog is ended when the manager is closed while the session continues', async () => {
  const { manager } = await followed();
  await manager.close();
  expect(cleanUp).toHaveBeenCalledOnce();
});
