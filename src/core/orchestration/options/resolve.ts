import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { SessionSpec } from '../contract/session-spec.js';
import type { CacheOption } from '../session/caches.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { GitIdentityOption } from '../session/git-identity.js';
import { type SessionLimits, tightenLimits } from '../session/limits.js';
import type { ModelChoice } from '../session/model-choice.js';
import type { OverageChoice } from '../session/overage.js';
import { detachPolicy, type ResolvedPolicy, resolvePolicy, tightenPolicy } from '../session/policy.js';
import type { QuestionMode } from '../session/question.js';
import { type ResolvedRetry, resolveRetry } from '../session/retry.js';
import type { SetupCommand } from '../session/setup.js';
import { defined } from '../util/defined.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { askedDocker, resolveDocker } from './asked-docker.js';
import { resolveCaches } from './caches.js';
import { check } from './check.js';
import { requireConsistent } from './container-rules.js';
import type { SessionManagerOptions } from './manager-options.js';
import { type AskedOutput, askedOutput, resolveOutput } from './output.js';
import { optionSchemas } from './schemas.js';
import { resolveSetup } from './setup.js';

type AskedOption = keyof ModelChoice | 'output' | 'outputRetries';
export type ResolvedManagerOptions = Required<
  Omit<SessionManagerOptions, 'policy' | 'retry' | AskedOption | KeptOption>
> &
  Pick<SessionManagerOptions, KeptOption> & {
    policy: ResolvedPolicy;
    /** Absent if the manager was told nothing about models. */
    models?: ModelChoice;
    retry: ResolvedRetry;
    output?: AskedOutput;
  };

/** The state folder of a manager that is told no other. */
export function defaultStateDir(): string {
  return join(homedir(), '.autonomous-orchestration');
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveManagerOptions(options: SessionManagerOptions): ResolvedManagerOptions {
  check(optionSchemas().managerSchema, options);
  const stateDir = resolve(options.stateDir ?? defaultStateDir());
  for (const [mode, executor] of Object.entries(options.executors ?? {})) {
    if (executor.stateDir === undefined || resolve(executor.stateDir) === stateDir) continue;
    // Such an executor would find the containers of another manager, and take them for its own leftovers.
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'executors.${mode}': it was made for the stateDir ${quote(executor.stateDir)}, and the manager has ${quote(stateDir)}. Give both the same.`,
    );
  }
  return {
    stateDir,
    maxConcurrent: options.maxConcurrent ?? 3,
    maxQueued: options.maxQueued ?? 10,
    docker: copied(options.docker ?? {}),
    ...(options.setup && { setup: copied(options.setup) }),
    ...(options.caches && { caches: copied(options.caches) }),
    policy: resolvePolicy(options.policy),
    ...withModels(resolveModels(options, {})),
    ...(options.output !== undefined && { output: askedOutput(options.output, options.outputRetries) }),
    releaseSlotWhileWaiting: options.releaseSlotWhileWaiting ?? true,
    socket: options.socket ?? true,
    prices: copied(options.prices ?? {}),
    executors: options.executors ?? {},
    ...(options.questions && { questions: options.questions }),
    ...(options.git && { git: copied(options.git) }),
    retry: resolveRetry(options.retry),
    onOverage: options.onOverage ?? 'continue',
    ...(options.account !== undefined && { account: options.account }),
    ...(options.login !== undefined && { login: options.login === false ? false : { ...options.login } }),
    ...(options.keepEnded && { keepEnded: { ...options.keepEnded } }),
    ...(options.channelCoder && { channelCoder: options.channelCoder }),
  };
}

/** The values that a session gets if it sets none itself. They come from its manager, or from the session that leads it. */
export interface Inheritance {
  readonly docker: false | Readonly<Partial<DockerOptions>>;
  readonly policy: ResolvedPolicy;
  readonly setup?: readonly SetupCommand[];
  readonly caches?: readonly (string | CacheOption)[];
  readonly models?: ModelChoice;
  readonly output?: AskedOutput;
  readonly questions?: QuestionMode;
  readonly git?: GitIdentityOption;
  readonly cwd?: string;
  /** The folder that the leader has as a whole, and in which `cwd` lies. */
  readonly root?: string;
  readonly workspaces?: readonly string[];
  readonly limits?: SessionLimits;
  readonly account?: string;
  readonly retry?: ResolvedRetry;
  readonly onOverage?: OverageChoice;
  /** Tools that the session may not use. Its own options can only add to them. */
  readonly disallowedTools?: readonly string[];
  /** Set if another session leads it. That session's agent may have asked for it. */
  readonly led?: true;
  /** A plan that waits to be carried out. */
  readonly prompt?: string;
}

/** A caller without types may give no options at all. @throws OrchestrationError `INVALID_OPTIONS` */
export function requireObject(options: CreateSessionOptions): void {
  if (typeof options !== 'object' || options === null) check(optionSchemas().createSchema, options);
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveCreateOptions(id: string, given: CreateSessionOptions, base: Inheritance): SessionSpec {
  check(optionSchemas().createSchema, given);
  const output = resolveOutput(given, base.output);
  // These three cannot be copied as data.
  const { signal: _, policy: own, output: __, ...rest } = given;
  const options: CreateSessionOptions = copied(rest);
  const { promptFile, worktree, workspaces = base.workspaces, detached = false, questions = base.questions } = options;
  const prompt = options.prompt ?? (promptFile === undefined ? base.prompt : undefined);
  const cwd = resolve(options.cwd ?? base.cwd ?? process.cwd());
  if ((prompt === undefined) === (promptFile === undefined)) {
    const received = prompt === undefined ? 'neither' : 'both';
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Exactly one of 'prompt' and 'promptFile' is needed; received ${received}.`,
    );
  }
  if (options.data !== undefined && promptFile === undefined) {
    throw new OrchestrationError('INVALID_OPTIONS', "Option 'data' needs 'promptFile': a 'prompt' is sent as it is.");
  }
  const policy = tightenPolicy(base.policy, own);
  const docker = resolveDocker(base.docker, askedDocker(options.docker));
  requireConsistent(docker);
  return {
    id,
    mode: options.mode ?? 'autonomous',
    prompt: prompt === undefined ? { file: promptFile ?? '', data: options.data ?? {} } : { text: prompt },
    cwd,
    ...(options.cwd === undefined && base.root !== undefined && { root: base.root }),
    worktree: worktreeOf(worktree, base.led),
    ...(workspaces && { workspaces }),
    docker,
    ...resolveSetup(options, base, docker),
    ...resolveCaches(options.caches, base.caches, docker),
    claude: defined({
      system: options.system,
      appendSystem: options.appendSystem,
      tools: options.tools,
      disallowedTools: union(base.disallowedTools, options.disallowedTools),
      mcpConfig: options.mcpConfig,
      maxTurns: options.maxTurns,
    }),
    ...withModels(resolveModels(options, base.models ?? {})),
    ...(output && { output: output.request }),
    ...(questions && { questions }),
    ...defined({ git: options.git ?? base.git }),
    policy: detached ? detachPolicy(policy, base.led === true) : policy,
    limits: tightenLimits(base.limits ?? {}, options.limits),
    ...defined({ account: options.account ?? base.account }),
    retry: resolveRetry(options.retry, base.retry),
    onOverage: options.onOverage ?? base.onOverage ?? 'continue',
  };
}

