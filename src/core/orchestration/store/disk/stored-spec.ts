import type { SessionSpec } from '../../contract/session-spec.js';
import type { ResolvedManagerOptions } from '../../options/resolve.js';
import type { DockerOptions } from '../../session/docker-options.js';
import { type QueuePlan, queuePlanOf } from '../../session/queue-plan.js';
import type { SessionEnvironment, UnifiedSession } from '../../session/record.js';
import { lazily } from '../../util/zod.js';
import { restoredPolicy, type StoredPolicy, storedPolicy } from './stored-policy.js';

export const STATE_VERSION = 1;

/** What a session was created from. Written once. Values of variables are not kept, because they may be secrets. */
export interface StoredSpec {
  readonly version: typeof STATE_VERSION;
  readonly createdAt: number;
  readonly taskId?: string;
  readonly parentId?: string;
  readonly plan?: QueuePlan;
  readonly environment: SessionEnvironment;
  readonly spec: Omit<SessionSpec, 'docker' | 'policy'> & { readonly docker: false | Omit<DockerOptions, 'env'> };
  /**
   * Names of the variables that the session itself was given. The variables of its manager are not listed: the new manager
   * provides them.
   */
  readonly ownEnv: readonly string[];
  readonly policy: StoredPolicy;
}

type Defaults = Pick<ResolvedManagerOptions, 'docker' | 'policy'>;

/** @param record the session as it was created */
export function storedSpec(spec: SessionSpec, record: UnifiedSession, { docker: defaults }: Defaults): StoredSpec {
  const { docker, policy, ...rest } = spec;
  const { env = {}, ...dockerRest } = docker === false ? {} : docker;
  return {
    version: STATE_VERSION,
    createdAt: record.createdAt,
    ...(record.taskId !== undefined && { taskId: record.taskId }),
    ...(record.parentId !== undefined && { parentId: record.parentId }),
    plan: queuePlanOf(record),
    environment: record.environment,
    spec: { ...rest, docker: docker === false ? false : (dockerRest as Omit<DockerOptions, 'env'>) },
    ownEnv: Object.keys(env).filter((name) => defaults.env?.[name] !== env[name]),
    policy: storedPolicy(policy),
  };
}

/**
 * What the session runs with under the manager that takes it over.
 *
 * @param env values for the session's own variables
 */
export function restoredSpec(
  { spec, ownEnv, policy }: StoredSpec,
  { docker: defaults, policy: base }: Defaults,
  env: Readonly<Record<string, string>>,
): SessionSpec {
  const own = Object.fromEntries(ownEnv.flatMap((name) => (Object.hasOwn(env, name) ? [[name, env[name] ?? '']] : [])));
  const { docker } = spec;
  return {
    ...spec,
    // JSON has no undefined.
    worktree: spec.worktree,
    docker: docker === false ? false : { ...docker, env: { ...defaults.env, ...own } },
    policy: restoredPolicy(base, policy),
  };
}

/** Nobody but this library writes the file, so the schema only checks if it is a complete file of this kind. */
export const storedSpecSchema = lazily((z) =>
  z.looseObject({
    version: z.literal(STATE_VERSION),
    createdAt: z.number(),
    environment: z.looseObject({ docker: z.boolean(), dockerImage: z.string(), cwd: z.string() }),
    spec: z.looseObject({
      id: z.string(),
      mode: z.string(),
      prompt: z.union([z.looseObject({ text: z.string() }), z.looseObject({ file: z.string() })]),
      cwd: z.string(),
      docker: z.union([z.literal(false), z.looseObject({ image: z.string() })]),
      claude: z.looseObject({}),
      limits: z.looseObject({}),
    }),
    ownEnv: z.array(z.string()),
    policy: z.looseObject({ layers: z.array(z.looseObject({ rules: z.array(z.looseObject({})) })) }),
  }),
);
