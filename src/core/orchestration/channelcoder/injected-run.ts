import type { ClaudeOptions } from 'channelcoder';
import type { ChannelCoderModule, ChannelCoderSession } from '../contract/channelcoder-module.js';
import type { RunHandle } from '../contract/run-handle.js';
import { hasRealMonitorLog } from '../monitoring/injected.js';
import type { RunEnd } from '../session/run.js';
import { deferred } from '../util/deferred.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import type { PlanRequest } from './plan.js';

/** How long a fake may report nothing after `monitorLog` has returned, if it has not reported the result yet. */
const SILENT_MS = 3_000;

const SESSION = 'session: () => ({ detached: async (prompt, options) => ({ success: true }) })';
const RESULT = `onEvent({ type: 'result', subtype: 'success', result: 'Done.' })`;

/**
 * Starts a run with an injected ChannelCoder. The engine, Claude and the log are not touched. So the run ends with the `result`
 * that `monitorLog` reports.
 *
 * @param cwd the workspace on the machine
 * @throws OrchestrationError `LAUNCH_FAILED` if ChannelCoder refuses, or if the fake lacks something
 */
export async function startInjected(
  channelCoder: ChannelCoderModule,
  request: PlanRequest & { cwd: string },
): Promise<RunHandle> {
  requireFunction(channelCoder, 'session', SESSION);
  requireFunction(channelCoder, 'monitorLog', `monitorLog: (logFile, onEvent) => { ${RESULT}; return () => {}; }`);
  const session: ChannelCoderSession | undefined = channelCoder.session({ autoSave: false });
  requireFunction(session, 'detached', SESSION);
  const { prompt, logFile } = request;
  const answer = await detached(session, 'text' in prompt ? prompt.text : prompt.file, optionsOf(request));
  return injectedRun(channelCoder, await hasRealMonitorLog(channelCoder), {
    logFile: typeof answer.logFile === 'string' ? answer.logFile : logFile,
    ...(typeof answer.containerId === 'string' && { containerId: answer.containerId }),
  });
}

/** The options as ChannelCoder documents them. */
function optionsOf({ prompt, resume, docker, logFile, claude, cwd }: PlanRequest & { cwd: string }): ClaudeOptions {
  return {
    ...claude,
    ...('file' in prompt && { data: prompt.data }),
    ...(resume !== undefined && { resume }),
    ...(docker && { docker }),
    cwd,
    logFile,
    outputFormat: 'stream-json',
    stream: true,
  };
}

type Answer = Readonly<Record<'logFile' | 'containerId', unknown>>;

async function detached(session: ChannelCoderSession, prompt: string, options: ClaudeOptions): Promise<Answer> {
  let answer: { success?: unknown; error?: unknown; data?: unknown } | undefined;
  try {
    answer = (await session.detached(prompt, options)) as typeof answer;
  } catch (error) {
    throw refused('detached', error);
  }
  if (answer?.success === false) throw refused('detached', answer.error ?? 'it gives no reason');
  return { ...answer, ...(typeof answer?.data === 'object' && answer.data) } as unknown as Answer;
}

function injectedRun(
  channelCoder: ChannelCoderModule,
  followsLog: boolean,
  { logFile, containerId }: { logFile: string; containerId?: string },
): RunHandle {
  const end = deferred<RunEnd>();
  let timer: NodeJS.Timeout | undefined;
  let letGo = false;
  const finish = (how: RunEnd): void => {
    clearTimeout(timer);
    if (!letGo) end.resolve(how);
  };

  const watch = (onEvent: (event: object) => void): (() => void) => {
    let isLive = false;
    let hasReturned = false;
    const report = (event: object): void => {
      isLive = hasReturned;
      onEvent(event);
    };
    let stop: unknown;
    try {
      stop = channelCoder.monitorLog(logFile, report);
    } catch (error) {
      throw refused('monitorLog', error);
    }
    hasReturned = true;
    // The fake may have reported everything already.
    if (end.isSettled || letGo) return stopping(stop);
    timer = setTimeout(() => {
      if (!isLive) finish({ reason: 'LAUNCH_FAILED', error: silent(stop) });
    }, SILENT_MS);
    return stopping(stop);
  };

  return {
    started: Promise.resolve(containerId === undefined ? {} : { containerId }),
    ended: end.promise,
    channelCoder: {
      resultSeen: () => finish({ unknown: true }),
      // The real one is called like that of a run that ChannelCoder started itself.
      ...(!followsLog && { watch }),
    },
    async stop() {
      finish({ unknown: true });
    },
    async detach() {
      letGo = true;
      clearTimeout(timer);
    },
  };
}

/** What ends the monitoring. A fake may have given nothing for that. */
function stopping(stop: unknown): () => void {
  return () => {
    if (typeof stop === 'function') stop();
  };
}

const refused = (what: string, why: unknown): OrchestrationError =>
  new OrchestrationError('LAUNCH_FAILED', `${what}() of the given channelCoder failed: ${messageOf(why)}.`, {
    cause: why,
  });

function silent(returned: unknown): string {
  const how = typeof returned === 'function' ? '' : ` returned ${quote(returned)} and`;
  return (
    `The given channelCoder never reported the end of the run: its monitorLog()${how} reported no result within ` +
    `${SILENT_MS / 1_000} s. Let it call ${RESULT}.`
  );
}

function requireFunction<Owner extends object>(
  owner: Owner | undefined,
  name: keyof Owner & string,
  example: string,
): asserts owner is Owner {
  const value = owner?.[name];
  if (typeof value === 'function') return;
  const found =
    owner === undefined || owner === null ? `session() returned ${quote(String(owner))}` : `it has no ${name}()`;
  throw new OrchestrationError(
    'LAUNCH_FAILED',
    `The given channelCoder cannot start a run: ${found}. A mock without an implementation does that. Add ${example}.`,
  );
}
