import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OrchestrationError } from 'autonomous-orchestration';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { inputBox, literalInput } from '../../src/core/orchestration/executors/terminal/claude-input.js';
import { Tmux } from '../../src/core/orchestration/executors/terminal/tmux.js';
import { removeFolder } from '../support/temp-folder.js';

const run = promisify(execFile);
const SOCKET = `ao-test-${process.pid}`;

let folder: string;
let tmux: Tmux;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'tmux-')));
  tmux = new Tmux({ env: { ...process.env, SECRET_TOKEN: 's3cret' }, socket: SOCKET });
});

afterAll(async () => {
  // The server of this socket, with everything that the tests have left in it.
  await run('tmux', ['-L', SOCKET, 'kill-server']).catch(() => {});
  await removeFolder(folder);
});

/**
 * An input box as Claude Code's UI has it: pastes are bracketed and collected for a moment in which Enter is ignored, long
 * ones are shown folded. It writes each submitted text to a file, as one JSON line.
 */
const UI = `
import { appendFileSync } from 'node:fs';
const [, , out, mode] = process.argv;
const rule = '─'.repeat(80);
let input = '', pasting, timer;
const draw = () => {
  const shown = input.length > 300 ? '[Pasted text #1 +' + input.split('\\n').length + ' lines]' : input;
  const box = mode === 'dialog' ? '❯ 1. No, exit\\r\\n  2. Yes' : [rule, '❯ ' + shown.replaceAll('\\n', '\\r\\n  '), rule].join('\\r\\n');
  process.stdout.write('\\x1b[2J\\x1b[H' + '● said before\\r\\n' + box + '\\r\\n  status');
};
process.stdin.setRawMode(true).setEncoding('utf8').on('data', (data) => {
  for (const part of data.split(/(\\x1b\\[20[01]~|\\r)/)) {
    if (part === '\\x1b[200~') pasting = '';
    else if (part === '\\x1b[201~') {
      const text = pasting;
      pasting = undefined;
      timer = setTimeout(() => { timer = undefined; input += text; draw(); }, 100);
    } else if (pasting !== undefined) pasting += part === '\\r' ? '\\n' : part;
    else if (part === '\\r') {
      if (timer || mode === 'deaf') continue;
      appendFileSync(out, JSON.stringify(input) + '\\n');
      input = '';
      draw();
    } else input += part;
  }
});
process.stdout.write('\\x1b[?2004h');
draw();
`;

