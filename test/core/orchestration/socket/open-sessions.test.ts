import { openSessions, UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

function managerOf(stateDir: string, socket = true): UnifiedSessionManager {
  const manager = new UnifiedSessionManager({ stateDir, socket });
  onTestFinished(() => manager.close());
  return manager;
}

describe('openSessions()', () => {
  it('the first process gets a manager, the next ones get clients', async () => {
    const stateDir = tempFolder();
    const opened = await Promise.all(Array.from({ length: 5 }, () => openSessions({ stateDir })));
    const managers = opened.filter((sessions) => sessions instanceof UnifiedSessionManager);
    expect(managers).toHaveLength(1);
    await Promise.all(opened.map((sessions) => sessions.close()));
    const again = await openSessions({ stateDir });
    expect(again).toBeInstanceOf(UnifiedSessionManager);
    await again.close();
  });

  it('an owner without a socket is not reached', async () => {
    const stateDir = tempFolder();
    await managerOf(stateDir, false).recover();
    const error = await errorOf(openSessions({ stateDir }), 'STATE_LOCKED');
    expect(error.message).toContain("unless it has the option 'socket: false'");
  });

  it('options are checked for a client, too', async () => {
    const stateDir = tempFolder();
    await managerOf(stateDir).recover();
    await errorOf(openSessions({ stateDir, maxConcurrent: 0 }), 'INVALID_OPTIONS');
    await errorOf(openSessions({ stateDirectory: stateDir } as never), 'INVALID_OPTIONS');
  });

  it('a manager that hot reload has made again is told where the sessions are', async () => {
    const stateDir = tempFolder();
    await managerOf(stateDir).recover();
    const error = await errorOf(managerOf(stateDir).recover(), 'STATE_LOCKED');
    expect(error.message).toContain('if hot reload has made it, keep it in globalThis');
    expect(error.message).toContain('openSessions({ stateDir }) reaches its sessions');
    const sessions = await openSessions({ stateDir });
    expect(sessions.list()).toEqual([]);
    await sessions.close();
  });
});
