import { createHook } from 'node:async_hooks';
import { execFileSync } from 'node:child_process';
import { link, mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnifiedSession } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { containersLeft, endedGone, figure, holdings, quick, tempFolder, testManager } from './support.js';

const HOSTILE: unknown[] = [
  '',
  '.',
  '..',
  '../',
  '../../../../etc/passwd',
  '/etc/passwd',
  'a\0b',
  '\0',
  '..%2f..%2f',
  '..\\..\\',
  '$(touch pwned)',
  '--help',
  '__proto__',
  'constructor',
  'toString',
  '\u001b[2J\r\n',
  'x'.repeat(10_000),
  '../'.repeat(3_400),
  undefined,
  null,
  0,
  Number.NaN,
  {},
  [],
  Object.create(null),
  { toString: () => '../../etc/passwd' },
  Symbol('id'),
];

it('ids that are paths, NUL, 10 KB long or no text are unknown to every method and cause no file access', async () => {
  const executors = { autonomous: new SimulatedExecutor(() => scriptedRun([{ text: 'Done.' }])) };
  const { manager } = await testManager({ executors });
  const { id: real } = await manager.create({ prompt: 'x', cwd: await tempFolder() });
  await manager.waitFor(real);
  const records = manager.list();
  const ids = [...HOSTILE, `${real}/../${real}`, `./${real}`, `${real}\0`, ` ${real}`, real.toUpperCase() + real];
  await holdings(); // Waits until the work at the end of the session is done.

  const requests = fileRequests();
  let calls = 0;
  for (const hostile of ids) {
    const id = hostile as string;
    expect(manager.get(id)).toBeUndefined();
    const attempts = [
      () => manager.cancel(id),
      () => manager.continue(id, 'go on'),
      () => manager.pause(id),
      () => manager.resume(id),
      () => manager.steer(id, 'hello'),
      () => manager.approve(id, id),
      () => manager.deny(id, id, 'no'),
      () => manager.waitFor(id),
      () => manager.waitFor(id, { status: 'running' }),
    ];
    for (const attempt of attempts) {
      calls++;
      const error: unknown = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'OrchestrationError', code: 'SESSION_NOT_FOUND' });
      const { message } = error as Error;
      expect(message.length).toBeLessThan(400);
      expect(message).not.toMatch(/[\p{Cc}]/u);
    }
    expect(manager.list({ taskId: id ?? 'none', parentId: id ?? 'none' })).toEqual([]);
    const filtered = manager.events({ sessionId: id ?? 'none' });
    await filtered.return?.();
  }
  expect(requests.stop()).toBe(0);
  expect(manager.list()).toEqual(records);
  figure('hostile ids', `${calls} calls with ${ids.length} ids: SESSION_NOT_FOUND, 0 requests to the file system`);
});

it('an event filter with a hostile session id matches no event', async () => {
  const executors = { autonomous: new SimulatedExecutor(() => scriptedRun([{ text: 'Done.' }])) };
  const { manager } = await testManager({ executors });
  const streams = HOSTILE.filter((id) => id !== undefined).map((id) => manager.events({ sessionId: id as string }));
  const { id } = await manager.create({ prompt: 'x', cwd: await tempFolder() });
  await manager.waitFor(id);
  await manager.close();
  for (const stream of streams) for await (const event of stream) expect.unreachable(`${event.type} was let through`);
});

