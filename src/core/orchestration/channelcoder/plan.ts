import type { ClaudeOptions, InterpolationData } from 'channelcoder';
import { type ChannelCoder, loadChannelCoder } from '../monitoring/load-channelcoder.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { type AddedOptions, addedFlags } from './added-flags.js';
import { LITERAL_DATA, literalPrompt } from './literal-prompt.js';

/** What a run is to do, in ChannelCoder's terms. */
export interface PlanRequest {
  /** Literal text, or the absolute path of a prompt file that was already read and checked. */
  prompt: { text: string } | { file: string; data: InterpolationData };
  /** The id of Claude's conversation that the run continues. */
  resume?: string;
  /** Absent for a run directly on the machine. */
  docker?: { image: string; cwd: string; mounts: string[]; env: Record<string, string> };
  logFile: string;
  /** Options that ChannelCoder does not have. Default: none. */
  added?: AddedOptions;
  claude: Pick<
    ClaudeOptions,
    'system' | 'appendSystem' | 'tools' | 'disallowedTools' | 'mcpConfig' | 'maxTurns' | 'permissionTool'
  >;
}

/** A command line for Claude's terminal UI. */
export interface TerminalPlan {
  readonly command: string[];
  /** The prompt with which Claude begins. It is appended to the command line. */
  readonly prompt: string;
}

/** The result of asking ChannelCoder. */
export type Plan =
  /** A command line for us to launch, and the text for its standard input. */
  | { kind: 'planned'; command: string[]; stdin: string }
  /**
   * ChannelCoder has already started the run: a release whose detached mode works, or a mock. We only watch the run.
   */
  | { kind: 'started'; pid?: number; containerId?: string };

/**
 * Asks ChannelCoder how to run Claude. ChannelCoder's detached mode cannot start a container itself: release 3.0.2 runs
 * `docker -d run`, which is not a command, and connects neither the prompt nor the log. But its dry run gives the whole plan.
 *
 * @throws OrchestrationError `LAUNCH_FAILED` if ChannelCoder refuses, `INVALID_OPTIONS` if it refuses the data
 */
export async function planRun(request: PlanRequest): Promise<Plan> {
  const channelCoder = await loadChannelCoder();
  const data = await dryRun(request, (prompt, options) =>
    // In a dry run, `stream` does not imply stream-json.
    fresh(channelCoder).detached(prompt, {
      ...options,
      logFile: request.logFile,
      outputFormat: 'stream-json',
      stream: true,
    }),
  );
  if (typeof data.command !== 'string' || !isStrings(data.args)) return startedBy(data);
  const command = request.docker ? claudeCommand(data.args, request.docker.image) : [data.command, ...data.args];
  const flags = addedFlags(request.added ?? {});
  return { kind: 'planned', command: [...command, ...flags], stdin: wordsOf(request.prompt, data) };
}

/**
 * Asks ChannelCoder how to run Claude's terminal UI. Its own `interactive()` would take over this process.
 *
 * @throws OrchestrationError as `planRun`
 */
export async function planTerminal(request: Omit<PlanRequest, 'logFile'>): Promise<TerminalPlan> {
  const channelCoder = await loadChannelCoder();
  const data = await dryRun(request, (prompt, options) =>
    fresh(channelCoder).claude(prompt, { ...options, mode: 'interactive' }),
  );
  if (typeof data.command !== 'string' || !isStrings(data.args)) throw unknownPlan(data.command);
  const command = request.docker ? claudeCommand(data.args, request.docker.image) : [data.command, ...data.args];
  const flags = addedFlags(request.added ?? {}, true);
  return { command: [...command, ...flags], prompt: wordsOf(request.prompt, data) };
}

/**
 * A new ChannelCoder session for each launch. A session cannot be used twice: after its first `detached()`, it resumes a
 * conversation id that it made up, and Claude refuses that id. Without `autoSave: false`, it would write to `~/.channelcoder`.
 */
const fresh = ({ session }: ChannelCoder): ReturnType<ChannelCoder['session']> => session({ autoSave: false });

type Planned = { command?: unknown; args?: unknown; prompt?: unknown } & Started;

/** The text that Claude gets. A literal text stays unchanged, whatever ChannelCoder makes of it. */
function wordsOf(prompt: PlanRequest['prompt'], planned: Planned): string {
  return 'text' in prompt ? prompt.text : String(planned.prompt ?? '');
}

/** Asks ChannelCoder what it would do. */
async function dryRun(
  { prompt, claude, resume, docker }: Omit<PlanRequest, 'logFile'>,
  ask: (prompt: string, options: ClaudeOptions) => Promise<{ success: boolean; error?: string; data?: unknown }>,
): Promise<Planned> {
  const inline = 'text' in prompt;
  const result = await ask(inline ? literalPrompt(prompt.text) : prompt.file, {
    ...claude,
    ...(claude.system !== undefined && { system: literalSystem(claude.system) }),
    data: inline ? LITERAL_DATA : prompt.data,
    ...(resume !== undefined && { resume }),
    ...(docker && { docker }),
    dryRun: true,
  }).catch((error: unknown) => ({ success: false, error: messageOf(error), data: undefined }));
  if (!result.success) {
    const why = result.error ?? 'it gives no reason';
    const code = why.startsWith('Input validation failed') ? 'INVALID_OPTIONS' : 'LAUNCH_FAILED';
    throw new OrchestrationError(code, `ChannelCoder cannot plan the run: ${why}.`);
  }
  return (result.data ?? {}) as Planned;
}

/** Keeps a system prompt literal. If the text ends like a file name, ChannelCoder would read that file on the machine. */
function literalSystem(text: string): string {
  return /\.(md|txt)$/.test(text) ? `${text}\n` : text;
}

interface Started {
  pid?: unknown;
  containerId?: unknown;
}

function startedBy(data: Started): Plan {
  return {
    kind: 'started',
    ...(typeof data.pid === 'number' && { pid: data.pid }),
    ...(typeof data.containerId === 'string' && data.containerId !== '' && { containerId: data.containerId }),
  };
}

/**
 * The command inside the container. ChannelCoder's own `docker run` flags are left out: `-v` would create missing folders on
 * the machine and split paths at colons, `-e` would show secrets in `ps`, `--rm` would lose the exit code.
 */
function claudeCommand(args: string[], image: string): string[] {
  const at = args.findIndex((arg, index) => arg === image && args[index + 1] === 'claude');
  if (args[0] !== 'run' || at < 0) {
    throw unknownPlan(args[0]);
  }
  return args.slice(at + 1);
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

function unknownPlan(part: unknown): OrchestrationError {
  return new OrchestrationError(
    'LAUNCH_FAILED',
    // The message shows only this part of the plan, because the rest may contain values of variables.
    `ChannelCoder's plan has an unknown form (${quote(part)}…); use channelcoder 3.0.x.`,
  );
}
