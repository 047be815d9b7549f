import { appendFile, readFile } from 'node:fs/promises';
import type { ClaudeOptions } from 'channelcoder';
import { type ScriptedTurn, scriptedRun } from './scripted-run.js';

/** A call of `session().detached()`. */
export interface DetachedCall {
  readonly prompt: string;
  readonly options: ClaudeOptions;
}

/** A stand-in for the module `channelcoder`. */
export interface FakeChannelCoder {
  /** The module that the factory of `vi.mock('channelcoder', …)` returns. */
  readonly module: object;
  /** Every launch, in order. */
  readonly calls: readonly DetachedCall[];
}

/**
 * A ChannelCoder that starts sessions itself. `detached()` writes a script to the log and returns no plan. A release of
 * ChannelCoder whose detached mode works would do the same. It needs no container, no Claude and no `tail`.
 *
 * @example
 * ```ts
 * const fake = fakeChannelCoder([{ text: 'Done.' }]);
 * vi.mock('channelcoder', () => fake.module);
 * ```
 */
export function fakeChannelCoder(turns: readonly ScriptedTurn[]): FakeChannelCoder {
  const calls: DetachedCall[] = [];
  const detached = async (prompt: string, options: ClaudeOptions): Promise<object> => {
    calls.push({ prompt, options });
    for await (const { line } of scriptedRun(turns, { conversationId: options.resume }).steps) {
      if (options.logFile)
        await appendFile(options.logFile, `${typeof line === 'string' ? line : JSON.stringify(line)}\n`);
    }
    return { success: true, data: { detached: true, logFile: options.logFile } };
  };
  const module = {
    session: () => ({ detached }),
    monitorLog,
    streamParser: { parseStreamEvent },
    loadPromptFile: async () => ({ config: {}, content: '' }),
  };
  return { module, calls };
}

/** Reports all events in the log. Nothing is added to the log later, because `detached()` has written the whole run. */
function monitorLog(path: string, onEvent: (event: unknown) => void): () => void {
  let stopped = false;
  void readFile(path, 'utf8').then((text) => {
    for (const event of text.split('\n').map(parseStreamEvent)) if (event && !stopped) onEvent(event);
  });
  return () => {
    stopped = true;
  };
}

function parseStreamEvent(line: string): unknown {
  try {
    const event: unknown = JSON.parse(line);
    return typeof (event as { type?: unknown } | null)?.type === 'string' ? event : null;
  } catch {
    return null;
  }
}