/**
 * The models of a session. Claude Code refuses a model that is to fall back to itself.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
function resolveModels(own: ModelChoice, base: ModelChoice): ModelChoice {
  const { model = base.model, effort = base.effort } = own;
  if (model !== undefined && own.fallbackModels?.includes(model)) {
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'fallbackModels': it names ${quote(model)}, which is the session's own model. Name others.`,
    );
  }
  const fallbackModels = own.fallbackModels ?? base.fallbackModels?.filter((name) => name !== model);
  return defined({ model, fallbackModels: fallbackModels && [...fallbackModels], effort });
}

function withModels(models: ModelChoice): { models?: ModelChoice } {
  return Object.keys(models).length > 0 ? { models } : {};
}

function union(...lists: (readonly string[] | undefined)[]): string[] | undefined {
  const given = lists.flatMap((list) => list ?? []);
  return given.length === 0 ? undefined : [...new Set(given)];
}

/**
 * Copies the options, because the caller may change its objects while a session waits. The session runs with the options that
 * were checked.
 */
function copied<T>(options: T): T {
  try {
    return structuredClone(options);
  } catch (cause) {
    throw new OrchestrationError('INVALID_OPTIONS', `The options hold what is no data: ${messageOf(cause)}.`, {
      cause,
    });
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveFeedback(feedback: string): string {
  check(optionSchemas().feedbackSchema, { feedback });
  return feedback;
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveMessage(message: string): string {
  check(optionSchemas().messageSchema, { message });
  return message;
}

/**
 * Checks a person's comment on a decision.
 *
 * @returns undefined if the comment is empty
 * @throws OrchestrationError `INVALID_OPTIONS`, naming the argument
 */
export function resolveNote(argument: 'note' | 'reason', text: string | undefined): string | undefined {
  check(optionSchemas().noteSchema(argument), { [argument]: text });
  return text?.trim() === '' ? undefined : text;
}

function worktreeOf(given: CreateSessionOptions['worktree'], led: true | undefined): SessionSpec['worktree'] {
  if (given === undefined) return undefined;
  return { ...(typeof given === 'string' ? { branch: given } : given), ...(led && { own: true }) };
} /** The options of a manager that may stay without a value. */
type KeptOption = 'questions' | 'keepEnded' | 'channelCoder' | 'account' | 'login' | 'git' | 'setup' | 'caches';
