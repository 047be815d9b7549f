import type { Executor } from '../contract/executor.js';
import type { SessionCommands } from '../family/led-sessions.js';
import { resolveAnswers } from '../options/answers.js';
import { resolveContinue } from '../options/continue.js';
import { resolveAccount, resolveHoldReason } from '../options/hold-arguments.js';
import {
  type ResolvedManagerOptions,
  requireObject,
  resolveFeedback,
  resolveMessage,
  resolveNote,
} from '../options/resolve.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { QuestionAnswer } from '../session/question.js';
import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';
import { newSessionId } from '../session/session-id.js';
import type { ContinueOptions, WaitOptions } from '../session/sessions.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { SessionsServer } from '../socket/sessions-server.js';
import { SessionJournal } from '../store/disk/session-journal.js';
import type { EventDelivery } from '../store/event-delivery.js';
import { SessionStore } from '../store/store.js';
import { SYSTEM_CLOCK } from '../util/clock.js';
import { withTimeout } from '../util/deferred.js';
import { defined } from '../util/defined.js';
import { messageOf, OrchestrationError } from '../util/errors.js';
import { AbortSignals } from '../util/shared-abort.js';
import { stripControl } from '../util/text.js';
import { SessionAdmission } from './admission.js';
import { EndedSessions } from './ended-sessions.js';
import { Gate } from './gate.js';
import { SessionInterventions } from './interventions.js';
import { LiveSessions } from './live-sessions.js';
import { SessionRecovery } from './recovery.js';
import { SessionRemoval } from './removal.js';
import { SessionRetention } from './retention.js';
import { SessionRuns } from './session-runs.js';
import { StateOwner } from './state-owner.js';
import { SessionSweep } from './sweep.js';

/** How long `close()` waits for sessions to end or to be launched, and for the disk. */
const CLOSE_MS = 30_000;

/** The sessions of one manager, and everything that is done to them. `UnifiedSessionManager` passes its calls to this class. */
export class ManagedSessions implements SessionCommands {
  readonly store: SessionStore;
  readonly runs: SessionRuns;
  readonly interventions: SessionInterventions;
  readonly owner: StateOwner;
  readonly removal: SessionRemoval;
  readonly gate = new Gate();
  readonly #executors: Record<SessionMode, Executor>;
  readonly #admission: SessionAdmission;
  readonly #ended: EndedSessions;
  /** True if the manager has ended. Then no record changes any more, so it makes no sense to wait for one. */
  #closed = false;

  constructor(options: ResolvedManagerOptions, executors: Record<SessionMode, Executor>, events: EventDelivery) {
    const { maxConcurrent, maxQueued, releaseSlotWhileWaiting, stateDir, socket, prices } = options;
    const limits = { maxConcurrent, maxQueued, releaseSlotWhileWaiting };
    const clock = SYSTEM_CLOCK;
    const store = new SessionStore(clock, events, new SessionJournal(options));
    const live = new LiveSessions(executors);
    const runs = new SessionRuns({ ...limits, stateDir, store, live, clock, commands: this, prices });
    const sweep = new SessionSweep({ stateDir, executors, registry: store.registry });
    const { tree, queue } = runs;
    const ended = new EndedSessions({ options, executors, store, live, tree, queue, clock });
    const recovery = new SessionRecovery({ options, executors, store, live, runs, ended, sweep, clock });
    const queueStatus = (): QueueStatus => runs.queue.told();
    const server = socket ? new SessionsServer({ records: store, commands: this, queueStatus }) : undefined;
    const owner = new StateOwner({ stateDir, recovery, sweep, server, onOwned: () => runs.queue.holds.load() });
    // `cancel` fails only if the manager is closed.
    const signals = new AbortSignals((id) => void this.cancel(id, 'aborted by its signal').catch(() => {}));
    this.store = store;
    this.runs = runs;
    this.#ended = ended;
    this.owner = owner;
    this.interventions = new SessionInterventions(store, live, runs);
    this.#executors = executors;
    const { gate } = this;
    const removal = new SessionRemoval({
      store,
      live,
      tree,
      runs,
      dependantOf: (id) => queue.dependantOf(id),
      owner,
      gate,
    });
    this.removal = removal;
    if (options.keepEnded) {
      const remove = (id: string, force: boolean): Promise<UnifiedSession> => this.remove(id, { force });
      const retention = new SessionRetention({ ...options.keepEnded, store, tree, removal: { remove }, clock });
      store.follow({ onAction: (_, { type }) => void (type === 'ended' && retention.ended()) });
      sweep.onSwept(() => void retention.run());
    }
    this.#admission = new SessionAdmission({ options, executors, store, live, runs, owner, gate, signals, clock });
  }

  recovered(): Promise<unknown> {
    return this.owner.recovered();
  }

  /** @param id the id of the new session; if a session with this id exists, that session is returned */
  async create(options: CreateSessionOptions, id = newSessionId()): Promise<UnifiedSession> {
    requireObject(options);
    const { parentId } = options;
    const create = (): Promise<UnifiedSession> => this.#admission.create(options, id);
    const known = this.store.registry.get(id);
    if (known || typeof parentId !== 'string') return known ?? create();
    if (this.owner.isRecovering) {
      this.runs.tree.requireLeading(parentId); // When the recovery is over, nothing may be left of a parent that is being removed.
      await this.owner.ready(); // Until then, its parent and the family of that may be missing.
    }
    return this.#ended.use(parentId, create, true);
  }