describe('the path of the log of a queued session', () => {
  it.each(['a link', 'a link to nothing', 'a FIFO', 'a folder'])('%s as the log is not followed', async (what) => {
    const outside = join(await tempFolder(), 'outside');
    await writeFile(outside, 'untouched\n');
    const { ended, stateDir, running } = await startedWith(async (log) => {
      await rm(log);
      if (what === 'a FIFO') execFileSync('mkfifo', [log]);
      else if (what === 'a folder') await mkdir(log);
      else await symlink(what === 'a link' ? outside : join(outside, '../not-there'), log);
    });
    expect(ended.status).toBe('failed');
    expect(ended.result?.error).toBeTruthy();
    expect(await readFile(outside, 'utf8')).toBe('untouched\n');
    await expect(stat(join(outside, '../not-there'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await containersLeft([ended])).toEqual([]);
    expect(running).toBe(0);
    expect(stateDir).toBeTruthy();
    figure(`${what} in place of the log`, `${ended.result?.reason}: ${ended.result?.error}`);
  });

  // Backups that are made of hard links must not end sessions.
  it('a hard link in place of the log is accepted, because only the owner of the folder can create it', async () => {
    const outside = join(await tempFolder(0), 'outside');
    await writeFile(outside, '');
    const { ended } = await startedWith(async (log) => {
      await rm(log);
      await link(outside, log);
    });
    expect(ended.status).toBe('completed');
    expect((await stat(join(ended.logFile ?? '', '..'))).mode & 0o777).toBe(0o700);
  });
});

it('a container cannot reach the log through its name, its mounts, its output or a link', async () => {
  const { manager, stateDir } = await testManager();
  const script = `init
found=$(find / -name stream.log -not -path '/proc/*' 2>/dev/null | wc -l)
mounted=$(grep -c stream.log /proc/self/mountinfo)
output=$(readlink /proc/self/fd/1; readlink /proc/1/fd/1)
up=$(ls /run/autonomous-orchestration/requests/../ | tr '\\n' ' ')
ln /proc/self/fd/1 /run/autonomous-orchestration/requests/out 2>/dev/null && linked=yes || linked=no
ln -s ../../stream.log /run/autonomous-orchestration/requests/stream.log
echo planted > /run/autonomous-orchestration/requests/stream.log 2>/dev/null && through=yes || through=no
ln -s ../stream.log ~/.claude/projects/stream.log
echo planted >> ~/.claude/projects/stream.log 2>/dev/null; echo $? > /tmp/wrote
say "found $found, mounted $mounted, output $(echo $output), up $up, linked $linked, through $through"
result`;
  const { id } = await manager.create({ ...quick(script), prompt: 'x', cwd: await tempFolder() });
  const { metadata, logFile } = await manager.waitFor(id);
  expect(metadata.lastMessage).toMatch(
    /^found 0, mounted 0, output pipe:\[\d+\] pipe:\[\d+\], up answers gitconfig requests , linked no, through no$/,
  );
  const log = await readFile(logFile ?? '', 'utf8');
  expect(log).not.toContain('planted\n');
  expect(logFile).toBe(join(stateDir, 'sessions', id, 'stream.log'));
  figure('the log from inside', metadata.lastMessage ?? '');
});

/** A session that was queued, while `plant` changed the path of its log. */
async function startedWith(
  plant: (log: string) => Promise<void>,
): Promise<{ ended: UnifiedSession; stateDir: string; running: number }> {
  const { manager, stateDir } = await testManager({ maxConcurrent: 1 });
  const cwd = await tempFolder();
  const first = await manager.create({
    ...quick('init; until [ -e go ]; do sleep 0.05; done; result'),
    prompt: 'x',
    cwd,
  });
  const { id } = await manager.create({ ...quick('init; result'), prompt: 'x', cwd });
  await plant(join(stateDir, 'sessions', id, 'stream.log'));
  await writeFile(join(cwd, 'go'), '');
  await manager.waitFor(first.id);
  const ended = await manager.waitFor(id);
  await endedGone(manager);
  return { ended, stateDir, running: manager.queueStatus().running };
}

/** Counts all requests to the file system. */
function fileRequests(): { stop: () => number } {
  let count = 0;
  const hook = createHook({
    init: (_, type) => {
      if (type.startsWith('FSREQ')) count++;
    },
  }).enable();
  return {
    stop: () => {
      hook.disable();
      return count;
    },
  };
}
