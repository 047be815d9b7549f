import type { SessionSpec } from '../contract/session-spec.js';
import {
  type CacheOption,
  isPackageManager,
  PACKAGE_MANAGERS,
  type SessionCache,
  sessionCache,
} from '../session/caches.js';
import { OrchestrationError, quote } from '../util/errors.js';
import type { Zod } from '../util/zod.js';
import { parseNamedMounts } from '../workspace/volumes.js';

export const cachesSchema = (z: Zod) =>
  z
    .array(
      z.union([
        z.enum(PACKAGE_MANAGERS),
        z
          .strictObject({
            name: z
              .string()
              .max(40)
              .regex(/^[a-z0-9][a-z0-9-]*$/, 'must have only lower-case letters, digits and -'),
            target: z.string().min(1).optional(),
            maxBytes: z.int().positive().optional(),
          })
          .refine(({ name, target }) => target !== undefined || isPackageManager(name), {
            path: ['target'],
            message: `is needed: only ${PACKAGE_MANAGERS.join(', ')} have a place of their own`,
          }),
      ]),
    )
    .max(20)
    .optional();

/**
 * The caches of a session. Those of the manager are left out without a container.
 *
 * @param inherited the caches of the session that leads this one, or of the manager
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function resolveCaches(
  own: readonly (string | CacheOption)[] | undefined,
  inherited: readonly (string | CacheOption)[] = [],
  docker: SessionSpec['docker'],
): { caches?: readonly SessionCache[] } {
  if (docker === false) {
    if (own === undefined || own.length === 0) return {};
    throw invalid('they are volumes of a container, and this session has none (docker: false). Leave them out');
  }
  const caches = (own ?? inherited).map(sessionCache);
  if (caches.length === 0) return {};
  const twice = caches.find(({ name }, at) => caches.findIndex((other) => other.name === name) !== at);
  if (twice) throw invalid(`${quote(twice.name)} is named twice`);
  const targets = placesOf(caches, docker);
  return { caches: caches.map((cache, at) => ({ ...cache, target: targets[at] ?? cache.target })) };
}

/** Checks the places like those of `docker.volumes`, together with them. */
function placesOf(caches: readonly SessionCache[], docker: Exclude<SessionSpec['docker'], false>): string[] {
  const volumes = caches.map(({ name, target }) => ({ name: `cache-${name}`, target }));
  try {
    const parsed = parseNamedMounts({ ...docker, volumes: [...volumes, ...(docker.volumes ?? [])] });
    return parsed.volumes.slice(0, caches.length).map(({ target }) => target);
  } catch (cause) {
    // A mistake in the volumes alone is told by their own check.
    parseNamedMounts(docker);
    const why = cause instanceof Error ? cause.message.replace(/^Option '[^']*': /, '').replace(/\.$/, '') : '';
    throw invalid(why, cause);
  }
}

function invalid(why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'caches': ${why}.`, { cause });
}
