import type { RunHandle } from '../../contract/run-handle.js';
import type { TranscriptCopy } from '../../monitoring/transcript-copy.js';
import type { RunEnd } from '../../session/run.js';
import { PausableClock } from '../../util/pausable-clock.js';

export interface TerminalRunOptions {
  transcript: TranscriptCopy;
  /** How long Claude may take to begin its conversation, in milliseconds. */
  beginMs: number;
  /** What the terminal shows. */
  screen: () => Promise<string>;
  attachCommand: string;
  /** Closes the terminal. */
  close: () => Promise<void>;
}

/**
 * A run in a terminal. It ends only when the transcript is copied to the log, because the log is complete only then. If Claude
 * begins no conversation, the run is stopped. If the person has left, the run has not failed.
 */
export function terminalRun(handle: RunHandle, options: TerminalRunOptions): RunHandle {
  const { transcript, beginMs, close } = options;
  const clock = new PausableClock();
  const { pausing } = handle;
  if (pausing?.paused) clock.stop();
  let letGo = false;
  let silence: RunEnd | undefined;
  const giveUp = async (): Promise<void> => {
    silence = await silent(options);
    await handle.stop();
  };
  void handle.started.then((started) => {
    if (!started || handle.over || letGo) return;
    const forget = clock.after(beginMs, () => void giveUp());
    void transcript.appeared.then(forget);
  });

  return {
    ...handle,
    ended: handle.ended.then(async (end) => {
      clock.clear();
      await transcript.drain();
      return silence ?? leftBy(end);
    }),
    ...(pausing && {
      pausing: {
        paused: pausing.paused,
        async pause() {
          await pausing.pause();
          clock.stop();
        },
        async resume() {
          await pausing.resume();
          clock.start();
        },
      },
    }),
    async detach() {
      letGo = true;
      clock.clear();
      // The next process continues the copy. If two processes copied at once, they would double lines, or tear them.
      await Promise.all([handle.detach(), transcript.close()]);
    },
    async release() {
      await handle.release?.();
      await close().catch(() => {}); // If this fails: the terminal also ends with its process.
    },
  };
}

/**
 * A person can end a run in two ways. If the person leaves Claude, Claude exits with 0. If the person closes the window, no exit
 * code is known.
 */
function leftBy(end: RunEnd): RunEnd {
  return end.exitCode === 0 || end.unknown ? { ...end, closed: true } : end;
}

async function silent({ beginMs, screen, attachCommand }: TerminalRunOptions): Promise<RunEnd> {
  const shown = (await screen().catch(() => '')).replaceAll(/\s+/g, ' ').trim();
  const error =
    `Claude began no conversation within ${beginMs / 1000} s. A dialog may be in the way: create the session again, attach ` +
    `to its terminal (of this run: ${attachCommand}) and answer the dialog. The terminal showed: ${shown || 'nothing'}`;
  return { reason: 'incomplete', error };
}
