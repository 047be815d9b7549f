import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeEach, expect, it, vi } from 'vitest';
import { eventually } from '../../../support/eventually.js';
import { answering, FakeHost, guardFiles, hookInput, requestName, runHook, startHook } from '../../../support/hook.js';

/** Counts the accesses to the requests folder. */
const work = vi.hoisted(() => ({ looks: 0, names: 0 }));

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>();
  return {
    ...fs,
    lstat: (...args: Parameters<typeof fs.lstat>) => {
      work.looks += 1;
      return fs.lstat(...args);
    },
    opendir: async (...args: Parameters<typeof fs.opendir>) => {
      const folder = await fs.opendir(...args);
      return (async function* () {
        for await (const entry of folder) {
          work.names += 1;
          yield entry;
        }
      })();
    },
  };
});

beforeEach(() => {
  Object.assign(work, { looks: 0, names: 0 });
});

const ALLOWED = { code: 0, stdout: '', stderr: '' };

/** A process that was asked about one call and has not decided yet. */
async function asked() {
  const files = await guardFiles();
  const host = new FakeHost();
  host.decide = () => new Promise(() => {});
  const channel = await answering(files, host);
  const path = join(files.requests, requestName());
  writeFileSync(path, JSON.stringify(hookInput('PreToolUse')));
  await eventually(() => expect(host.calls).toHaveLength(1));
  await nextTurn();
  work.looks = 0;
  host.decide = async () => ({ allowed: true });
  return { files, host, channel, path };
}

it('200 changes of a request in one turn of the event loop cause fewer than 10 looks at files', async () => {
  const { files, path } = await asked();
  for (let write = 0; write < 200; write++) {
    appendFileSync(path, ' ');
    appendFileSync(join(files.requests, 'x'), ' '); // Keeps the system from merging equal changes.
  }
  await eventually(() => expect(work.looks).toBeGreaterThan(0));
  await nextTurn();
  expect(work.looks).toBeLessThan(10);
});

it('under a flood of changes, the mailbox scans its folder instead of watching and still finds requests', async () => {
  const { files, host } = await asked();
  const others = [join(files.requests, 'x'), join(files.requests, 'y')];
  for (let write = 0; write < 3_000; write++) for (const other of others) writeFileSync(other, '');
  await eventually(() => expect(work.names).toBeGreaterThan(4)); // The mailbox scans the folder.
  expect(await runHook(files, 'PreToolUse')).toEqual(ALLOWED);
  expect(host.calls).toHaveLength(2);
});

it('under a flood of changes, the mailbox still aborts a withdrawn command', async () => {
  const { files, host } = await asked();
  const waiting = join(files.requests, requestName().replace('.json', '.args'));
  let withdrawn: AbortSignal | undefined;
  host.obey = (_id, _args, signal) => {
    withdrawn = signal;
    return new Promise(() => {});
  };
  writeFileSync(waiting, 'wait\0');
  await eventually(() => expect(withdrawn).toBeDefined());
  for (let write = 0; write < 3_000; write++) writeFileSync(join(files.requests, `${write % 2}`), '');
  rmSync(waiting);
  await eventually(() => expect(withdrawn?.aborted).toBe(true));
});

it('of 10,000 made-up names, the mailbox reads a few thousand and still answers new requests', async () => {
  const files = await guardFiles();
  for (let name = 0; name < 10_000; name++) writeFileSync(join(files.requests, `made up ${name}`), '');
  const host = new FakeHost();
  await answering(files, host);
  expect(work.names).toBeLessThanOrEqual(2 * 4_096);
  const hook = startHook(files, 'PreToolUse');
  expect(await hook.exit).toEqual(ALLOWED);
  expect(work.names, 'once more').toBeLessThanOrEqual(3 * 4_096);
});

it('the mailbox keeps running when its folder is deleted', async () => {
  const files = await guardFiles();
  rmSync(files.requests, { recursive: true });
  mkdirSync(files.requests);
  const host = new FakeHost();
  const channel = await answering(files, host);
  rmSync(files.requests, { recursive: true });
  await nextTurn();
  channel.close();
});
