import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { planTerminal } from '../channelcoder/plan.js';
import type { EndedRun } from '../contract/executor.js';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunHooks } from '../contract/run-hooks.js';
import type { RunRequest } from '../contract/run-request.js';
import type { Preparation, SessionSpec } from '../contract/session-spec.js';
import type { PlannedContainer } from '../docker/container-planner.js';
import { GUARDED_ENV } from '../guard/guard-environment.js';
import { TranscriptCopy } from '../monitoring/transcript-copy.js';
import type { LaunchedProcess } from '../process/launcher.js';
import { processIdentity } from '../process/process-identity.js';
import { mountedFolder } from '../session/agent-place.js';
import { logBytesOf } from '../session/limits.js';
import type { SessionResult } from '../session/record.js';
import { setupMs } from '../session/setup.js';
import { terminalConversation } from '../session/terminal-conversation.js';
import { OrchestrationError } from '../util/errors.js';
import { openRegularFile } from '../util/fs/regular-file.js';
import { ClaudeExecutor } from './claude-executor.js';
import type { ClaudeExecutorOptions, ClaudeRuntime } from './claude-runtime.js';
import type { PlacedRun } from './placed-run.js';
import { planRequest } from './plan-request.js';
import { runOnHost } from './process/host-run.js';
import { SETTINGS_FLAG } from './settings-flag.js';
import { literalInput } from './terminal/claude-input.js';
import { startInTerminal, terminalProcess } from './terminal/terminal-process.js';
import { terminalRun } from './terminal/terminal-run.js';
import { Tmux } from './terminal/tmux.js';
import { type TypingHooks, typingHooks } from './terminal/typing-hooks.js';

/** How an interactive session's terminal is watched. */
export interface InteractiveExecutorOptions {
  /** How long Claude may take to begin its conversation, in milliseconds. Default one minute. */
  beginMs?: number;
}

/** A prompt goes to Claude as an argument, and Linux takes no argument that is longer than 128 KB. */
const MOST_PROMPT_BYTES = 120_000;
const BEGIN_MS = 60_000;

/**
 * Runs Claude Code's terminal UI in tmux. A person attaches to the terminal and takes turns with the agent. The session is
 * observed through the transcript of its conversation, and guarded like every other session. The session ends when the person
 * leaves Claude or closes the window.
 */
export class InteractiveExecutor extends ClaudeExecutor {
  readonly mode = 'interactive';
  protected override readonly terminal = true;
  #terminals: Tmux | undefined;
  readonly #beginMs: number;
  /** The hooks of each session's current run. */
  readonly #hooks = new WeakMap<RunRequest['folder'], TypingHooks>();

  constructor(
    runtime: ClaudeExecutorOptions | ClaudeRuntime = {},
    { beginMs = BEGIN_MS }: InteractiveExecutorOptions = {},
  ) {
    super(runtime);
    this.#beginMs = beginMs;
  }