  async continue(
    id: string,
    feedback: string,
    options: ContinueOptions = {},
    commandId?: string,
  ): Promise<UnifiedSession> {
    this.gate.requireOpen();
    this.store.registry.require(id);
    const words = resolveFeedback(feedback);
    const how = defined({ ...resolveContinue(options), commandId });
    return this.runs.pending.during(id, async (call) => {
      if (this.owner.isRecovering) await this.owner.ready(); // Those that waited before come first.
      return this.#ended.use(id, () => this.runs.continue(this.#open(id).id, call, words, how), true);
    });
  }

  async cancel(id: string, reason?: string): Promise<UnifiedSession> {
    const why = stripControl(resolveNote('reason', reason) ?? 'cancelled by the user');
    if (!isTerminal(this.store.registry.require(id).status)) this.gate.requireOpen();
    return this.runs.cancel(this.store.registry.require(id), why);
  }

  async pause(id: string): Promise<UnifiedSession> {
    return this.interventions.pause(this.#open(id));
  }

  async resume(id: string): Promise<UnifiedSession> {
    return this.interventions.resume(this.#open(id));
  }

  async steer(id: string, message: string): Promise<void> {
    return this.interventions.steer(this.#open(id), resolveMessage(message));
  }

  async approve(id: string, requestId: string, note?: string): Promise<UnifiedSession> {
    return this.interventions.answer(this.#open(id), requestId, 'allow', resolveNote('note', note));
  }

  async deny(id: string, requestId: string, reason?: string): Promise<UnifiedSession> {
    return this.interventions.answer(this.#open(id), requestId, 'deny', resolveNote('reason', reason));
  }

  async answer(id: string, questionId: string, answers: readonly QuestionAnswer[]): Promise<UnifiedSession> {
    return this.interventions.answerQuestion(this.#open(id), questionId, resolveAnswers(answers));
  }

  async removeWorktree(id: string, { force = false }: { force?: boolean } = {}): Promise<UnifiedSession> {
    this.#open(id);
    if (this.owner.isRecovering) await this.owner.ready(); // Others that work there may not be known before.
    return this.#ended.use(id, () => this.interventions.removeWorktree(this.#open(id), force));
  }

  async remove(id: string, { force = false }: { force?: boolean } = {}): Promise<UnifiedSession> {
    return this.#ended.use(id, () => this.removal.remove(id, force));
  }

  async holdQueue(reason?: string): Promise<QueueStatus> {
    const why = resolveHoldReason(reason);
    this.gate.requireOpen();
    await this.owner.ready();
    await this.runs.queue.holds.holdAll(why);
    return this.runs.queue.status();
  }

  async releaseQueue(account?: string): Promise<QueueStatus> {
    const which = resolveAccount(account);
    this.gate.requireOpen();
    await this.owner.ready();
    await this.runs.queue.holds.release(which);
    return this.runs.queue.status();
  }

  async waitFor(id: string, options: WaitOptions): Promise<UnifiedSession> {
    const session = this.store.registry.require(id);
    if (this.#closed && !isTerminal(session.status)) this.gate.requireOpen();
    return this.store.waiters.wait(session, options);
  }

  /** Ends the manager, see `UnifiedSessionManager.close`. Call it only once. */
  async close(sessions: 'detach' | 'cancel'): Promise<void> {
    this.gate.close();
    const { store, runs, owner } = this;
    runs.keepWaiting();
    const deadline = performance.now() + CLOSE_MS;
    const left = (): number => Math.max(1_000, deadline - performance.now());
    // While a program awaits `close()`, there may be nothing else that keeps its process alive.
    const alive = setInterval(() => {}, CLOSE_MS);
    await owner.closing();
    await owner.settled(left());
    if (sessions === 'cancel') {
      const cancelled = [...store.registry.open()].map((session) => runs.cancel(session, 'the manager was closed'));
      await withTimeout(Promise.allSettled(cancelled), left());
    }
    await withTimeout(runs.launched(), left());
    // A launch that took too long is on record or does not happen, because the next manager must not launch a run again.
    await withTimeout(runs.close(), left());
    await withTimeout(this.#admission.settled(), left());
    const executors = [...new Set(Object.values(this.#executors))];
    await withTimeout(Promise.all(executors.map(closeExecutor)), left());
    await withTimeout(store.journal.settled(), left());
    await withTimeout(this.removal.settled(), left());
    await withTimeout(this.#ended.close(), left());
    await owner.release(); // No other manager may begin before everything is written.
    clearInterval(alive);
    this.#closed = true;
    store.waiters.rejectAll(new OrchestrationError('MANAGER_CLOSED', 'The manager was closed while this was awaited.'));
  }

  /** The session that a call acts on. @throws OrchestrationError `MANAGER_CLOSED`, `SESSION_NOT_FOUND` */
  #open(id: string): UnifiedSession {
    this.gate.requireOpen();
    return this.store.registry.require(id);
  }
}

/** An executor of the user's own may fail. The state folder has to be released all the same. */
async function closeExecutor(executor: Executor): Promise<void> {
  try {
    await executor.close();
  } catch (error) {
    process.emitWarning(`An executor could not be closed: ${messageOf(error)}`, 'ExecutorNotClosed');
  }
}
