import type { Executor } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { handedDown } from '../family/session-family.js';
import { type Inheritance, type ResolvedManagerOptions, resolveCreateOptions } from '../options/resolve.js';
import { requireEnv } from '../run/required-env.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import type { SessionStore } from '../store/store.js';
import { deferred } from '../util/deferred.js';
import type { AbortSignals } from '../util/shared-abort.js';
import { refuseRedirected, sourcesOf } from '../workspace/pinned-mounts.js';
import type { PartsRegistry } from './live-sessions.js';
import { prepareSession } from './prepare.js';
import type { SessionScheduler } from './scheduler.js';
import type { StateOwner } from './state-owner.js';

export interface CreationParts {
  options: ResolvedManagerOptions;
  executors: Record<SessionMode, Executor>;
  store: SessionStore;
  parts: PartsRegistry;
  scheduler: SessionScheduler;
  owner: StateOwner;
  /** @throws OrchestrationError `MANAGER_CLOSED` */
  demandOpen: () => void;
  signals: AbortSignals;
}

/** Takes sessions in: checks, makes and records them, in the order of the calls. */
export class SessionCreation {
  readonly #parts: CreationParts;
  /** The latest `create()`: sessions enter the record in the order of the calls. */
  #last: Promise<void> = Promise.resolve();

  constructor(parts: CreationParts) {
    this.#parts = parts;
  }

  /** @throws OrchestrationError as `UnifiedSessionManager.create` documents */
  async create(options: CreateSessionOptions, id: string): Promise<UnifiedSession> {
    const { demandOpen, executors, owner, scheduler, store, signals } = this.#parts;
    const { family } = scheduler;
    demandOpen();
    const inheritance = this.#inheritance(options);
    const spec = resolveCreateOptions(id, options, inheritance);
    const { signal } = options;
    signal?.throwIfAborted();
    await owner.ready();
    demandOpen();
    family.demandLeading(options.parentId);
    const settled = family.reserve(options.parentId);
    try {
      scheduler.reserve(spec.id);
    } catch (error) {
      settled();
      throw error;
    }

    const earlier = this.#last;
    const done = deferred<void>();
    this.#last = done.promise;
    try {
      const prepared = await prepareSession(spec, executors[spec.mode], this.#parts.options.stateDir, signal);
      await earlier;
      try {
        if (inheritance.led) refuseRedirectedInheritance(inheritance, prepared.spec, options.docker);
        signal?.throwIfAborted();
        demandOpen();
        await scheduler.announce(prepared, options);
        signal?.throwIfAborted();
        demandOpen();
        family.demandLeading(options.parentId);
      } catch (error) {
        await prepared.folder.remove().catch(() => {}); // The first error counts.
        throw error;
      }
      const session = scheduler.admit(prepared, options);
      if (signal) signals.watch(session.id, signal, store.waiters.wait(session, {}));
      return session;
    } catch (error) {
      scheduler.giveUp(spec.id);
      throw error;
    } finally {
      settled();
      void earlier.then(done.resolve);
    }
  }

  /** What a new session gets that does not say otherwise. */
  #inheritance({ parentId, docker }: CreateSessionOptions): Inheritance {
    const { options, parts, scheduler, store } = this.#parts;
    const { docker: defaults, policy } = options;
    const leader = scheduler.family.leader(parentId);
    if (leader) {
      requireEnv(leader.session.id, parts.get(leader.session.id)?.missingEnv);
      return handedDown(leader.session, leader.spec, docker);
    }
    const parent = parentId === undefined ? undefined : store.registry.get(parentId);
    const plan = parent?.result?.planFile === undefined ? undefined : parent.result.text;
    return {
      docker: defaults,
      policy,
      ...(parent && { cwd: parent.environment.cwd }),
      ...(plan !== undefined && { prompt: plan }),
    };
  }
}

/** A leader's agent may have put links in the place of what the leader mounts, and its children inherit. */
function refuseRedirectedInheritance(
  { docker: inherited }: Inheritance,
  { docker }: SessionSpec,
  given: CreateSessionOptions['docker'],
): void {
  if (!inherited || !docker) return;
  const own = given || {};
  const taken = ({ mounts, ssh }: Partial<DockerOptions>) => ({
    ...(own.mounts === undefined && mounts && { mounts }),
    ...(own.ssh === undefined && ssh !== undefined && { ssh }),
  });
  refuseRedirected(sourcesOf(taken(docker)), sourcesOf(taken(inherited)));
}
