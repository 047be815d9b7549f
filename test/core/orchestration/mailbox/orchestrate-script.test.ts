import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { orchestrateScript } from '../../../../src/core/orchestration/mailbox/orchestrate-script.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A shell's name, path and first arguments; an empty list if the shell is not installed. */
function shellHere(name: string, ...before: string[]): [string, string, ...string[]][] {
  const { stdout } = spawnSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' });
  return stdout === '' ? [] : [[name, stdout.trim(), ...before]];
}
const SHELLS = [...shellHere('sh'), ...shellHere('dash'), ...shellHere('bash'), ...shellHere('busybox', 'sh')];

interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}
interface Command {
  child: ChildProcess;
  exit: Promise<Exit>;
}

/** The folder where the command and the process meet, with the command's script. */
class Meeting {
  readonly path = join(tempFolder(), "a 'meeting' $(place)");
  readonly requests = join(this.path, 'requests');
  readonly answers = join(this.path, 'answers');
  readonly script = join(this.path, 'orchestrate');

  constructor() {
    for (const folder of [this.path, this.requests, this.answers]) mkdirSync(folder);
    writeFileSync(this.script, orchestrateScript(this.path));
  }

  start([, shell, ...before]: readonly string[], args: readonly string[], input: string | null = ''): Command {
    const child = spawn(shell ?? '', [...before, this.script, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const collected = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        collected[name] += chunk;
      });
    }
    child.stdin.on('error', () => {}); // A command that ends at once does not have to read.
    if (input !== null) child.stdin.end(input);
    const exit = new Promise<Exit>((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal, ...collected })),
    );
    return { child, exit };
  }

  /** The arguments and the id of the only request, as soon as it is there. */
  async request(): Promise<{ id: string; args: string[] }> {
    const name = await eventually(
      () => {
        const names = readdirSync(this.requests);
        expect(names).toEqual([expect.stringMatching(/^([0-9a-f-]{36}|\d+\.\d+)\.args$/)]);
        return names[0] ?? '';
      },
      { interval: 5 },
    );
    const content = readFileSync(join(this.requests, name), 'utf8');
    expect(content.endsWith('\0')).toBe(true);
    return { id: name.replace('.args', ''), args: content.slice(0, -1).split('\0') };
  }

  /** In one step, because the command takes whatever it sees for the whole answer. */
  answer(id: string, content: string): void {
    const part = join(this.answers, `.${id}`);
    writeFileSync(part, content);
    renameSync(part, join(this.answers, id));
  }

  /** The arguments of a command that arrive at the process, which answers with an empty text. */
  async arriving(shell: readonly string[], args: readonly string[], input?: string): Promise<string[]> {
    const { exit } = this.start(shell, args, input);
    const { id, args: arrived } = await this.request();
    this.answer(id, '0\n');
    expect(await exit).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    return arrived;
  }
}

const HARD = [
  'create',
  '--mode',
  '-n',
  '-e',
  '--',
  '',
  'two\nlines\n',
  '\n',
  'it\'s "quoted"',
  '$(touch here) `touch here` $HOME',
  'back\\slash \\n \\000 \\c %s %d',
  'Grüße 🦊 日本語',
  ' \t spaces \t ',
  '*',
  '~',
  '\u0001\u001b[31m\r',
  '',
];