/** A tmux session with such an input box, and a function that returns the submitted texts. */
async function ui(name: string, mode = 'box'): Promise<{ submitted: () => Promise<string[]> }> {
  const [program, out, script] = ['ui.mjs', `${name}.out`, `${name}.sh`].map((file) => join(folder, file)) as [
    string,
    string,
    string,
  ];
  await writeFile(program, UI);
  await writeFile(out, '');
  await writeFile(script, `exec '${process.execPath}' '${program}' '${out}' '${mode}'\n`);
  await tmux.start(name, script, folder);
  onTestFinished(() => tmux.close(name));
  await expect.poll(() => tmux.screen(name)).toContain('status');
  const submitted = async () =>
    (await readFile(out, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as string);
  return { submitted };
}

/** A tmux session that runs this shell script. */
async function shell(name: string, text: string): Promise<number> {
  const script = join(folder, `${name}.sh`);
  await writeFile(script, text);
  onTestFinished(() => tmux.close(name));
  return tmux.start(name, script, folder);
}

const failureOf = (call: Promise<unknown>): Promise<OrchestrationError> =>
  call.then(
    () => expect.unreachable('it did not fail'),
    (error: unknown) => {
      expect(error).toBeInstanceOf(OrchestrationError);
      return error as OrchestrationError;
    },
  );

describe('a tmux session', () => {
  it('a tmux session runs a script in its folder and ends with the script', async () => {
    const pid = await shell('ao-runs-1', `pwd > '${folder}/pwd'; echo $$ > '${folder}/pid'; read line\n`);
    expect(await tmux.has('ao-runs-1')).toBe(true);
    await expect.poll(() => readFile(join(folder, 'pid'), 'utf8').catch(() => '')).toBe(`${pid}\n`);
    expect(await readFile(join(folder, 'pwd'), 'utf8')).toBe(`${folder}\n`);

    await tmux.close('ao-runs-1');
    expect(await tmux.has('ao-runs-1')).toBe(false);
    await tmux.close('ao-runs-1');
    expect(await tmux.screen('ao-runs-1')).toBe('');
    await shell('ao-runs-2', 'exit 3\n');
    await expect.poll(() => tmux.has('ao-runs-2')).toBe(false);
  });

  it('a tmux session runs in a folder of any name', async () => {
    const cwd = join(folder, '#(touch planted) #S #{pid} \'"$HOME;');
    await mkdir(cwd);
    const script = join(cwd, 'script;');
    await writeFile(script, `pwd > '${folder}/odd'; read line\n`);
    onTestFinished(() => tmux.close('ao-odd-1'));
    await tmux.start('ao-odd-1', script, cwd);
    await expect.poll(() => readFile(join(folder, 'odd'), 'utf8').catch(() => '')).toBe(`${cwd}\n`);
    expect(await readdir(cwd)).toEqual(['script;']);
  });

  it('a tmux session is found by its whole name only', async () => {
    const pid = await shell('ao-name-10', 'read line\n');
    expect(await tmux.has('ao-name-1')).toBe(false);
    expect([await tmux.pid('ao-name-10'), await tmux.pid('ao-name-1')]).toEqual([pid, undefined]);
    await tmux.close('ao-name-1');
    expect(await tmux.has('ao-name-10')).toBe(true);
    expect(tmux.attachCommand('ao-name-10')).toBe(`tmux -L ${SOCKET} attach-session -t '=ao-name-10'`);
  });

  it.each(['a.b', 'a:b', '', 'A', '=a', '-t a', 'a\nb'])('a tmux session cannot be called %j', async (name) => {
    expect(await failureOf(tmux.start(name, '/bin/true', folder))).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(await failureOf(tmux.has(name))).toMatchObject({ code: 'INVALID_OPTIONS' });
    expect(() => tmux.attachCommand(name)).toThrow(OrchestrationError);
  });

  it('the tmux server inherits no secret, folder, file or process group from the process', async () => {
    const pid = await shell(
      'ao-server-1',
      `env > '${folder}/env.part'; mv '${folder}/env.part' '${folder}/env'; read line\n`,
    );
    await expect.poll(() => readFile(join(folder, 'env'), 'utf8').catch(() => '')).toContain('PATH=');
    expect(await readFile(join(folder, 'env'), 'utf8')).not.toContain('s3cret');
    if (process.platform !== 'linux') return;
    const server = (await run('ps', ['-o', 'ppid=', '-p', String(pid)])).stdout.trim();
    const { stdout } = await run('ps', ['-o', 'pid=,sid=', '-p', server]);
    expect(stdout.trim().split(/\s+/)).toEqual([server, server]);
    expect(await readlink(`/proc/${server}/cwd`)).toBe('/');
    expect(await readlink(`/proc/${server}/fd/1`)).toBe('/dev/null');
    expect(await readFile(`/proc/${server}/environ`, 'utf8')).not.toContain('s3cret');
  });

  it('the screen of a tmux session is read without escape sequences', async () => {
    await shell('ao-screen-1', "printf '\\033[31mred\\033[0m\\n\\n\\nlast'; read line\n");
    await expect.poll(() => tmux.screen('ao-screen-1')).toBe('red\nlast');
  });
});

describe('a typed text', () => {
  it.each([
    ['one line', 'Say hello'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what looks like one must arrive, too
    ['several lines', 'one\n  two {x} ${y}\n\nthree; "four" \\ \'five\''],
    ['a short text', 'b'],
    ['a word without width', literalInput('exit')],
    ['other scripts', 'Grüße 漢字 😀'],
    ['a long text', Array.from({ length: 400 }, (_, i) => `line ${i} of a text`).join('\n')],
  ])('a typed text is submitted unchanged: %s', async (_, text) => {
    const { submitted } = await ui('ao-type-1');
    await tmux.type('ao-type-1', text);
    await expect.poll(submitted).toEqual([text]);
  });

  it('a typed text loses the control characters that a terminal would obey', async () => {
    const { submitted } = await ui('ao-type-2');
    await tmux.type('ao-type-2', 'a\u001b[201~\r/exit\r\u0003\u0004b\u009b31mc\u007f\r\nd');
    await expect.poll(submitted).toHaveLength(1);
    const [text] = await submitted();
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(text).toMatch(/^a\n\/exit\n.*b.*\nd$/s);
  });

  it('several texts are submitted one after another, in order', async () => {
    const { submitted } = await ui('ao-type-3');
    const texts = ['first', 'second', 'first', 'third'];
    await Promise.all(texts.map((text) => tmux.type('ao-type-3', text)));
    await expect.poll(submitted).toEqual(texts);
  });

  it('a text is neither typed nor submitted if no input box is visible', async () => {
    const { submitted } = await ui('ao-dialog-1', 'dialog');
    const ended = failureOf(new Tmux({ env: process.env, socket: SOCKET, patienceMs: 300 }).type('ao-dialog-1', 'yes'));
    const { code, message } = await ended;
    expect(code).toBe('ILLEGAL_TRANSITION');
    expect(message).toContain('1. No, exit');
    expect(message).toContain("attach-session -t '=ao-dialog-1'");
    expect(await submitted()).toEqual([]);
  });

  it('a text that stays in the input box is reported', async () => {
    await ui('ao-deaf-1', 'deaf');
    const { code, message } = await failureOf(
      new Tmux({ env: process.env, socket: SOCKET, patienceMs: 2_000 }).type('ao-deaf-1', 'hello there'),
    );
    expect([code, message]).toEqual(['ILLEGAL_TRANSITION', expect.stringContaining('❯ hello there')]);
  });

  it('typing fails if the tmux session is gone or the text is empty', async () => {
    expect(await failureOf(tmux.type('ao-gone-1', 'hello'))).toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    expect(await failureOf(tmux.type('ao-gone-1', ' \n\u001b'))).toMatchObject({ code: 'INVALID_OPTIONS' });
  });
});

describe('tmux', () => {
  it('tmux is required, and the error says how to install it', async () => {
    await tmux.require();
    const { code, message } = await failureOf(new Tmux({ env: { PATH: folder } }).require());
    expect(code).toBe('TMUX_NOT_FOUND');
    expect(message).toContain("Debian's package tmux");
    expect(message).toContain('brew install tmux');
  });
});

describe('inputBox', () => {
  const rule = '─'.repeat(200);
  it.each([
    ['an empty box', `● ok\n${rule}\n❯ \n${rule}\n  status\n`, ' '],
    ['a box with several lines', `${rule}\n❯ a\n  b\n${rule}\n`, ' a\n  b'],
    ['the last box', `${rule}\nold\n${rule}\n● ok\n${rule}\n❯ new\n${rule}\n`, ' new'],
    ['a box with a name in its frame', `──────────────── name ──\n❯ x\n${rule}\n`, ' x'],
    ['no box in a dialog', `${rule}\n Do you want to proceed?\n ❯ 1. Yes\n`, undefined],
    ['no box that takes a shell command', `${rule}\n! ls\n${rule}\n`, undefined],
    ['no box on an empty screen', '', undefined],
  ])('inputBox finds %s', (_, screen, box) => expect(inputBox(screen)).toBe(box));
});

describe('literalInput', () => {
  it.each([
    ['Fix src/index.ts', 'Fix src/index.ts'],
    ['/help', '\u200b/help'],
    [' /help', '\u200b /help'],
    ['!ls', '\u200b!ls'],
    ['# note', '\u200b# note'],
    ['exit', '\u200bexit'],
    [' :wq\n', '\u200b :wq\n'],
    ['exit\nnow', 'exit\nnow'],
    ['C:\\', 'C:\\ '],
  ])('literalInput turns %j into %j', (text, literal) => expect(literalInput(text)).toBe(literal));
});
