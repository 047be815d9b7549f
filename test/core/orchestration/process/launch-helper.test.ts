import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { LaunchHelper } from '../../../../src/core/orchestration/process/launch-helper.js';
import { launchDetached, type SpawnProcess } from '../../../../src/core/orchestration/process/launcher.js';
import { processWithFiles } from '../../../../src/core/orchestration/process/process-with-files.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A helper that is ready, if there is one, and what was spawned without it. */
async function starter() {
  const helper = new LaunchHelper();
  onTestFinished(() => helper.close());
  await helper.prepare();
  const spawned = vi.fn<SpawnProcess>((command, args, options) => spawn(command, args, options));
  return { spawn: spawned, helper };
}

type Starts = Awaited<ReturnType<typeof starter>>;
type Asked = Partial<Parameters<typeof launchDetached>[1]>;

async function place() {
  const folder = new SessionFolder(tempFolder(), 'abcdefghijkl');
  await folder.create();
  const inputFile = join(folder.path, 'input');
  writeFileSync(inputFile, 'the input');
  return { folder, inputFile, cwd: folder.path, env: { PATH: process.env.PATH } };
}

/** Launches a shell script. */
async function launch(by: Starts, script: string, asked: Asked = {}) {
  const where = await place();
  const args = ['-c', script, ...(asked.args ?? [])];
  const launched = await launchDetached(by, { ...where, command: 'sh', ...asked, args });
  onTestFinished(() => launched.kill('SIGKILL'));
  return { ...launched, log: () => readFileSync(where.folder.log, 'utf8'), path: where.folder.log };
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((task) => readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' '))
    .filter(Boolean)
    .map(Number);
}

function isHelper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('say({ ready: true })');
  } catch {
    return false;
  }
}

/** The helpers that were started since then. */
function watchHelpers(): () => number[] {
  const before = childrenOf(process.pid);
  return () => childrenOf(process.pid).filter((pid) => !before.includes(pid) && isHelper(pid));
}

/** The fields of a process from its state on, see proc(5). */
const statOf = (pid: number): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];

const startsNothing = (by: Starts): void => expect(by.spawn).not.toHaveBeenCalled();

/** The open files that `ls -l /proc/self/fd` lists, without the folder itself. */
function filesIn(list: string): string[] {
  const files = [...list.matchAll(/ (\d+) -> (.*)/g)].map(([, fd, target]) => `${fd} ${target}`);
  return files.filter((file) => !/ \/proc\/\d+\/fd$/.test(file));
}