  get #tmux(): Tmux {
    this.#terminals ??= new Tmux({ env: this.runtime.env });
    return this.#terminals;
  }

  override async prepare(spec: SessionSpec): Promise<Preparation> {
    if (await this.runtime.injected()) {
      const why = 'interactive sessions run in a terminal, for which a given channelCoder has no function';
      throw new OrchestrationError('INVALID_OPTIONS', `Option 'mode': ${why}. Test them with SimulatedExecutor.`);
    }
    await this.#tmux.require();
    if ('text' in spec.prompt) requireArgument('prompt', spec.prompt.text);
    const preparation = await super.prepare(spec);
    await this.#requireOnboarding(spec, mountedFolder(preparation.environment));
    return preparation;
  }

  override async finalResult({ session }: EndedRun): Promise<Partial<SessionResult>> {
    const { lastMessage } = session.metadata;
    return lastMessage === undefined ? {} : { text: lastMessage };
  }

  protected override hooksOf(request: RunRequest): RunHooks {
    const hooks = typingHooks(request.hooks, {
      conversationId: terminalConversation(request.spec.id),
      waits: request.session.waitingFor === 'person',
      type: (text) => this.#tmux.type(terminalOf(request), literalInput(text)),
    });
    this.#hooks.set(request.folder, hooks);
    return hooks;
  }

  protected override async launchOnHost(run: PlacedRun): Promise<RunHandle> {
    const { request, workspace, environment, files } = run;
    const command = await this.#command(run);
    const name = terminalOf(request);
    await request.onPlaced({ attachCommand: this.#tmux.attachCommand(name), environment });
    const settings = ['--settings', await files.hostSettings(this.guardedRun(request))];
    const process = await startInTerminal(this.#tmux, {
      name,
      command: [...command.slice(0, 1), ...settings, ...command.slice(1)],
      env: { ...this.runtime.env, ...GUARDED_ENV },
      cwd: workspace,
      folder: request.folder,
    });
    return this.observable(runOnHost(process), request, workspace);
  }

  protected override async launchInContainer(run: PlacedRun, container: PlannedContainer): Promise<RunHandle> {
    const { request, workspace, environment } = run;
    const [claude = 'claude', ...args] = await this.#command(run, container);
    const command = [claude, ...SETTINGS_FLAG, ...args];
    const name = terminalOf(request);
    const attachCommand = this.#tmux.attachCommand(name);
    await request.onPlaced({ containerName: container.name, attachCommand, environment });
    const handle = await this.runtime.docker.runTerminal(container, command, (client, variables) =>
      startInTerminal(this.#tmux, {
        name,
        command: client,
        env: { ...clientEnvironment(this.runtime.env), ...variables },
        cwd: request.folder.path,
        folder: request.folder,
      }),
    );
    return this.observable(handle, request, workspace);
  }

  protected override async findProcess(request: RunRequest): Promise<LaunchedProcess | undefined> {
    const known = request.session.runs.at(-1)?.process;
    const pid = known ? undefined : await this.#tmux.pid(terminalOf(request));
    const identity = pid === undefined ? known : await processIdentity(pid).catch(() => undefined);
    return identity && terminalProcess(identity, request.folder);
  }

  protected override observable(handle: RunHandle, request: RunRequest, workspace: string): RunHandle {
    const { folder, spec } = request;
    const conversationId = terminalConversation(spec.id);
    const name = terminalOf(request);
    const transcript = new TranscriptCopy({
      folder: this.transcripts(request, workspace),
      conversationId,
      alone: spec.docker !== false,
      openLog: () => folder.openLog(),
      readLog: () => openRegularFile(folder.log),
      mostLogBytes: logBytesOf(spec.limits),
    });
    return {
      ...terminalRun(handle, {
        transcript,
        beginMs: this.#beginMs + setupMs(spec.setup),
        screen: () => this.#tmux.screen(name),
        attachCommand: this.#tmux.attachCommand(name),
        close: () => this.#tmux.close(name),
      }),
      hooked: true,
      transcript: { copy: { conversationId, watchBacklog: (listener) => transcript.watchBacklog(listener) } },
      turns: { ended: (hooked) => this.#hooks.get(folder)?.turnEnded(hooked) },
    };
  }

  async #command(run: PlacedRun, container?: PlannedContainer): Promise<string[]> {
    const { spec, feedback, conversationId } = run.request;
    const { command, prompt } = await planTerminal(planRequest(run, container));
    const begins = conversationId === undefined ? ['--session-id', terminalConversation(spec.id)] : [];
    requireArgument(feedback === undefined ? 'promptFile' : 'feedback', prompt);
    return [...command, ...begins, '--', literalInput(prompt)];
  }

  /** @throws OrchestrationError `ONBOARDING_NEEDED` */
  async #requireOnboarding({ docker, worktree }: SessionSpec, cwd: string): Promise<void> {
    if (docker !== false)
      return this.runtime.docker.planner.requireOnboarding({ docker, worktree, cwd, readOnly: this.readOnly });
    if (this.runtime.env.CLAUDE_CONFIG_DIR !== undefined) return;
    const settings = await readFile(join(this.runtime.home, '.claude.json'), 'utf8').catch(() => '');
    if (/"hasCompletedOnboarding": *true/.test(settings)) return;
    throw new OrchestrationError(
      'ONBOARDING_NEEDED',
      `Claude Code was never set up in ${this.runtime.home}, and would ask for that first. Run 'claude' once with that home folder, and answer what it asks.`,
    );
  }
}

/** The variables of this process that the docker client needs. Its other variables are not written into the terminal's script. */
const CLIENT_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|LANG|LC_\w+|TERM|DOCKER_\w+|SSH_\w+|XDG_\w+|\w+_PROXY|\w+_proxy)$/;

function clientEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => CLIENT_VARIABLES.test(name)));
}

function terminalOf({ spec, run }: RunRequest): string {
  return `ao-${spec.id}-${run}`;
}

function requireArgument(option: string, text: string): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_PROMPT_BYTES) return;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `Option '${option}': the text has ${bytes} bytes, but Claude in a terminal takes at most ${MOST_PROMPT_BYTES}. Put the text into a file of the workspace, and tell Claude to read that file.`,
  );
}
