import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RunHandle } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import { guarded } from '../../../../src/core/orchestration/executors/guarded-run.js';
import type { Mailbox } from '../../../../src/core/orchestration/mailbox/mailbox.js';
import { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { tempFolder } from '../../../support/temp-folder.js';

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