describe('a process that the helper starts', () => {
  it('is a child of the helper, leads a session of its own, and has no other open files', async () => {
    const helpers = watchHelpers();
    const by = await starter();
    const run = await launch(by, 'ls -l /proc/self/fd; cat; exec sleep 600');
    await vi.waitUntil(() => run.log().includes('the input'));
    const [, parent, group, session] = statOf(run.pid).map(Number);
    expect([parent]).toEqual(helpers());
    expect([group, session]).toEqual([run.pid, run.pid]);
    // What this process itself was started with, all its children get.
    const inherited = filesIn(spawnSync('ls', ['-l', '/proc/self/fd']).stdout.toString()).slice(3);
    const input = readlinkSync(`/proc/${run.pid}/fd/0`);
    expect(filesIn(run.log())).toEqual([`0 ${input}`, `1 ${run.path}`, `2 ${run.path}`, ...inherited]);
    startsNothing(by);
  });

  it('gets the very words and variables, whatever their names, lengths and characters', async () => {
    const by = await starter();
    const words = ['', ' ', "'", '"', '$HOME `id` \\', 'two\nlines\r\n', '-n', 'ä€😀', 'x'.repeat(120_000)];
    const env = {
      PATH: process.env.PATH,
      'not-a.name': 'yes',
      IFS: 'x',
      PPID: '1',
      BIG: 'y'.repeat(120_000),
      EMPTY: '',
    };
    const said = await launch(by, 'for each; do printf "%s\\0" "$each"; done', { args: ['sh', ...words] });
    expect(await said.exited).toEqual({ code: 0, signal: null });
    expect(said.log().split('\0').slice(0, -1)).toEqual(words);
    const program = `process.stdout.write(JSON.stringify(process.env))`;
    const where = await place();
    const node = await launchDetached(by, { ...where, command: process.execPath, args: ['-e', program], env });
    await node.exited;
    expect(JSON.parse(readFileSync(where.folder.log, 'utf8'))).toEqual(env);
    startsNothing(by);
  });

  it('ends with its exit code, or with the signal that ended it', async () => {
    const by = await starter();
    const ends = await Promise.all(
      ['exit 143', 'kill -TERM $$', 'kill -KILL $$'].map(async (script) => (await launch(by, script)).exited),
    );
    expect(ends).toEqual([
      { code: 143, signal: null },
      { code: null, signal: 'SIGTERM' },
      { code: null, signal: 'SIGKILL' },
    ]);
    const run = await launch(by, 'sleep 600');
    expect(await run.isOurs()).toBe(true);
    run.kill('SIGHUP');
    expect(await run.exited).toEqual({ code: null, signal: 'SIGHUP' });
    expect(await run.isOurs()).toBe(false);
    startsNothing(by);
  });

  it.each([
    ['a command that is missing', { command: 'no-such-command-at-all' }],
    ['a folder that is missing', { cwd: '/no/such/folder' }],
    ['a word with a zero byte', { args: ['a\0b'] }],
    ['words that are too long for the system', { args: ['x'.repeat(200_000)] }],
  ])('is refused with the same message as without the helper: %s', async (_, asked) => {
    const by = await starter();
    const refusal = async (way: Parameters<typeof launchDetached>[0]): Promise<unknown> => {
      const where = await place();
      return launchDetached(way, { ...where, command: 'true', args: [], ...asked }).catch((error: unknown) => error);
    };
    const refused = await refusal(by);
    expect(refused).toMatchObject({ code: 'LAUNCH_FAILED' });
    expect(String(refused)).toBe(String(await refusal({ spawn })));
    startsNothing(by);
  });

  it('writes to the file that was opened for it, although another one is at its path since then', async () => {
    const { folder, inputFile, ...where } = await place();
    const log = await folder.openLog();
    const other = join(where.cwd, 'other');
    const swapping = {
      openLog: async () => {
        const { rename, writeFile } = await import('node:fs/promises');
        const opened = await folder.openLog();
        await rename(folder.log, other);
        await writeFile(folder.log, 'another file');
        return opened;
      },
    };
    await log.close();
    const by = await starter();
    const run = await launchDetached(by, { ...where, command: 'echo', args: ['hello'], folder: swapping, inputFile });
    await run.exited;
    expect([readFileSync(other, 'utf8'), readFileSync(folder.log, 'utf8')]).toEqual(['hello\n', 'another file']);
    startsNothing(by);
  });
});

