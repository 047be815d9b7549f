import type { AgentPlace, EndedRun, Executor, Leftover } from '../contract/executor.js';
import type { RunHandle } from '../contract/run-handle.js';
import { endedRun } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import type { Preparation, SessionSpec } from '../contract/session-spec.js';
import { WORKSPACE } from '../git/mounts.js';
import type { SessionWorktrees } from '../git/session-worktrees.js';
import type { SessionEnvironment, SessionResult } from '../session/record.js';

/**
 * How the sessions of one mode run. The manager calls `prepare` while a session is created, `launch` whenever one of
 * its runs gets a slot, `adopt` for runs of a process that is gone, and `close` when it closes. Queue, record, log and events belong
 * to the manager.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager({ executors: { autonomous: new MyExecutor() } });
 * ```
 */
export abstract class BaseExecutor implements Executor {
  /** The manager's `stateDir`, if the executor was made for one. A manager with another `stateDir` refuses the executor. */
  readonly stateDir?: string;
  /** Where its sessions' worktrees are kept; absent if they have none. */
  readonly worktrees?: SessionWorktrees;
  /** Whether every tool call of its runs has to pass the guard; see `RunHandle.hooked`. Default `false`. */
  readonly hooked: boolean = false;
  /**
   * Whether its sessions lead those that name them as `parentId`: children inherit workspace, policy and limits, count
   * against the limits, and are cancelled when their leader ends other than `completed`. Default `false`.
   */
  readonly leads: boolean = false;

  /**
   * Refuses what cannot run, so that mistakes show in `create()`. Acquires nothing.
   *
   * @throws OrchestrationError with the code that says why
   */
  abstract prepare(spec: SessionSpec): Promise<Preparation>;

  /**
   * The place against which the tool calls of a session are rated. Default: `/workspace` in a container with `docker`, else the
   * worktree or the workspace on the machine.
   */
  placeOf({ docker, worktree, cwd }: SessionEnvironment): AgentPlace {
    return { workspace: docker ? WORKSPACE : (worktree ?? cwd), container: docker };
  }

  /**
   * Starts a run that appends stream-json to the folder's log. Resolves as soon as the run is under way.
   *
   * @throws OrchestrationError if the run could not be started; what was acquired is released
   */
  abstract launch(request: RunRequest): Promise<RunHandle>;

  /**
   * Takes up a run that an earlier process has launched. `request.session` is its record, and the run is the last one in it.
   * Returns undefined if the run never began, so that it can be launched now.
   *
   * By default nothing outlives a process, and the run counts as `lost`.
   *
   * @throws OrchestrationError `DOCKER_UNAVAILABLE` if the engine does not answer
   */
  async adopt(_request: RunRequest): Promise<RunHandle | undefined> {
    return endedRun({ reason: 'lost', error: 'It ran inside a process that is gone' });
  }

  /**
   * What the mode has to say of a run that has ended, beyond what every result says. Default: nothing.
   *
   * @throws Error if it cannot be found out; the session ends all the same, and its record has the error
   */
  async finalResult(_ended: EndedRun): Promise<Partial<SessionResult>> {
    return {};
  }

  /** What exists of runs outside of the state folder, containers for example. Default: nothing. */
  async leftovers(): Promise<Leftover[]> {
    return [];
  }

  /** Removes one of the leftovers, running or not: it belongs to no session. */
  async removeLeftover(_leftover: Leftover): Promise<void> {}

  /** Lets go of what the executor holds for all its sessions. */
  close(): void {}
}
