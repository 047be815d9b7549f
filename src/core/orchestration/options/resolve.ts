import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import type { Executor } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import { type SessionLimits, tightenLimits } from '../session/limits.js';
import type { Effort, ModelChoice } from '../session/model-choice.js';
import type { ModelPrices } from '../session/model-price.js';
import type { OutputSchema } from '../session/output-schema.js';
import type { OverageChoice } from '../session/overage.js';
import { detachPolicy, type ResolvedPolicy, resolvePolicy, type ToolPolicy, tightenPolicy } from '../session/policy.js';
import type { QuestionMode } from '../session/question.js';
import { type ResolvedRetry, type RetryOptions, resolveRetry } from '../session/retry.js';
import type { SessionMode } from '../session/status.js';
import { defined } from '../util/defined.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { accountLabel } from './account.js';
import { askedDocker, resolveDocker } from './asked-docker.js';
import { check } from './check.js';
import { type AskedOutput, askedOutput, resolveOutput } from './output.js';
import { createSchema, feedbackSchema, managerSchema, messageSchema, noteSchema } from './schemas.js';

/**
 * Which sessions that have ended a manager keeps. It removes the others as `remove()` does, without `force`: after each end,
 * after `recover()`, and once a minute. If both limits are set, a session has to be within both. A session also stays:
 *
 * - while a worktree that was made for it has work that would be lost
 * - while its parent, a session that leads it or a session below it has not ended
 * - while a session that waits in the queue names it in `after`
 * - as long as the session that leads it, because its cost counts against the limits of that session
 */
export interface KeepEnded {
  /** How many ended sessions are kept, those that ended last. Positive integer. Default: any number. */
  count?: number;
  /** For how many days (of 24 hours) after its end a session is kept. Positive integer. Default: forever. */
  days?: number;
}

/** How a manager works. Unknown keys are refused. */
export interface SessionManagerOptions {
  /** The folder in which sessions keep their logs and records. Default `~/.autonomous-orchestration`. */
  stateDir?: string;
  /** How many sessions run at once. Positive integer; default 3. */
  maxConcurrent?: number;
  /** How many sessions may wait. One more is refused with `QUEUE_FULL`. Non-negative integer; default 10. */
  maxQueued?: number;
  /** Defaults for every session. `create()` may override each. */
  docker?: Partial<DockerOptions>;
  /** The model of sessions that name none, see `CreateSessionOptions`. */
  model?: string;
  /** The models to fall back to of sessions that name none, see `CreateSessionOptions`. */
  fallbackModels?: readonly string[];
  /** The effort of sessions that set none, see `CreateSessionOptions`. */
  effort?: Effort;
  /**
   * The form of the result of sessions that set none, see `CreateSessionOptions`. The modes `interactive` and `planning` ignore it,
   * and so do sessions that another one leads.
   */
  output?: OutputSchema;
  /** Default 2. See `CreateSessionOptions`. */
  outputRetries?: number;
  /** What agents may do. A session may tighten it. By default, dangerous tool calls are denied, and all others are allowed. */
  policy?: ToolPolicy;
  /** What becomes of the questions that agents ask, unless a session says otherwise. Default `'ask'`. */
  questions?: QuestionMode;
  /**
   * True if an `interactive` session gives its slot back while it waits for its person, and goes on when it has a slot again.
   * Default `true`.
   */
  releaseSlotWhileWaiting?: boolean;
  /**
   * Whose login and money the sessions use: a label of your own, at most 200 characters. If the login of one session is refused, or
   * its account has no money left, the sessions with the same label do not start any more. Default: a label made of the image, the
   * variables and the mounts of the login, so that sessions with different keys have different labels.
   */
  account?: string;
  /** How sessions go on by themselves after a failure of the provider that may pass. `false`: they fail at once. */
  retry?: false | RetryOptions;
  /** What happens to a session when its account begins to pay extra usage. Default `'continue'`, with one event a run. */
  onOverage?: OverageChoice;
  /** Which sessions that have ended are kept. The others are removed automatically. Default: all are kept. */
  keepEnded?: KeepEnded;
  /**
   * What models cost, by their ids, in US dollars per million tokens. Extends the library's list prices and outweighs them. An id may
   * be written as the provider writes it or without date and provider: a price for `claude-opus-5` also counts for
   * `us.anthropic.claude-opus-5-v1:0`. Other versions of a model need a price of their own. Default: list prices only.
   */
  prices?: ModelPrices;
  /**
   * A ChannelCoder for unit tests, see `ChannelCoderModule`. With it, sessions start no container, no engine and no Claude, and
   * nothing is decided about tool calls. Default: the module `channelcoder`.
   */
  channelCoder?: ChannelCoderModule;
  /**
   * True if other processes of this user may take part in the sessions, see `openSessions`. They connect to a socket in
   * `stateDir`. Default `true`.
   */
  socket?: boolean;
  /** Executors by mode, instead of the built-in ones. */
  executors?: Partial<Record<SessionMode, Executor>>;
}