describe('the helper', () => {
  it('is one process for all launches, in a session of its own, and has none of the variables', async () => {
    vi.stubEnv('A_SECRET', 'of this process');
    onTestFinished(() => void vi.unstubAllEnvs());
    const helpers = watchHelpers();
    const by = await starter();
    const runs = await Promise.all(
      Array.from({ length: 13 }, () => launch(by, 'sleep 600', { env: { ...process.env, KEY: 'k' } })),
    );
    const [helper = 0, ...others] = helpers();
    expect(others).toEqual([]);
    expect(childrenOf(helper).sort()).toEqual(runs.map(({ pid }) => pid).sort());
    expect(statOf(helper).slice(2, 4).map(Number)).toEqual([helper, helper]);
    expect(readFileSync(`/proc/${helper}/environ`, 'utf8')).not.toMatch(/A_SECRET|KEY/);
    startsNothing(by);
  });

  it('ends when it is closed, while the processes that it has started go on', async () => {
    const helpers = watchHelpers();
    const by = await starter();
    const run = await launch(by, 'sleep 600');
    expect(helpers()).toHaveLength(1);
    await Promise.all([by.helper.close(), by.helper.close()]);
    expect(helpers()).toEqual([]);
    expect(await run.isOurs()).toBe(true);
    const next = await launch(by, 'exit 3');
    expect(await next.exited).toEqual({ code: 3, signal: null });
    startsNothing(by);
  });

  it('leaves the end of its processes to a later process when it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const by = await starter();
    const run = await launch(by, 'exec sleep 600');
    const onExit = vi.fn();
    void run.exited.then(onExit);
    await by.helper.close();
    process.kill(run.pid, 'SIGKILL');
    await vi.waitUntil(() => !existsSync(`/proc/${run.pid}`) || statOf(run.pid)[0] === 'Z');
    for (let round = 0; round < 20; round++) {
      await vi.advanceTimersByTimeAsync(250);
      await readFile('/proc/self/stat'); // A look takes as long.
    }
    expect(onExit).not.toHaveBeenCalled();
  });

  it('is not used by a process that has given up rights since it was started', async () => {
    const by = await starter();
    await (await launch(by, 'true')).exited;
    startsNothing(by);
    const groups = vi.spyOn(process, 'geteuid').mockReturnValue(12_345);
    onTestFinished(() => groups.mockRestore());
    expect(
      await by.helper.start({ ...(await place()), command: 'true', args: [], files: await files() }),
    ).toBeUndefined();
  });

  it('is not used by a program that only contains Node.js', async () => {
    const path = process.execPath;
    process.execPath = '/opt/an-app';
    onTestFinished(() => {
      process.execPath = path;
    });
    const helpers = watchHelpers();
    const by = await starter();
    expect(await (await launch(by, 'exit 4')).exited).toEqual({ code: 4, signal: null });
    expect(by.spawn).toHaveBeenCalledTimes(1);
    expect(helpers()).toEqual([]);
  });

  it('is done without if it cannot be started', async () => {
    const path = process.execPath;
    process.execPath = join(tempFolder(), 'node');
    onTestFinished(() => {
      process.execPath = path;
    });
    const by = await starter();
    for (const code of [4, 5]) expect(await (await launch(by, `exit ${code}`)).exited).toEqual({ code, signal: null });
    expect(by.spawn).toHaveBeenCalledTimes(2);
  });
});

/** A launch under way, whose helper does not work. Its time limits do not pass by themselves. */
async function launchWithStoppedHelper(command: string) {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const helpers = watchHelpers();
  const by = await starter();
  const [helper = 0] = helpers();
  process.kill(helper, 'SIGSTOP');
  const launching = launch(by, command);
  await vi.waitUntil(() => vi.getTimerCount() > 0);
  return { by, helpers, helper, launching };
}

describe('a helper that answers late', () => {
  it('is not killed if its answer could not be read, because this process was blocked', async () => {
    const { by, helpers, helper, launching } = await launchWithStoppedHelper('exec sleep 600');
    process.kill(helper, 'SIGCONT');
    while (childrenOf(helper).length === 0); // This process is blocked.
    vi.advanceTimersByTime(5_000);
    (await launching).kill('SIGTERM');
    expect(await (await launching).exited).toEqual({ code: null, signal: 'SIGTERM' });
    expect(helpers()).toEqual([helper]);
    expect(await (await launch(by, 'exit 10')).exited).toEqual({ code: 10, signal: null });
    startsNothing(by);
  });

  /** A process that has ended while the helper hangs. */
  async function endedUnseen() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const helpers = watchHelpers();
    const by = await starter();
    const run = await launch(by, 'exec sleep 600');
    const [helper = 0] = helpers();
    onTestFinished(() => {
      vi.useRealTimers();
      if (isHelper(helper)) process.kill(helper, 'SIGCONT');
    });
    process.kill(helper, 'SIGSTOP');
    process.kill(run.pid, 'SIGKILL');
    await vi.waitUntil(() => statOf(run.pid)[0] === 'Z');
    const onExit = vi.fn();
    void run.exited.then(onExit);
    return { helper, by, onExit };
  }

  it('does not hide the end of a process: it is seen, without its exit code', async () => {
    const { onExit } = await endedUnseen();
    await vi.waitUntil(async () => {
      await vi.advanceTimersByTimeAsync(250);
      return onExit.mock.calls.length > 0;
    });
    expect(onExit).toHaveBeenCalledExactlyOnceWith({ code: null, signal: null });
  });

  it('gets some time to report the end, with the signal', async () => {
    const { helper, onExit } = await endedUnseen();
    const before = vi.getTimerCount();
    await vi.advanceTimersByTimeAsync(1_000);
    await vi.waitUntil(() => vi.getTimerCount() === before); // It has looked, and waits again.
    process.kill(helper, 'SIGCONT');
    await vi.waitUntil(() => onExit.mock.calls.length > 0);
    expect(onExit).toHaveBeenCalledExactlyOnceWith({ code: null, signal: 'SIGKILL' });
  });
});

