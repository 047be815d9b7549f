import type { Executor } from '../contract/executor.js';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { Run } from '../run/run.js';
import type { StandardOutputSchema } from '../session/output-schema.js';
import type { ToolPolicy } from '../session/policy.js';
import type { SessionEnvironment, UnifiedSession } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import { OrchestrationError } from '../util/errors.js';

/** A session that can run: it is checked, and has a folder of its own. */
export interface PreparedSession {
  readonly spec: SessionSpec;
  readonly executor: Executor;
  readonly folder: SessionFolder;
  readonly environment: SessionEnvironment;
  /** The names of the session's own variables whose values are not known any more. Without the values, no run can begin. */
  readonly missingEnv?: readonly string[];
  /** The policy with which an earlier process has set up the hook of the current run. */
  readonly adoptedPolicy?: Pick<ToolPolicy, 'onHostLost'>;
  /** The schema of the program that created the session in this process, if it was asked for a typed result. */
  readonly acceptsOutput?: StandardOutputSchema;
  /** True if the session's specification is lost. Then `spec` is only a placeholder. */
  readonly specIsPlaceholder?: boolean;
}

/** Returns the values of variables that a session needs and that are not kept on disk. */
export type EnvSource = (session: UnifiedSession, names: readonly string[]) => Readonly<Record<string, string>>;

/** What this process has of a session besides its record. It is kept, so that the session can be continued after its end. */
export class LiveSession {
  readonly #prepared: PreparedSession;
  #spec: SessionSpec;
  #missingEnv: readonly string[] | undefined;
  /** The feedback for the next run. Undefined for the first run, which gets the prompt. */
  feedback: string | undefined;
  /** True while the session is being removed. Then it can be continued no more, and gets no child any more. */
  leaving = false;
  /** The current run. */
  run: Run | undefined;

  constructor(prepared: PreparedSession, feedback?: string) {
    this.#prepared = prepared;
    this.#spec = prepared.spec;
    this.#missingEnv = prepared.missingEnv;
    this.feedback = feedback;
  }

  get spec(): SessionSpec {
    return this.#spec;
  }

  get executor(): Executor {
    return this.#prepared.executor;
  }

  get folder(): SessionFolder {
    return this.#prepared.folder;
  }

  get acceptsOutput(): StandardOutputSchema | undefined {
    return this.#prepared.acceptsOutput;
  }

  get specIsPlaceholder(): boolean {
    return this.#prepared.specIsPlaceholder ?? false;
  }

  get missingEnv(): readonly string[] | undefined {
    return this.#missingEnv;
  }

  /** Takes the values of missing variables. They count only if all of them are given. */
  supply(given: Readonly<Record<string, string>>): void {
    const { docker } = this.#spec;
    const missing = this.#missingEnv;
    if (!missing || docker === false || !missing.every((name) => Object.hasOwn(given, name))) return;
    const own = Object.fromEntries(missing.map((name) => [name, given[name] ?? '']));
    this.#spec = { ...this.#spec, docker: { ...docker, env: { ...docker.env, ...own } } };
    this.#missingEnv = undefined;
  }
}

/** The sessions of this manager that can run, by id. Ended sessions that are not needed in memory are not among them. */
export class LiveSessions {
  readonly #sessions = new Map<string, LiveSession>();
  readonly #leadingModes: ReadonlySet<SessionMode>;

  /** @param executors by mode */
  constructor(executors: Partial<Record<SessionMode, Pick<Executor, 'leads'>>> = {}) {
    const modes = Object.keys(executors) as SessionMode[];
    this.#leadingModes = new Set(modes.filter((mode) => executors[mode]?.leads));
  }

  /** True if sessions of a mode lead others. */
  leads(mode: SessionMode): boolean {
    return this.#leadingModes.has(mode);
  }

  add(prepared: PreparedSession, feedback?: string): LiveSession {
    const session = new LiveSession(prepared, feedback);
    this.#sessions.set(prepared.spec.id, session);
    return session;
  }

  get(id: string): LiveSession | undefined {
    return this.#sessions.get(id);
  }

  delete(id: string): void {
    this.#sessions.delete(id);
  }

  /** @throws OrchestrationError `SESSION_NOT_FOUND` */
  require(id: string): LiveSession {
    const session = this.#sessions.get(id);
    if (session) return session;
    throw new OrchestrationError('SESSION_NOT_FOUND', `Session ${id} is not one that this manager can run.`);
  }

  /** All runs that are under way. */
  runs(): Run[] {
    return [...this.#sessions.values()].flatMap(({ run }) => run ?? []);
  }

  /** Gives restored sessions the values of variables that they lack. */
  supply(env: EnvSource, recordOf: (id: string) => UnifiedSession): void {
    for (const [id, session] of this.#sessions) {
      if (session.missingEnv) session.supply(env(recordOf(id), session.missingEnv));
    }
  }
}
