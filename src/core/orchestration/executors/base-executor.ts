import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import type { EndedRun, Executor, Leftover } from '../contract/executor.js';
import type { RunHandle } from '../contract/run-handle.js';
import { endedRun } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import type { Preparation, SessionSpec } from '../contract/session-spec.js';
import type { SessionWorktrees } from '../git/worktrees/session-worktrees.js';
import { type AgentPlace, placeIn } from '../session/agent-place.js';
import type { LoginSource } from '../session/login-source.js';
import type { SessionEnvironment, SessionResult } from '../session/record.js';

/** What an executor may learn of the manager to which it is given. */
export interface ManagerOfExecutor {
  readonly stateDir: string;
  readonly channelCoder?: ChannelCoderModule;
  /** The manager's option `login`. */
  readonly login?: LoginSource | false;
}

/**
 * How the sessions of one mode run. The manager calls `prepare` while a session is created, `launch` whenever a run of the
 * session gets a slot, `adopt` for a run that an earlier process has left, and `close` when the manager closes. The manager
 * itself takes care of queue, record, log and events.
 *
 * @example
 * ```ts
 * const manager = new UnifiedSessionManager({ executors: { autonomous: new MyExecutor() } });
 * ```
 */
export abstract class BaseExecutor implements Executor {
  /** The manager's `stateDir`, if the executor was made for one. A manager with another `stateDir` refuses the executor. */
  readonly stateDir?: string;
  /** The worktrees of the executor's sessions. Absent if its sessions have none. */
  readonly worktrees?: SessionWorktrees;
  /** True if every tool call of the executor's runs has to pass the guard, see `RunHandle.hooked`. Default `false`. */
  readonly hooked: boolean = false;
  /**
   * True if the executor's sessions lead the sessions that name them as `parentId`. Then these children inherit workspace, policy
   * and limits from their leader, and count against the leader's limits. If the leader ends in any way but `completed`, its
   * children are cancelled. Default `false`.
   */
  readonly leads: boolean = false;

  /** Called when a manager takes the executor, before any other call. Default: nothing. */
  attach(_manager: ManagerOfExecutor): void {}

  /**
   * Checks the options of a session and refuses a session that cannot run, so that mistakes show in `create()`. Acquires nothing.
   *
   * @throws OrchestrationError with the code that says why
   */
  abstract prepare(spec: SessionSpec): Promise<Preparation>;

  /**
   * The place against which the tool calls of a session are rated. Default: `/workspace` in a container with `docker`, else the
   * worktree or the workspace on the machine.
   */
  placeOf(environment: SessionEnvironment): AgentPlace {
    return placeIn(environment);
  }

  /**
   * Starts a run. The run appends stream-json to the folder's log. Resolves as soon as the run is under way.
   *
   * @throws OrchestrationError if the run could not be started; then everything that was acquired is released
   */
  abstract launch(request: RunRequest): Promise<RunHandle>;

  /**
   * Takes over a run that an earlier process has launched. `request.session` is the record of the run's session, and the run is
   * the last run in this record. Returns undefined if the run never began. Then the manager can launch it now.
   *
   * Default: the run counts as `lost`, because it is assumed that nothing of a run outlives the process.
   *
   * @throws OrchestrationError `DOCKER_UNAVAILABLE` if the engine does not answer
   */
  async adopt(_request: RunRequest): Promise<RunHandle | undefined> {
    return endedRun({ reason: 'lost', error: 'The run was part of a process that is gone' });
  }

  /**
   * The fields that the mode adds to the result of a run that has ended. Default: none.
   *
   * @throws Error if the fields cannot be determined; then the session ends without them, and its record has the error
   */
  async finalResult(_ended: EndedRun): Promise<Partial<SessionResult>> {
    return {};
  }

  /** Everything that exists of runs outside of the state folder, for example containers. Default: nothing. */
  async leftovers(): Promise<Leftover[]> {
    return [];
  }

  /** Removes a leftover that belongs to no session, even if it is running. */
  async removeLeftover(_leftover: Leftover): Promise<void> {}

  /** Releases what the executor holds for all its sessions. */
  close(): void | Promise<void> {}
}
