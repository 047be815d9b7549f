import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SessionManagerOptions, UnifiedSessionManager } from '../core/index.js';
import { type ScriptedTurn, scriptedRun } from './scripted-run.js';
import { SimulatedExecutor } from './simulated-executor.js';

/**
 * A manager for unit tests: its sessions, of all modes, play these turns and start nothing real. Its `stateDir` is a new
 * temporary folder. `close()` cancels the sessions and removes the folder, and so does the end of an `await using`.
 *
 * @param turns played by each run of each session, also when a session is continued. Default: the agent says `Done.`
 * @param options the options of the manager, for example `policy` or `maxConcurrent`
 * @throws OrchestrationError `INVALID_OPTIONS`
 *
 * @example
 * ```ts
 * await using manager = testManager([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'One file.' }]);
 * const { id } = await manager.create({ prompt: 'Count the files' });
 * expect((await manager.waitFor(id)).result?.text).toBe('One file.');
 * ```
 */
export function testManager(
  turns: readonly ScriptedTurn[] = [{ text: 'Done.' }],
  options: Omit<SessionManagerOptions, 'stateDir' | 'executors' | 'channelCoder'> = {},
): UnifiedSessionManager {
  const stateDir = mkdtempSync(join(tmpdir(), 'autonomous-orchestration-test-'));
  return new TestManager(stateDir, turns, options);
}

class TestManager extends UnifiedSessionManager {
  readonly #stateDir: string;

  constructor(stateDir: string, turns: readonly ScriptedTurn[], options: SessionManagerOptions) {
    const executor = new SimulatedExecutor(() => scriptedRun(turns));
    const executors = {
      autonomous: executor,
      interactive: executor,
      planning: executor,
      worktree: executor,
      orchestration: executor,
    };
    super({ ...options, stateDir, executors });
    this.#stateDir = stateDir;
  }

  override async close({ sessions = 'cancel' }: { sessions?: 'detach' | 'cancel' } = {}): Promise<void> {
    await super.close({ sessions });
    await rm(this.#stateDir, { recursive: true, force: true });
  }
}
