import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import type { Executor } from '../contract/executor.js';
import type { CacheOption, PackageManager } from '../session/caches.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { GitIdentityOption } from '../session/git-identity.js';
import type { LoginSource } from '../session/login-source.js';
import type { Effort } from '../session/model-choice.js';
import type { ModelPrices } from '../session/model-price.js';
import type { OutputSchema } from '../session/output-schema.js';
import type { OverageChoice } from '../session/overage.js';
import type { ToolPolicy } from '../session/policy.js';
import type { QuestionMode } from '../session/question.js';
import type { RetryOptions } from '../session/retry.js';
import type { SetupCommand } from '../session/setup.js';
import type { SessionMode } from '../session/status.js';

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
  /** The commands that run before the agents of sessions that name none, see `CreateSessionOptions`. */
  setup?: readonly SetupCommand[];
  /** The caches of sessions that name none, see `CreateSessionOptions`. */
  caches?: readonly (PackageManager | CacheOption)[];
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
  /**
   * The name and address of the commits that agents make in their containers. The repository's own `user.name` and `user.email` go
   * before them. Default: those of the machine's git.
   */
  git?: GitIdentityOption;
  /** What becomes of the questions that agents ask, unless a session says otherwise. Default `'ask'`. */
  questions?: QuestionMode;
  /**
   * True if an `interactive` session gives its slot back while it waits for its person, and goes on when it has a slot again.
   * Default `true`.
   */
  releaseSlotWhileWaiting?: boolean;
  /**
   * Where the login of the sessions is. It counts for sessions in Docker whose options give no login, neither as a variable in
   * `docker.env` nor as a mount. A login that cannot be used is refused by `create()` with `INVALID_OPTIONS`. `false`: the sessions
   * use the login in their image. Default: the login that `npx autonomous-orchestration image login` has stored for the user of
   * this process, if there is one. Values never appear in `ps`, records, events or errors.
   */
  login?: LoginSource | false;
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
