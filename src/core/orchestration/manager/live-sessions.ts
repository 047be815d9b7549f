import type { Run } from '../run/run.js';
import type { UnifiedSession } from '../session/record.js';
import { OrchestrationError } from '../util/errors.js';
import type { PreparedSession, RecoverOptions } from './prepare.js';

/** What a session is made of besides its record; kept so that it can be continued. */
export interface SessionParts extends PreparedSession {
  /** What the next run is told; the first is told the prompt. */
  feedback?: string;
  /** The run under way. */
  supervisor?: Run;
}

/** The parts of all sessions, by id. */
export class PartsRegistry {
  readonly #parts = new Map<string, SessionParts>();

  set(id: string, parts: SessionParts): void {
    this.#parts.set(id, parts);
  }

  get(id: string): SessionParts | undefined {
    return this.#parts.get(id);
  }

  /** @throws OrchestrationError `SESSION_NOT_FOUND` */
  demand(id: string): SessionParts {
    const parts = this.#parts.get(id);
    if (parts) return parts;
    throw new OrchestrationError('SESSION_NOT_FOUND', `Session ${id} has no parts in this manager.`);
  }

  /** All runs that are under way. */
  runs(): Run[] {
    return [...this.#parts.values()].flatMap(({ supervisor }) => supervisor ?? []);
  }

  /** Gives restored sessions the variables that they miss. */
  supply(env: NonNullable<RecoverOptions['env']>, recordOf: (id: string) => UnifiedSession): void {
    for (const [id, { missingEnv, ...parts }] of this.#parts) {
      const { spec } = parts;
      if (!missingEnv || spec.docker === false) continue;
      const given = env(recordOf(id), missingEnv);
      if (!missingEnv.every((name) => Object.hasOwn(given, name))) continue;
      const own = Object.fromEntries(missingEnv.map((name) => [name, given[name] ?? '']));
      this.#parts.set(id, {
        ...parts,
        spec: { ...spec, docker: { ...spec.docker, env: { ...spec.docker.env, ...own } } },
      });
    }
  }
}
