import type { Run } from '../run/run.js';
import type { QuestionAnswer } from '../session/question.js';
import type { UnifiedSession } from '../session/record.js';
import { isTerminal } from '../session/status.js';
import type { SessionRegistry } from '../store/registry.js';
import type { SessionStore } from '../store/store.js';
import { OrchestrationError } from '../util/errors.js';
import type { LiveSessions } from './live-sessions.js';
import type { SessionRuns } from './session-runs.js';

/** What people and programs can do to an existing session, see the methods of `UnifiedSessionManager`. */
export class SessionInterventions {
  readonly #store: SessionStore;
  readonly #live: LiveSessions;
  readonly #runs: SessionRuns;

  constructor(store: SessionStore, live: LiveSessions, runs: SessionRuns) {
    this.#store = store;
    this.#live = live;
    this.#runs = runs;
  }

  async pause(session: UnifiedSession): Promise<UnifiedSession> {
    if (session.resumeAt !== undefined) {
      throw new OrchestrationError(
        'ILLEGAL_TRANSITION',
        `Session ${session.id} waits until ${new Date(session.resumeAt).toISOString()} and goes on by itself; use cancel() to end it.`,
      );
    }
    await this.#requireRun(session, 'paused').pause();
    return this.#store.registry.require(session.id);
  }

  async resume(session: UnifiedSession): Promise<UnifiedSession> {
    if (session.resumeAt !== undefined) return this.#runs.goOnNow(session);
    await this.#requireRun(session, 'resumed').resume();
    return this.#store.registry.require(session.id);
  }

  async steer(session: UnifiedSession, message: string): Promise<void> {
    await this.#requireRun(session, 'steered').steer(message);
  }

  answer(
    session: UnifiedSession,
    requestId: string,
    decision: 'allow' | 'deny',
    note: string | undefined,
  ): UnifiedSession {
    this.#requireRun(session, 'answered').asks.approvals.answer(requestId, decision, note);
    return this.#store.registry.require(session.id);
  }

  answerQuestion(session: UnifiedSession, questionId: string, answers: readonly QuestionAnswer[]): UnifiedSession {
    this.#requireRun(session, 'answered').asks.questions.answer(questionId, answers);
    return this.#store.registry.require(session.id);
  }

  /** Refused while another session works in the worktree. Children may work in the worktree of their leader. */
  async removeWorktree({ id }: UnifiedSession, force: boolean): Promise<UnifiedSession> {
    await this.#runs.removed(id);
    const { status, environment } = this.#store.registry.require(id);
    const { worktrees } = this.#live.require(id).executor;
    const refused = (why: string): OrchestrationError =>
      new OrchestrationError('ILLEGAL_TRANSITION', `Worktree of session ${id} ('${status}'): ${why}.`);
    if (!worktrees) throw refused('it has none');
    if (!isTerminal(status)) throw refused('it has not ended; cancel() it first');
    const other = workerIn(environment.worktree, this.#store.registry);
    if (other) throw refused(`session ${other.id} ('${other.status}') works in it; wait for its end, or cancel() it`);
    await worktrees.remove(id, force);
    const session = this.#store.dispatch(id, { type: 'worktree-removed' });
    await this.#store.journal.saved(id);
    return session;
  }

  #requireRun(session: UnifiedSession, done: string): Run {
    const { id, status } = session;
    const run = this.#live.get(id)?.run;
    if (run) return run;
    const advice = isTerminal(status)
      ? 'it has ended; use continue() instead'
      : 'nothing of it runs; wait for its start';
    throw new OrchestrationError('ILLEGAL_TRANSITION', `Session ${id} ('${status}') cannot be ${done}: ${advice}.`);
  }
}

/** A session that has not ended and has a worktree of another session as its workspace. */
export function workerIn(worktree: string | undefined, registry: SessionRegistry): UnifiedSession | undefined {
  if (worktree === undefined) return undefined;
  for (const session of registry.open()) {
    if ((session.environment.root ?? session.environment.cwd) === worktree) return session;
  }
  return undefined;
}
