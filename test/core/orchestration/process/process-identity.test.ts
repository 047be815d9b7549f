import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  isAlive,
  type ProcessIdentity,
  pidSpace,
  processIdentity,
  processIdentitySchema,
} from '../../../../src/core/orchestration/process/process-identity.js';
import { eventually } from '../../../support/eventually.js';
import { executables } from '../../../support/executables.js';

/** A child whose pid is in use; killed when the test ends. */
async function started(file: string, ...args: string[]): Promise<ChildProcess & { pid: number }> {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child as ChildProcess & { pid: number };
}

async function identityOf(pid: number): Promise<ProcessIdentity> {
  const identity = await processIdentity(pid);
  if (!identity) throw new Error(`no process ${pid}`);
  return identity;
}

function onPlatform(platform: NodeJS.Platform): void {
  const before = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor;
  Object.defineProperty(process, 'platform', { ...before, value: platform });
  onTestFinished(() => void Object.defineProperty(process, 'platform', before));
}

function psThat(script: string): string {
  const folder = executables({ ps: script });
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

describe.runIf(process.platform === 'linux')('a process identity on Linux', () => {
  it('an identity is the same each time, is plain JSON, and has start time, boot and pid namespace', async () => {
    const mine = await identityOf(process.pid);
    expect(await identityOf(process.pid)).toEqual(mine);
    expect(processIdentitySchema().parse(JSON.parse(JSON.stringify(mine)))).toEqual(mine);
    expect(mine).toEqual({
      pid: process.pid,
      startedAt: expect.stringMatching(/^\d+$/),
      bootId: expect.stringMatching(/^[\da-f-]{36}$/),
      pidNamespace: expect.stringMatching(/^pid:\[\d+\]$/),
    });
    expect(await isAlive(mine)).toBe(true);
    expect(await isAlive(mine, await pidSpace())).toBe(true);
  });

  it('an identity is not alive any more when its process has ended', async () => {
    const child = await started('sleep', '60');
    const identity = await identityOf(child.pid);
    expect(await isAlive(identity)).toBe(true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await isAlive(identity)).toBe(false);
    expect(await processIdentity(child.pid)).toBeUndefined();
  });

  it('a process with the same pid but another start time has another identity', async () => {
    expect(await isAlive({ ...(await identityOf(process.pid)), startedAt: '1' })).toBe(false);
  });

  it('an identity without a start time is compared by its pid alone', async () => {
    expect(await isAlive({ pid: process.pid, startedAt: '' })).toBe(true);
  });

  it('a process name with parentheses, spaces and digits does not mislead the identity', async () => {
    const folder = executables({ 'a) Z 1 (b': 'echo up; read line' });
    const child = spawn(join(folder, 'a) Z 1 (b'), { stdio: ['pipe', 'pipe', 'ignore'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const pid = child.pid as number;
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain('(a) Z 1 (b)');
    const identity = await identityOf(pid);
    expect(Number(identity.startedAt)).toBeGreaterThanOrEqual(Number((await identityOf(process.pid)).startedAt));
    expect(await isAlive(identity)).toBe(true);
  });

  it('a zombie counts as dead', async () => {
    // The parent becomes a program that never asks for its children.
    const parent = await started('sh', '-c', 'sleep 60 & echo $!; exec sleep 60');
    const [line] = (await once(parent.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const pid = Number(line.toString());
    const identity = await identityOf(pid);
    await eventually(() => expect(readFileSync(`/proc/${parent.pid}/comm`, 'latin1')).toBe('sleep\n'), { interval: 1 });
    process.kill(pid, 'SIGKILL');
    await eventually(async () => expect(await isAlive(identity)).toBe(false), { interval: 1 });
    expect(await processIdentity(pid)).toBeUndefined();
    expect(readFileSync(`/proc/${pid}/stat`, 'latin1')).toContain(') Z ');
  });

  it('a process of another container counts as alive, and a process of another boot as dead', async () => {
    const mine = await identityOf(process.pid);
    const elsewhere = { ...mine, pid: 4_194_304, startedAt: '1', pidNamespace: 'pid:[1]' };
    expect(await isAlive(elsewhere)).toBe(true);
    expect(await isAlive({ ...elsewhere, bootId: 'earlier' })).toBe(false);
    expect(await isAlive({ ...mine, bootId: 'earlier' })).toBe(false);
  });

  it('a process of another user has an identity', async () => {
    const init = await identityOf(1);
    expect(await isAlive(init)).toBe(true);
    expect(await isAlive({ ...init, startedAt: '999999999999' })).toBe(false);
  });
});

describe('a process identity on other platforms', () => {
  it('the start time comes from ps, which is called with a fixed language and time zone', async () => {
    onPlatform('darwin');
    vi.stubEnv('TZ', 'Asia/Tokyo');
    const folder = psThat('echo "$LC_ALL $TZ $*" > "$(dirname "$0")/asked"; echo "S+   Sun Nov  3 01:16:00 2030    "');
    const mine = await identityOf(process.pid);
    expect(mine).toEqual({ pid: process.pid, startedAt: 'Sun Nov 3 01:16:00 2030' });
    expect(readFileSync(join(folder, 'asked'), 'utf8')).toBe(`C UTC -o stat= -o lstart= -p ${process.pid}\n`);
    expect(await isAlive(mine)).toBe(true);
    expect(await isAlive({ ...mine, startedAt: 'Sun Nov 3 01:15:59 2030' })).toBe(false);
  });

  it('a zombie counts as dead', async () => {
    onPlatform('darwin');
    psThat('echo "Z    Sun Nov  3 01:16:00 2030"');
    expect(await processIdentity(process.pid)).toBeUndefined();
    expect(await isAlive({ pid: process.pid, startedAt: '' })).toBe(false);
  });

  it.each([
    ['fails', 'exit 1'],
    ['prints nothing', 'exit 0'],
  ])('an identity is the pid alone if ps %s', async (_, script) => {
    onPlatform('darwin');
    psThat(script);
    expect(await processIdentity(process.pid)).toEqual({ pid: process.pid, startedAt: '' });
    // A failure of ps is no proof of death.
    expect(await isAlive({ pid: process.pid, startedAt: 'Sun Nov 3 01:16:00 2030' })).toBe(true);
    expect(await isAlive({ pid: 4_194_304, startedAt: '' })).toBe(false);
  });
});

it.each([{ pid: 0, startedAt: '' }, { pid: -1, startedAt: '' }, { pid: 1.5, startedAt: '' }, { pid: 1 }, null])(
  'an invalid identity is refused: %j',
  (value) => expect(processIdentitySchema().safeParse(value).success).toBe(false),
);
