import type { Executor } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { handedDown } from '../family/session-tree.js';
import { accountOf } from '../options/account.js';
import { type AskedDocker, askedDocker } from '../options/asked-docker.js';
import { acceptsOutput } from '../options/output.js';
import { type Inheritance, type ResolvedManagerOptions, resolveCreateOptions } from '../options/resolve.js';
import { requireEnv } from '../run/required-env.js';
import type { CreatedAction } from '../session/actions.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { QueuePlan } from '../session/queue-plan.js';
import type { UnifiedSession } from '../session/record.js';
import { reduceSession } from '../session/reducer.js';
import type { SessionMode } from '../session/status.js';
import type { SessionStore } from '../store/store.js';
import type { Clock } from '../util/clock.js';
import { deepFrozen } from '../util/deep-frozen.js';
import { deferred } from '../util/deferred.js';
import type { AbortSignals } from '../util/shared-abort.js';
import { refuseRedirected, sourcesOf } from '../workspace/pinned-mounts.js';
import { planOf, requireDependencies, withAwaitedBranches } from './dependencies.js';
import type { Gate } from './gate.js';
import type { LiveSessions, PreparedSession } from './live-sessions.js';
import { prepareSession } from './prepare.js';
import type { SessionRuns } from './session-runs.js';
import type { StateOwner } from './state-owner.js';

export interface AdmissionOptions {
  options: ResolvedManagerOptions;
  executors: Record<SessionMode, Executor>;
  store: SessionStore;
  live: LiveSessions;
  runs: SessionRuns;
  owner: StateOwner;
  gate: Gate;
  signals: AbortSignals;
  clock: Clock;
}

/** Creates sessions: checks, prepares, records and starts them, in the order of the calls. */
export class SessionAdmission {
  readonly #options: AdmissionOptions;
  /** Resolves when the latest `create()` is done. The next call waits for it, so the record has the order of the calls. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Resolves when no `create()` is under way. */
  async settled(): Promise<void> {
    await this.#last;
  }

