import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SetupFollower } from '../../../../src/core/orchestration/mailbox/setup-follower.js';
import { MOST_OUTPUT_BYTES, SETUP_PLACE, setupWords } from '../../../../src/core/orchestration/mailbox/setup-script.js';
import type { SetupCommand, SetupObservation } from '../../../../src/core/orchestration/session/setup.js';
import { redaction } from '../../../../src/core/orchestration/util/redact.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CLAUDE = ['/bin/sh', '-c', 'cat; echo "claude $ao_at $RUN $*"', 'sh', 'a b'];
/** The shells of Debian and of Alpine, as far as this machine has them. */
const SHELLS = [['sh'], ['busybox', 'sh']].filter(([name = '']) => spawnSync('which', [name]).status === 0);

/** Runs the script as a container would, and follows it. */
async function setup(
  commands: readonly SetupCommand[],
  { shell = ['sh'], terminal = false, redact = [] as string[] } = {},
) {
  const folder = tempFolder();
  const words = setupWords(commands, terminal).map((word) => word.replaceAll(SETUP_PLACE, folder));
  const [command = 'sh', ...args] = [...shell, ...words.slice(1), ...CLAUDE];
  const follower = new SetupFollower({ folder, commands, redact: redaction(redact) });
  onTestFinished(() => follower.close());
  const seen: SetupObservation[] = [];
  void follower.follow((observations) => void seen.push(...observations));
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  onTestFinished(() => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  });
  child.stdin.end('prompt\n');
  const output = text(child.stdout);
  const [code] = await once(child, 'exit');
  await follower.look();
  const written = seen.flatMap((each) => (each.state === 'output' ? [each.text] : [])).join('');
  return { folder, code, output, seen, written, follower };
}

describe.each(SHELLS)('the setup in a container whose shell is %s %s', (...shell) => {
  it('runs the commands in order, reports their output, and becomes Claude with its input and arguments', async () => {
    const commands = [{ run: 'echo one; echo two >&2; pwd' }, { run: 'cat; exit 0' }, { run: "printf 'no line end'" }];
    const { code, output, seen, written, follower } = await setup(commands, { shell });
    expect(code).toBe(0);
    expect(await output).toBe('prompt\nclaude   a b\n');
    expect(written).toBe(`one\ntwo\n${process.cwd()}\nno line end\n`);
    expect(seen.flatMap(({ index, state }) => (state === 'output' ? [] : [`${index} ${state}`]))).toEqual([
      ...['0 begun', '0 ended', '1 begun', '1 ended', '2 begun', '2 ended'],
    ]);
    expect(seen.at(-1)).toMatchObject({ exitCode: 0, last: true });
    expect(follower.failure).toBeUndefined();
  });

  it('a command that fails ends the setup, and Claude does not begin', async () => {
    const commands = [{ run: 'echo broken >&2; exit 3' }, { run: 'echo never' }];
    const { code, output, seen, follower } = await setup(commands, { shell });
    expect(code).toBe(98);
    expect(await output).toBe('');
    expect(seen.at(-1)).toMatchObject({ index: 0, state: 'ended', exitCode: 3, last: true });
    expect(follower.failure).toMatch(/setup\[0\].*exit code 3.*broken/);
  });

  it('a command that waits for input, or hangs with children that ignore signals, ends after its time', async () => {
    const hang = "trap '' TERM INT HUP; (trap '' TERM; sleep 60) & echo waiting; read line; wait";
    const { code, seen, follower } = await setup([{ run: hang, timeoutMs: 1_000 }], { shell });
    expect(code).toBe(98);
    expect(seen.at(-1)).toMatchObject({ state: 'ended', timedOut: true, last: true });
    expect(follower.failure).toMatch(/took longer than its timeoutMs \(1000 ms\).*waiting/);
  });

  it('a program left in the background with the output open neither holds the setup up nor dies of it', async () => {
    const fork = '(sleep 2; echo late; echo alive > "$0.alive") & echo begun';
    const marker = join(tempFolder(), 'fork');
    const { code, written } = await setup([{ run: fork.replaceAll('$0', marker) }], { shell });
    expect(code).toBe(0);
    expect(written).toBe('begun\n');
    await eventually(() => expect(readFileSync(`${marker}.alive`, 'utf8')).toBe('alive\n'));
  });

  it('an endless output is kept to a limit, and its end is reported', async () => {
    const run = 'yes aaaaaaaaaaaaaaa | head -n 1000000; echo the very end; exit 1';
    const { folder, written, follower } = await setup([{ run }], { shell });
    expect(statSync(join(folder, '0.out')).size).toBeLessThanOrEqual(MOST_OUTPUT_BYTES);
    expect(written.length).toBeLessThan(300_000);
    expect(written).toContain('the very end');
    expect(follower.failure).toContain('the very end');
  });

  it('the output is shown in a terminal, too', async () => {
    const { output, written } = await setup([{ run: 'echo hello' }], { shell, terminal: true });
    expect(await output).toBe('setup: echo hello\nhello\nprompt\nclaude   a b\n');
    expect(written).toBe('hello\n');
  });
});

describe('what is reported of a setup', () => {
  it('lines that look like events of Claude are only text', async () => {
    const { output, written } = await setup([{ run: `echo '{"type":"result","subtype":"success"}'` }]);
    expect(await output).not.toContain('result');
    expect(written).toContain('"result"');
  });

  it('values of variables and control characters are left out, in the command as well', async () => {
    const secret = 'sk-ant-secret-value';
    const { seen, written } = await setup([{ run: `printf 'a \\033[31m${secret}\\033[0m b\\n'` }], {
      redact: [secret, 'a'],
    });
    expect(written).toBe('a *** b\n');
    expect(JSON.stringify(seen)).not.toContain(secret);
  });

  it('a later process reports the same from the beginning', async () => {
    const commands = [{ run: 'echo one' }, { run: 'exit 4' }];
    const { folder, seen, follower } = await setup(commands);
    const later = new SetupFollower({ folder, commands, redact: (line) => line });
    const again: SetupObservation[] = [];
    await later.follow((observations) => void again.push(...observations));
    later.close();
    expect(again).toEqual(seen);
    expect(later.failure).toBe(follower.failure);
  });

  it('a setup that is over before anybody follows is reported all the same', async () => {
    const commands = [{ run: 'echo one; exit 4' }];
    const { folder, seen } = await setup(commands);
    const late = new SetupFollower({ folder, commands, redact: (line) => line });
    await late.finish();
    expect(late.failure).toContain('exit code 4');
    const again: SetupObservation[] = [];
    await late.follow((observations) => void again.push(...observations));
    expect(again).toEqual(seen);
  });

  it('links, pipes, folders and endless files in the place of the files are not read', async () => {
    const folder = tempFolder();
    const secret = join(tempFolder(), 'secret');
    writeFileSync(secret, 'a secret\n');
    symlinkSync(secret, join(folder, '0.out'));
    const commands = [{ run: 'a' }, { run: 'b' }];
    const seen: SetupObservation[] = [];
    const follower = new SetupFollower({ folder, commands, redact: (line) => line });
    void follower.follow((observations) => void seen.push(...observations));
    writeFileSync(join(folder, '0.code'), '0\n');
    execFileSync('mkfifo', [join(folder, '1.out')]);
    mkdirSync(join(folder, '1.code'));
    await follower.look();
    follower.close();
    expect(JSON.stringify(seen)).not.toContain('secret');
    expect(seen.some(({ index }) => index === 1)).toBe(false);
  });
});
