import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SessionFolder } from '../../src/core/orchestration/contract/session-folder.js';
import { startInTerminal } from '../../src/core/orchestration/executors/terminal/terminal-process.js';
import { Tmux } from '../../src/core/orchestration/executors/terminal/tmux.js';
import { errorOf } from '../support/errors.js';
import { tempFolder } from '../support/temp-folder.js';

/** Runs the script as a terminal would, but without a terminal. */
class Bare extends Tmux {
  readonly started: { script: string; cwd: string; text: string }[] = [];

  override async start(_name: string, script: string, cwd: string): Promise<number> {
    this.started.push({ script, cwd, text: readFileSync(script, 'utf8') });
    const child = spawn('sh', [script], { cwd, env: { PATH: process.env.PATH }, stdio: 'ignore' });
    return child.pid ?? 0;
  }
}

async function scene() {
  const folder = new SessionFolder(tempFolder(), 'session');
  await folder.create();
  const cwd = tempFolder();
  return { folder, cwd, tmux: new Bare({ env: process.env }) };
}

const options = { name: 'ao-session-1', env: {} };

describe('a command in a terminal', () => {
  const word = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\0', ''));
  const shell = fc
    .array(fc.constantFrom("'", '"', '\\', '$', '`', '(', ')', '\n', ';', '#', '!', '*', ' ', '-', '~', 'a'))
    .map((parts) => parts.join(''));
  const any = fc.oneof(word, shell);

  it('a command and its variables arrive byte for byte, whatever they contain', async () => {
    const { folder, cwd, tmux } = await scene();
    const out = join(cwd, 'out.json');
    const program = join(cwd, 'program.mjs');
    writeFileSync(
      program,
      "import { writeFileSync } from 'node:fs';\n" +
        'const { A_B, _c9 } = process.env;\n' +
        'writeFileSync(process.argv[2], JSON.stringify({ args: process.argv.slice(3), A_B, _c9 }));\n',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 5 }), any, any, async (args, A_B, _c9) => {
        const command = [process.execPath, program, out, ...args];
        const started = await startInTerminal(tmux, { ...options, command, env: { A_B, _c9 }, cwd, folder });
        await started.exited;
        // Half of a surrogate pair is no character, on either side.
        const well = (text: string): string => Buffer.from(text, 'utf8').toString('utf8');
        expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({ args: args.map(well), A_B: well(A_B), _c9: well(_c9) });
      }),
      { numRuns: 15 },
    );
    expect(readdirSync(cwd).sort()).toEqual(['out.json', 'program.mjs']);
  });

  it.each([0, 3, 127, 137])('the exit code of a command is reported: %i', async (code) => {
    const { folder, cwd, tmux } = await scene();
    const { exited } = await startInTerminal(tmux, { ...options, command: ['sh', '-c', `exit ${code}`], cwd, folder });
    expect(await exited).toEqual({ code, signal: null });
  });

  it('a command that is killed together with its terminal has no exit code', async () => {
    const { folder, cwd, tmux } = await scene();
    const started = await startInTerminal(tmux, { ...options, command: ['sh', '-c', 'kill -9 $PPID'], cwd, folder });
    expect(await started.exited).toEqual({ code: null, signal: null });
  });

  it('a command does not report the exit code of an earlier run', async () => {
    const { folder, cwd, tmux } = await scene();
    writeFileSync(join(folder.path, 'terminal.exit'), '0\n');
    const started = await startInTerminal(tmux, { ...options, command: ['sh', '-c', 'kill -9 $PPID'], cwd, folder });
    expect(await started.exited).toEqual({ code: null, signal: null });
  });
});

describe('the script of a terminal', () => {
  it('the script is in the folder of the guard and is deleted as soon as it runs', async () => {
    const { folder, cwd, tmux } = await scene();
    const script = join(folder.guard, 'terminal.sh');
    const command = ['sh', '-c', `test -e '${script}'`];
    const { exited } = await startInTerminal(tmux, { ...options, command, env: { TOKEN: 'secret' }, cwd, folder });
    expect(tmux.started).toMatchObject([{ script, cwd, text: expect.stringContaining("export TOKEN='secret'") }]);
    expect((await exited).code).toBe(1);
    expect(existsSync(script)).toBe(false);
    expect(readdirSync(folder.guard)).not.toContain('terminal.sh');
  });

  it('the script leaves out names that a shell does not accept as variables', async () => {
    const { folder, cwd, tmux } = await scene();
    const env = { 'BASH_FUNC_x%%': '() { touch planted; }', 'a-b': '1', '1a': '1', 'x=$(touch planted)': '1', OK: '1' };
    await (
      await startInTerminal(tmux, { ...options, command: ['true'], env: { ...env, NONE: undefined }, cwd, folder })
    ).exited;
    expect(tmux.started[0]?.text.match(/^export .*$/gm)).toEqual(["export OK='1'"]);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it('the script is deleted if tmux is missing', async () => {
    const { folder, cwd } = await scene();
    const tmux = new Tmux({ env: { PATH: cwd } });
    const starts = startInTerminal(tmux, { ...options, command: ['true'], env: { TOKEN: 'secret' }, cwd, folder });
    await errorOf(starts, 'TMUX_NOT_FOUND');
    expect(existsSync(join(folder.guard, 'terminal.sh'))).toBe(false);
  });

  it('a script that cannot be written fails with STATE_NOT_WRITABLE', async () => {
    const { folder, cwd, tmux } = await scene();
    mkdirSync(join(folder.guard, 'terminal.sh'), { recursive: true });
    const starts = startInTerminal(tmux, { ...options, command: ['true'], cwd, folder });
    await errorOf(starts, 'STATE_NOT_WRITABLE');
    expect(tmux.started).toEqual([]);
  });
});

it('a real terminal ends with its command', async () => {
  const { folder, cwd } = await scene();
  const socket = `ao-process-${process.pid}`;
  const tmux = new Tmux({ env: process.env, socket });
  onTestFinished(async () => void (await promisify(execFile)('tmux', ['-L', socket, 'kill-server']).catch(() => {})));
  const command = ['sh', '-c', 'test -t 0 && test -t 1 && sleep 0.3 && exit 5'];
  const { exited, identity } = await startInTerminal(tmux, { ...options, command, cwd, folder });
  expect(identity).toBeDefined();
  expect((await exited).code).toBe(5);
  await expect.poll(() => tmux.has(options.name)).toBe(false);
});