  /** @throws OrchestrationError as `UnifiedSessionManager.create` documents */
  async create(options: CreateSessionOptions, id: string): Promise<UnifiedSession> {
    const { gate, executors, owner, runs, store, signals } = this.#options;
    const { tree, queue } = runs;
    gate.requireOpen();
    const inheritance = this.#inheritance(options);
    const spec = resolveCreateOptions(id, options, inheritance);
    const { signal } = options;
    signal?.throwIfAborted();
    await owner.ready();
    gate.requireOpen();
    const known = store.registry.get(id); // An agent's command that was carried out before, and that the recovery has taken over.
    if (known) return known;
    tree.requireLeading(options.parentId, inheritance.led);
    const plan = planOf(options, tree.leader(options.parentId)?.session);
    requireDependencies(id, plan, options.parentId, { registry: store.registry, live: this.#options.live, tree });
    const settled = tree.reserve(options.parentId);
    queue.holds.enter(spec.id, accountOf(spec), spec.onOverage);
    try {
      queue.admit(spec.id, plan);
    } catch (error) {
      queue.holds.leave(spec.id);
      settled();
      throw error;
    }

    const earlier = this.#last;
    const done = deferred<void>();
    this.#last = done.promise;
    try {
      const { stateDir } = this.#options.options;
      const awaiting = withAwaitedBranches(spec, plan, (each) => store.registry.get(each));
      const ready = await prepareSession(awaiting, executors[spec.mode], stateDir, signal);
      const accepts = acceptsOutput(options, inheritance.output);
      const prepared = { ...ready, ...(accepts && { acceptsOutput: accepts }) };
      // Only now the places of its mounts are known, and so its login.
      queue.relabel(spec.id, accountOf(prepared.spec));
      await earlier;
      try {
        if (inheritance.led) refuseRedirectedInheritance(inheritance, prepared.spec, askedDocker(options.docker));
        signal?.throwIfAborted();
        gate.requireOpen();
        await this.#writeDown(prepared, options, plan);
        signal?.throwIfAborted();
        gate.requireOpen();
        tree.requireLeading(options.parentId, inheritance.led);
      } catch (error) {
        await prepared.folder.remove().catch(() => {}); // The first error counts.
        throw error;
      }
      const session = this.#admit(prepared, options, plan);
      if (signal) signals.watch(session.id, signal, store.waiters.wait(session, {}));
      return session;
    } catch (error) {
      queue.leave(spec.id);
      queue.holds.leave(spec.id);
      throw error;
    } finally {
      settled();
      void earlier.then(done.resolve);
    }
  }

  /** Writes the session to the disk. After that, it survives this process. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  async #writeDown(prepared: PreparedSession, options: CreateSessionOptions, plan: QueuePlan): Promise<void> {
    const record = reduceSession(undefined, this.#creation(prepared, options, plan));
    await this.#options.store.journal.begin(prepared.folder, prepared.spec, record);
  }

  /** Records the session, and starts it if its place in the queue is a slot. */
  #admit(prepared: PreparedSession, options: CreateSessionOptions, plan: QueuePlan): UnifiedSession {
    const { live, store, runs } = this.#options;
    const { id } = prepared.spec;
    live.add(prepared);
    store.dispatch(id, this.#creation(prepared, options, plan));
    runs.queue.changed(id);
    runs.queue.settleNew(id);
    const created = store.registry.require(id);
    if (created.status === 'starting') runs.start(id);
    return created;
  }

  #creation(
    { spec, environment, folder }: PreparedSession,
    { taskId, parentId }: CreateSessionOptions,
    plan: QueuePlan,
  ): CreatedAction {
    const { queue } = this.#options.runs;
    const queuePosition = queue.positionOf(spec.id);
    return {
      type: 'created',
      at: this.#options.clock.now(),
      ...(queuePosition === undefined && !queue.isRunning(spec.id) && { blocked: true }),
      session: {
        id: spec.id,
        mode: spec.mode,
        environment,
        logFile: folder.log,
        account: accountOf(spec),
        ...(taskId !== undefined && { taskId }),
        ...(parentId !== undefined && { parentId }),
        ...(queuePosition !== undefined && { queuePosition }),
        ...askedOf(spec),
        ...plan,
        ...(spec.policy.onHostLost === 'allow' && { detached: true }),
      },
    };
  }

  /** What a new session gets if its options do not say otherwise. */
  #inheritance({ parentId, docker }: CreateSessionOptions): Inheritance {
    const { options, live, runs, store } = this.#options;
    const {
      docker: defaults,
      setup,
      caches,
      git,
      policy,
      questions,
      models,
      output,
      account,
      retry,
      onOverage,
    } = options;
    const leader = runs.tree.leader(parentId);
    if (leader) {
      requireEnv(leader.session.id, live.get(leader.session.id)?.missingEnv);
      return handedDown(leader.session, leader.spec, docker);
    }
    const parent = parentId === undefined ? undefined : store.registry.get(parentId);
    const plan = parent?.result?.planFile === undefined ? undefined : parent.result.text;
    return {
      docker: defaults,
      policy,
      ...(setup && { setup }),
      ...(caches && { caches }),
      retry,
      onOverage,
      ...(account !== undefined && { account }),
      ...(models && { models }),
      ...(output && { output }),
      ...(questions && { questions }),
      ...(git && { git }),
      ...(parent && { cwd: parent.environment.cwd }),
      ...(plan !== undefined && { prompt: plan }),
    };
  }
}

/** What the record says that the session was asked. */
function askedOf({ models, output }: SessionSpec): Pick<UnifiedSession, 'asked'> {
  const asked = { ...models, ...(output && { output: { retries: output.retries } }) };
  return Object.keys(asked).length === 0 ? {} : { asked: deepFrozen(asked) };
}

/**
 * Refuses inherited mounts that now lead to another place. Children inherit what their leader mounts, and the leader's agent may
 * have put links in its place.
 */
function refuseRedirectedInheritance(
  { docker: inherited }: Inheritance,
  { docker }: SessionSpec,
  asked: AskedDocker,
): void {
  if (!inherited || !docker) return;
  const own = asked || {};
  const taken = ({ mounts, ssh }: Partial<DockerOptions>) => ({
    ...(own.mounts === undefined && mounts && { mounts }),
    ...(own.ssh === undefined && ssh !== undefined && { ssh }),
  });
  refuseRedirected(sourcesOf(taken(docker)), sourcesOf(taken(inherited)));
}
