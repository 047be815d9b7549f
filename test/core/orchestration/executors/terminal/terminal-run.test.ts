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

describe('how it ends', () => {
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
  ])('%j is %j, when the log is complete', async (end, expected) => {
    const { run, ended, course } = scene();
    ended.resolve(end);
    expect(await run.ended).toEqual(expected);
    expect(course).toEqual(['drained']);
  });

  it('nothing is left of it: its terminal is closed after its container', async () => {
    const { run, course, close } = scene();
    await run.release?.();
    expect(course).toEqual(['released', 'closed']);
    close.mockRejectedValue(new Error('no tmux any more'));
    await run.release?.();
  });
});

describe('a conversation that does not begin', () => {
  it('ends the run, which tells what stood there instead', async () => {
    const { run, started, handle } = scene();
    started.resolve({});
    const { reason, error } = await run.ended;
    expect(reason).toBe('incomplete');
    expect(error).toBe(
      'Claude began no conversation within 0.03 s. A dialog may be in the way: create the session again, attach to it ' +
        '(here it was: tmux attach) and answer it. Its terminal showed: Choose a theme',
    );
    expect(handle.stop).toHaveBeenCalledTimes(1);
  });

  it('ends it also where nobody can look at the screen', async () => {
    const { run, started } = scene({ screen: () => Promise.reject(new Error('no tmux any more')) });
    started.resolve({});
    expect((await run.ended).error).toMatch(/showed: nothing$/);
  });

  it('does not count where it has begun, has never started, or was over before', async () => {
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

  it('is not waited for while it is frozen', async () => {
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

  it('is nobody’s any more who has let go of it', async () => {
    const { run, started, handle, transcript } = scene();
    started.resolve({});
    void run.detach();
    await new Promise((resolve) => setTimeout(resolve, 90));
    expect(handle.stop).not.toHaveBeenCalled();
    expect(handle.detach).toHaveBeenCalledTimes(1);
    expect(transcript.close).toHaveBeenCalledTimes(1);
  });
});

it('who has let go of it can wait until its log is written no more', async () => {
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