it('the orchestrate script is for /bin/sh and quotes the path of its folder', () => {
  const script = orchestrateScript("/run/it's");
  expect(script).toMatch(/^#!\/bin\/sh\n/);
  expect(script).toContain(String.raw`meeting='/run/it'\''s'`);
});

describe.each(SHELLS)('the orchestrate command in %s', (...shell) => {
  it('orchestrate sends its arguments byte for byte', async () => {
    expect(await new Meeting().arriving(shell, HARD)).toEqual(HARD);
  });

  it('orchestrate sends a text that is longer than the buffer of a pipe', async () => {
    const long = `${'x'.repeat(100_000)}\n`;
    expect(await new Meeting().arriving(shell, ['create', long])).toEqual(['create', long]);
  });

  it('orchestrate without arguments sends the command help', async () => {
    expect(await new Meeting().arriving(shell, [])).toEqual(['help']);
  });

  const text = `${HARD.join('\n')}\n- a list\n${'x'.repeat(200_000)}`;
  it.each([
    ['after two inserted dashes', ['create', '--json', '-'], ['create', '--json', '--', text]],
    ['after two dashes that are already there', ['create', '--', '-'], ['create', '--', text]],
    ['after empty and hard arguments', ['', "'", '-'], ['', "'", '--', text]],
    ['as the only argument', ['-'], ['--', text]],
  ])('orchestrate replaces a last dash by the text of standard input, %s', async (_, args, expected) => {
    expect(await new Meeting().arriving(shell, args, `${text}\n\n`)).toEqual(expected);
  });

  it.each([['- first'], ['create', '-', '--json'], ['--', '--'], ['-x']])(
    'orchestrate takes no other dash for standard input: %j',
    async (...args) => {
      expect(await new Meeting().arriving(shell, args, 'input')).toEqual(args);
    },
  );

  it('orchestrate does not wait for the end of an input that is not needed', async () => {
    const meeting = new Meeting();
    const { exit } = meeting.start(shell, ['list'], null);
    meeting.answer((await meeting.request()).id, '0\nnone\n');
    expect(await exit).toMatchObject({ code: 0, stdout: 'none\n' });
  });

  it.each([
    [0, 'stdout'],
    [3, 'stdout'],
    [4, 'stdout'],
    [1, 'stderr'],
    [2, 'stderr'],
    [99, 'stderr'],
  ] as const)('orchestrate ends with exit code %s of its answer and writes the text to %s', async (code, where) => {
    const meeting = new Meeting();
    const { exit } = meeting.start(shell, ['list']);
    const answer = ' \\n $HOME\n\n\tGrüße\n-n\nno end of line';
    meeting.answer((await meeting.request()).id, `${code}\n${answer}`);
    expect(await exit).toEqual({ code, signal: null, stdout: '', stderr: '', [where]: answer });
  });

  it.each(['', '\n0\n', 'zero\nx', '1000\nx', '-1\n', '0 0\n', '*\n'])(
    'orchestrate fails if the answer is malformed: %j',
    async (answer) => {
      const meeting = new Meeting();
      const { exit } = meeting.start(shell, ['list']);
      meeting.answer((await meeting.request()).id, answer);
      expect(await exit).toMatchObject({ code: 1, stdout: '', stderr: 'orchestrate: the answer cannot be read\n' });
    },
  );

  it('orchestrate fails if the file of the answer cannot be read', async () => {
    const meeting = new Meeting();
    const { exit } = meeting.start(shell, ['list']);
    mkdirSync(join(meeting.answers, (await meeting.request()).id)); // Root can read every file, but not a folder.
    const { code, stderr } = await exit;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('the answer cannot be read') });
    expect(readdirSync(meeting.requests)).toEqual([]);
  });

  it.each([
    ['SIGHUP', 129],
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('orchestrate withdraws its request on %s', async (signal, code) => {
    const meeting = new Meeting();
    const { child, exit } = meeting.start(shell, ['wait']);
    await meeting.request();
    child.kill(signal);
    expect(await exit).toEqual({ code, signal: null, stdout: '', stderr: '' });
    expect(readdirSync(meeting.requests)).toEqual([]);
  });

  it('orchestrate says that the command works only inside an orchestration session', async () => {
    const meeting = new Meeting();
    rmSync(meeting.requests, { recursive: true });
    const { code, stdout, stderr } = await meeting.start(shell, ['list']).exit;
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'orchestrate: this works only inside an orchestration session\n',
    });
  });

  it('orchestrate works with an empty environment', async () => {
    const meeting = new Meeting();
    const child = spawn('/usr/bin/env', ['-i', ...shell.slice(1), meeting.script, 'list'], { stdio: 'pipe' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const exit = new Promise((resolve) => child.on('close', resolve));
    meeting.answer((await meeting.request()).id, '4\n');
    expect(await exit).toBe(4);
  });
});
