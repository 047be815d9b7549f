import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as settled } from 'node:timers/promises';
import type { RunHandle } from 'autonomous-orchestration';
import { describe, expect, it, vi } from 'vitest';
import { endedRun } from '../../../../src/core/orchestration/contract/run-handle.js';
import { guarded, leaving } from '../../../../src/core/orchestration/executors/guarded-run.js';
import type { Mailbox } from '../../../../src/core/orchestration/mailbox/mailbox.js';
import { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('the end of a run is known when the run has left its worktree, so that another session can enter it', async () => {
  const left = deferred<void>();
  const onEnd = vi.fn();
  const run = leaving(endedRun({ exitCode: 0 }), () => left.promise);
  void run.ended.then(onEnd);
  await settled();
  expect(onEnd).not.toHaveBeenCalled();
  left.resolve();
  await settled();
  expect(onEnd).toHaveBeenCalledExactlyOnceWith({ exitCode: 0 });
});

it('the release of a run whose end nobody awaits waits until it has left its worktree', async () => {
  const left = deferred<void>();
  const onRelease = vi.fn();
  const run = leaving(endedRun({ exitCode: 0 }), () => left.promise);
  await settled();
  void run.release?.().then(onRelease);
  await settled();
  expect(onRelease).not.toHaveBeenCalled();
  left.resolve();
  await settled();
  expect(onRelease).toHaveBeenCalledOnce();
});

function run() {
  const folder = join(tempFolder(), 'guard');
  mkdirSync(folder);
  const handle: RunHandle = {
    started: Promise.resolve(undefined),
    ended: Promise.resolve({ exitCode: 0 }),
    over: false,
    stop: async () => {},
    detach: async () => {},
  };
  const channel = { close() {}, hasReport: async () => false } as Partial<Mailbox> as Mailbox;
  return { folder, handle: guarded(handle, new MailboxFiles(folder), channel, async () => {}) };
}

describe('a guarded run that is released', () => {
  it('has no files of the guard any more', async () => {
    const { folder, handle } = run();
    await handle.release?.();
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves the files of the guard if this process was detached before, because they may belong to a later run', async () => {
    const { folder, handle } = run();
    await handle.detach();
    await handle.release?.();
    expect(existsSync(folder)).toBe(true);
  });
});
