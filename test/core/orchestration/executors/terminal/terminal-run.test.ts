import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { RunHandle } from '../../../../../src/core/orchestration/contract/run-handle.js';
import { terminalRun } from '../../../../../src/core/orchestration/executors/terminal/terminal-run.js';
import type { TranscriptCopy } from '../../../../../src/core/orchestration/monitoring/transcript-copy.js';
import type { RunEnd } from '../../../../../src/core/orchestration/session/run.js';
import { deferred } from '../../../../../src/core/orchestration/util/deferred.js';

function scene({ beginMs = 30, over = false, paused = false, screen = async () => ' Choose\n  a theme ' } = {}) {
  const started = deferred<{ containerId?: string } | undefined>();
  const ended = deferred<RunEnd>();
  const appeared = deferred<void>();
  const course: string[] = [];
  const handle = {
    started: started.promise,
    ended: ended.promise,
    over,
    stop: vi.fn(async () => {
      course.push('stopped');
      ended.resolve({ exitCode: 143 });
    }),
    pausing: { paused, pause: vi.fn(async () => {}), resume: vi.fn(async () => {}) },
    detach: vi.fn(async () => {}),
    release: vi.fn(async () => void course.push('released')),
  } satisfies RunHandle;
  const transcript = {
    appeared: appeared.promise,
    drain: vi.fn(async () => void course.push('drained')),
    close: vi.fn(async () => {}),
  };
  const close = vi.fn(async () => void course.push('closed'));
  const run = terminalRun(handle, {
    transcript: transcript as unknown as TranscriptCopy,
    beginMs,
    screen,
    attachCommand: 'tmux attach',
    close,
  });
  return { run, handle, transcript, close, course, started, ended, appeared };
}

describe('the end of a terminal run', () => {
  it.each<[RunEnd, RunEnd]>([
    [{ exitCode: 0 }, { exitCode: 0, closed: true }],
    [{ unknown: true }, { unknown: true, closed: true }],
    [{ exitCode: 1 }, { exitCode: 1 }],
    [
      { exitCode: 137, oomKilled: true },
      { exitCode: 137, oomKilled: true },
    ],
    [
      { reason: 'lost', error: 'gone' },
      { reason: 'lost', error: 'gone' },
    ],
  ])("a terminal run's end %j is reported as %j, after the transcript has been copied", async (end, expected) => {
    const { run, ended, course } = scene();
    ended.resolve(end);
    expect(await run.ended).toEqual(expected);
    expect(course).toEqual(['drained']);
  });

  it('release() closes the terminal after the container, and does not fail if tmux is gone', async () => {
    const { run, course, close } = scene();
    await run.release?.();
    expect(course).toEqual(['released', 'closed']);
    close.mockRejectedValue(new Error('no tmux any more'));
    await run.release?.();
  });
});

describe('a terminal run whose conversation does not begin', () => {
  it("a run whose conversation does not begin is stopped, and its error shows the terminal's text", async () => {
    const { run, started, handle } = scene();
    started.resolve({});
    const { reason, error } = await run.ended;
    expect(reason).toBe('incomplete');
    expect(error).toBe(
      'Claude began no conversation within 0.03 s. A dialog may be in the way: create the session again, attach to its ' +
        'terminal (of this run: tmux attach) and answer the dialog. The terminal showed: Choose a theme',
    );
    expect(handle.stop).toHaveBeenCalledTimes(1);
  });

  it('a run whose conversation does not begin is stopped even if its screen cannot be read', async () => {
    const { run, started } = scene({ screen: () => Promise.reject(new Error('no tmux any more')) });
    started.resolve({});
    expect((await run.ended).error).toMatch(/showed: nothing$/);
  });

  it('a run is not stopped if its conversation has begun, or if it never started or was already over', async () => {
    const begun = scene();
    begun.started.resolve({});
    begun.appeared.resolve();
    const never = scene();
    never.started.resolve(undefined);
    const over = scene({ over: true });
    over.started.resolve({});
    await new Promise((resolve) => setTimeout(resolve, 90));
    for (const { handle } of [begun, never, over]) expect(handle.stop).not.toHaveBeenCalled();
  });

  it('the time to begin a conversation does not count while the run is frozen', async () => {
    const { run, started, handle } = scene({ paused: true });
    started.resolve({});
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(handle.stop).not.toHaveBeenCalled();
    await run.pausing?.resume();
    await run.pausing?.pause();
    expect(handle.pausing.resume).toHaveBeenCalledTimes(1);
    expect(handle.pausing.pause).toHaveBeenCalledTimes(1);
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(handle.stop).not.toHaveBeenCalled();
    await run.pausing?.resume();
    expect((await run.ended).reason).toBe('incomplete');
  });

  it('a detached run is not stopped if its conversation does not begin', async () => {
    const { run, started, handle, transcript } = scene();
    started.resolve({});
    void run.detach();
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(handle.stop).not.toHaveBeenCalled();
    expect(handle.detach).toHaveBeenCalledTimes(1);
    expect(transcript.close).toHaveBeenCalledTimes(1);
  });
});

it('detach() resolves only when the transcript copy is closed', async () => {
  const { run, transcript } = scene();
  const closed = deferred<void>();
  transcript.close.mockReturnValue(closed.promise);
  const done = vi.fn();
  const detached = Promise.resolve(run.detach()).then(done);
  await turn();
  expect(done).not.toHaveBeenCalled();
  closed.resolve();
  await detached;
});
