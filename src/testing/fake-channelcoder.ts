import { appendFile, readFile, stat } from 'node:fs/promises';
import type { ClaudeOptions } from 'channelcoder';
import type { ChannelCoderModule } from '../core/index.js';
import { type ScriptedTurn, scriptedRun } from './scripted-run.js';

/** A call of `session().detached()`. */
export interface DetachedCall {
  readonly prompt: string;
  readonly options: ClaudeOptions;
}

/** A stand-in for the module `channelcoder`. */
export interface FakeChannelCoder {
  /** The module, for the option `channelCoder` of the manager, or for the factory of `vi.mock('channelcoder', …)`. */
  readonly module: ChannelCoderModule;
  /** Every launch, in order. */
  readonly calls: readonly DetachedCall[];
}

/**
 * A ChannelCoder for unit tests that plays these turns in each run: `detached()` writes them to the log, and `monitorLog()` reports
 * them. It records its calls. It needs no container, no Claude and no `tail`.
 *
 * @example
 * ```ts
 * const fake = fakeChannelCoder([{ text: 'Done.' }]);
 * const manager = new UnifiedSessionManager({ stateDir: 'test-state', channelCoder: fake.module });
 * const { id } = await manager.create({ prompt: 'Tidy up' });
 * await manager.waitFor(id);
 * console.log(fake.calls[0]?.prompt); // Tidy up
 * await manager.close();
 * ```
 */
export function fakeChannelCoder(turns: readonly ScriptedTurn[]): FakeChannelCoder {
  const calls: DetachedCall[] = [];
  /** Where the latest run begins in each log, in bytes. */
  const begins = new Map<string, number>();
  const detached = async (prompt: string, options: ClaudeOptions): Promise<object> => {
    calls.push({ prompt, options });
    const { logFile = '' } = options;
    begins.set(logFile, (await stat(logFile).catch(() => undefined))?.size ?? 0);
    for await (const { line } of scriptedRun(turns, { conversationId: options.resume }).steps) {
      if (options.logFile)
        await appendFile(options.logFile, `${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    }
    return { success: true, data: { detached: true, logFile: options.logFile } };
  };
  const module = {
    session: () => ({ detached }),
    monitorLog: (logFile: string, onEvent: (event: object) => void) =>
      report(logFile, begins.get(logFile) ?? 0, onEvent),
    streamParser: { parseStreamEvent },
    loadPromptFile: async () => ({ config: {}, content: '' }),
  };
  return { module, calls };
}

/** Reports the events behind an offset. Nothing is added to the log later, because `detached()` has written the whole run. */
function report(path: string, begin: number, onEvent: (event: object) => void): () => void {
  let stopped = false;
  void readFile(path).then((log) => {
    const lines = log.subarray(begin).toString('utf8').split('\n');
    for (const event of lines.map(parseStreamEvent)) if (event && !stopped) onEvent(event);
  });
  return () => {
    stopped = true;
  };
}

function parseStreamEvent(line: string): object | null {
  try {
    const event: unknown = JSON.parse(line);
    return typeof event === 'object' && event !== null && 'type' in event && typeof event.type === 'string'
      ? event
      : null;
  } catch {
    return null;
  }
}