type AskedOption = keyof ModelChoice | 'output' | 'outputRetries';
export type ResolvedManagerOptions = Required<
  Omit<SessionManagerOptions, 'policy' | 'questions' | 'keepEnded' | 'channelCoder' | 'account' | 'retry' | AskedOption>
> &
  Pick<SessionManagerOptions, 'questions' | 'keepEnded' | 'channelCoder' | 'account'> & {
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
  check(managerSchema, options);
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
    policy: resolvePolicy(options.policy),
    ...withModels(resolveModels(options, {})),
    ...(options.output !== undefined && { output: askedOutput(options.output, options.outputRetries) }),
    releaseSlotWhileWaiting: options.releaseSlotWhileWaiting ?? true,
    socket: options.socket ?? true,
    prices: copied(options.prices ?? {}),
    executors: options.executors ?? {},
    ...(options.questions && { questions: options.questions }),
    retry: resolveRetry(options.retry),
    onOverage: options.onOverage ?? 'continue',
    ...(options.account !== undefined && { account: options.account }),
    ...(options.keepEnded && { keepEnded: { ...options.keepEnded } }),
    ...(options.channelCoder && { channelCoder: options.channelCoder }),
  };
}

/** The values that a session gets if it sets none itself. They come from its manager, or from the session that leads it. */
export interface Inheritance {
  readonly docker: false | Readonly<Partial<DockerOptions>>;
  readonly policy: ResolvedPolicy;
  readonly models?: ModelChoice;
  readonly output?: AskedOutput;
  readonly questions?: QuestionMode;
  readonly cwd?: string;
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
  if (typeof options !== 'object' || options === null) check(createSchema, options);
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveCreateOptions(id: string, given: CreateSessionOptions, base: Inheritance): SessionSpec {
  check(createSchema, given);
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
  return {
    id,
    mode: options.mode ?? 'autonomous',
    prompt: prompt === undefined ? { file: promptFile ?? '', data: options.data ?? {} } : { text: prompt },
    cwd,
    worktree: worktreeOf(worktree, base.led),
    ...(workspaces && { workspaces }),
    docker,
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
    policy: detached ? detachPolicy(policy, base.led === true) : policy,
    limits: tightenLimits(base.limits ?? {}, options.limits),
    account: options.account ?? base.account ?? accountLabel(docker),
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
  check(feedbackSchema, { feedback });
  return feedback;
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveMessage(message: string): string {
  check(messageSchema, { message });
  return message;
}

/**
 * Checks a person's comment on a decision.
 *
 * @returns undefined if the comment is empty
 * @throws OrchestrationError `INVALID_OPTIONS`, naming the argument
 */
export function resolveNote(argument: 'note' | 'reason', text: string | undefined): string | undefined {
  check(noteSchema(argument), { [argument]: text });
  return text?.trim() === '' ? undefined : text;
}

function worktreeOf(given: CreateSessionOptions['worktree'], led: true | undefined): SessionSpec['worktree'] {
  if (given === undefined) return undefined;
  return { ...(typeof given === 'string' ? { branch: given } : given), ...(led && { own: true }) };
}