async function files() {
  const { folder, inputFile } = await place();
  const [input, log] = [await open(inputFile), await folder.openLog()];
  onTestFinished(() => Promise.all([input.close(), log.close()]).then(() => {}));
  return { input, log };
}

describe('after the helper was killed', () => {
  it('a running process goes on and its end is seen, and the next one is started without the helper', async () => {
    const helpers = watchHelpers();
    const by = await starter();
    const run = await launch(by, 'sleep 600');
    const [helper = 0] = helpers();
    process.kill(helper, 'SIGKILL');
    await vi.waitUntil(() => !isHelper(helper));
    const next = await launch(by, 'exit 6');
    expect(await next.exited).toEqual({ code: 6, signal: null });
    expect(by.spawn).toHaveBeenCalledTimes(1);
    expect(await run.isOurs()).toBe(true);
    run.kill('SIGTERM');
    expect(await run.exited).toEqual({ code: null, signal: null });
  });

  it('a launch that the helper had not begun is made without it', async () => {
    const helpers = watchHelpers();
    const by = await starter();
    const [helper = 0] = helpers();
    process.kill(helper, 'SIGSTOP');
    const launching = launch(by, 'echo once; exit 7');
    await delay(20); // The request is in the pipe, or comes there after the kill; it must not matter.
    process.kill(helper, 'SIGKILL');
    const run = await launching;
    expect(await run.exited).toEqual({ code: 7, signal: null });
    expect(run.log()).toBe('once\n');
    expect(by.spawn).toHaveBeenCalledTimes(1);
  });

  it('a launch during which it was killed has started its process once, or fails and has started none', async () => {
    const seen = { helped: 0, spawned: 0, failed: 0 };
    for (let round = 0; round < 30; round++) {
      const helpers = watchHelpers();
      const by = await starter();
      const [helper = 0] = helpers();
      const where = await place();
      const launching = launchDetached(by, {
        ...where,
        command: 'sh',
        args: ['-c', 'echo once; exec sleep 600'],
      }).catch(() => undefined);
      await delay(round / 5);
      process.kill(helper, 'SIGKILL');
      const run = await launching;
      const log = (): string => readFileSync(where.folder.log, 'utf8');
      if (run) {
        await vi.waitUntil(() => log() !== '');
        run.kill('SIGKILL');
        await run.exited;
      }
      expect(log()).toBe(run ? 'once\n' : '');
      if (!run) seen.failed++;
      else if (by.spawn.mock.calls.length > 0) seen.spawned++;
      else seen.helped++;
    }
    console.log(seen);
    expect(seen.helped + seen.spawned).toBeGreaterThan(0);
  });

  it('a helper that hangs is killed, and the launch is made without it', async () => {
    const { helper, launching } = await launchWithStoppedHelper('exit 8');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(await (await launching).exited).toEqual({ code: 8, signal: null });
    expect(existsSync(`/proc/${helper}`) && isHelper(helper)).toBe(false);
  });
});

describe('a process is found by its open files', () => {
  const start = async (child: ChildProcess): Promise<number> => {
    onTestFinished(() => void child.kill('SIGKILL'));
    await new Promise((resolve) => child.once('spawn', resolve));
    return child.pid ?? 0;
  };

  it('only the process that leads its group and has both files is found', async () => {
    const [own, other] = [await files(), await files()];
    const leads = (input: number, log: number, detached = true): ChildProcess =>
      spawn('sleep', ['600'], { detached, stdio: [input, log, log] });
    await start(leads(own.input.fd, other.log.fd));
    await start(leads(own.input.fd, own.log.fd, false));
    expect(await processWithFiles(own)).toBeUndefined();
    const pid = await start(leads(own.input.fd, own.log.fd));
    expect(await processWithFiles(own)).toMatchObject({ pid });
  });
});
