// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ChannelCoder's syntax, in plain text
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type ClaudeOptions, session, worktreeUtils } from 'channelcoder';
import { describe, expect, expectTypeOf, it, onTestFinished, vi } from 'vitest';
import { ADDED_FLAGS } from '../../../../src/core/orchestration/channelcoder/added-flags.js';
import { executables } from '../../../support/executables.js';
import { git, repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

/**
 * The quirks of ChannelCoder that this library works around, each against the real package. A test that
 * fails here after an upgrade is good news: its message says which of our workarounds can go.
 */
const DOCKER = { image: 'image', cwd: '/work', env: { KEY: 'value' }, mounts: ['/a:/b'] };

interface DryRun {
  command?: string;
  args?: string[];
  prompt?: string;
  fullCommand?: string;
}

async function dryRun(prompt: string, options: object = {}, of = session({ autoSave: false })): Promise<DryRun> {
  const { success, data, error } = await of.detached(prompt, { ...options, dryRun: true });
  if (!success) throw new Error(error);
  return data as DryRun;
}

/** Puts scripts first on the PATH of this process. */
function onPath(scripts: Record<string, string>): string {
  const folder = executables(scripts);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return folder;
}

/** A docker that notes its calls and refuses what the real one refuses: flags before the command. */
const FAKE_DOCKER = [
  'echo "$*" >> "$(dirname "$0")/calls"',
  'case "$1" in --version) echo "Docker version 28"; exit 0 ;; esac',
  // ChannelCoder crashes its process (EPIPE, unhandled) if nobody reads the prompt.
  'cat > /dev/null',
  'case "$1" in -d) echo "unknown shorthand flag" >&2; exit 125 ;; esac',
  'echo 0123456789abcdef',
].join('\n');

describe('ChannelCoder', () => {
  it('the installed ChannelCoder is the release on which these quirks were measured', () => {
    const entry = createRequire(import.meta.url).resolve('channelcoder');
    const { version } = JSON.parse(readFileSync(join(entry, '../../package.json'), 'utf8')) as { version: string };
    expect(version, 'look whether these quirks are still there, then correct this number').toBe('3.0.2');
  });

  it('1: cannot start a container in detached mode', async () => {
    const folder = onPath({ docker: FAKE_DOCKER });
    const logFile = join(tempFolder(), 'log');
    const result = await session({ autoSave: false }).detached('hello', { docker: DOCKER, logFile, stream: true });
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    const mended = 'detached mode in Docker is mended: planRun could let it launch, and adopt what it starts';
    expect(result.success, mended).toBe(false);
    expect(calls.at(-1), mended).toMatch(/^-d run --rm -i /);
  });

  it('1: would not write the log even if docker accepted the flag', async () => {
    onPath({ docker: 'cat > /dev/null; echo 0123456789abcdef' });
    const logFile = join(tempFolder(), 'log');
    const result = await session({ autoSave: false }).detached('hello', { docker: DOCKER, logFile, stream: true });
    expect(result).toMatchObject({ success: true, data: { containerId: '0123456789ab' } });
    expect(existsSync(logFile), 'it writes the log of a container: our launcher could go').toBe(false);
  });

  it.each([
    ['resume', { resume: '11111111-2222-4333-8444-555555555555' }],
    ['continue', { continue: true }],
  ])('2: writes no prompt if %s is set', async (_, options) => {
    for (const docker of [undefined, DOCKER]) {
      const { fullCommand } = await dryRun('say hello', { ...options, ...(docker && { docker }) });
      const mended = 'feedback reaches a resumed conversation: planRun need not write stdin itself';
      expect(fullCommand, mended).not.toContain('say hello');
      expect((await dryRun('say hello')).fullCommand).toContain('say hello');
    }
  });

  it('3: returns command, arguments and prompt of a dry run, on which planRun relies', async () => {
    const { command, args, prompt } = await dryRun('hello', { docker: DOCKER, outputFormat: 'stream-json' });
    expect({ command, prompt }).toEqual({ command: 'docker', prompt: 'hello' });
    expect(args).toEqual([
      ...[
        'run',
        '--rm',
        '-i',
        '-v',
        '/work:/workspace:rw',
        '-v',
        '/a:/b',
        '-w',
        '/workspace',
        '-e',
        'KEY=value',
        'image',
      ],
      ...['claude', '--print', '--dangerously-skip-permissions', '--output-format', 'stream-json', '--verbose'],
    ]);
  });

  it('3: emits none of the flags that addedFlags adds, whatever it is asked for', async () => {
    const asked = { model: 'opus', fallbackModel: 'sonnet', fallbackModels: ['sonnet'], effort: 'low', jsonSchema: {} };
    for (const docker of [undefined, DOCKER]) {
      const { args = [] } = await dryRun('hello', { ...asked, ...(docker && { docker }) });
      const mended = 'it has an option for this flag: pass it on in planRun, and remove the flag from addedFlags';
      for (const flag of ADDED_FLAGS) expect(args, mended).not.toContain(flag);
    }
    // The types say what it can be asked for. A new option of this kind would have one of these names.
    type Known = keyof ClaudeOptions & ('model' | 'fallbackModel' | 'fallbackModels' | 'effort' | 'jsonSchema');
    expectTypeOf<Known>().toEqualTypeOf<never>();
  });

  it('4: resumes an id that it has invented after one detached run of a session', async () => {
    const one = session({ autoSave: false });
    await dryRun('first', {}, one);
    const { args } = await dryRun('second', {}, one);
    const mended = 'a session can be used twice: planRun need not make one for each launch';
    expect(args?.join(' '), mended).toMatch(/^--resume detached-\d+ /);
  });

  it('4: plans the format json if only `stream: true` is given', async () => {
    const { args = [] } = await dryRun('hello', { stream: true, logFile: '/log' });
    const mended = '`stream` implies the format in a dry run: planRun need not pass outputFormat';
    expect(args[args.indexOf('--output-format') + 1], mended).toBe('json');
  });

  it.each(['/help me', './do it', '../up', 'Fix src/index.ts', 'Read NOTES.md'])(
    '5: treats the prompt %j as a file',
    async (prompt) => {
      const mended = 'text is not taken for a file: literalPrompt needs no guard';
      await expect(dryRun(prompt), mended).rejects.toThrow('Failed to load prompt file');
    },
  );

  it('5: interpolates inline prompts and removes unknown names', async () => {
    const { prompt } = await dryRun('a {name} b ${name} c');
    expect(prompt, 'inline prompts are literal: literalPrompt can go').toBe('a  b  c');
  });

  it('6: changes the working directory of the process for `worktree`', async () => {
    onPath({ claude: 'cat > /dev/null' });
    const repo = repository();
    const changed = vi.spyOn(process, 'chdir');
    onTestFinished(() => void changed.mockRestore());
    const worktree = { branch: 'topic', base: 'main' };
    await session({ autoSave: false }).detached('hello', { worktree, cwd: repo });
    const mended = '`worktree` leaves the working directory alone: worktrees.ts could use the option';
    expect(changed.mock.calls.flat(), mended).toContain(`${repo}-topic`);
    git(repo, 'worktree', 'remove', '--force', `${repo}-topic`);
  });

  it('6: creates worktrees with worktreeUtils without changing the working directory', async () => {
    const repo = repository();
    const here = process.cwd();
    // One after the other: git fails if it finds a worktree that another git is just creating.
    for (const branch of ['one', 'two']) {
      const made = await worktreeUtils.create(branch, { cwd: repo, base: 'main' });
      expect(made.path).toBe(`${repo}-${branch}`);
    }
    expect(process.cwd()).toBe(here);
    expect(await worktreeUtils.find('two', { cwd: repo })).toMatchObject({ path: `${repo}-two` });
    await worktreeUtils.remove(`${repo}-two`, { cwd: repo });
    expect(await worktreeUtils.find('two', { cwd: repo })).toBeNull();
  });

  it('9: treats an answer of `docker --version` as a sign of a running engine', async () => {
    const folder = onPath({ docker: `${FAKE_DOCKER}\necho "Cannot connect to the Docker daemon" >&2; exit 1` });
    const { error } = await session({ autoSave: false }).run('hello', { docker: DOCKER });
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    const mended = 'it asks the engine itself: ContainerPlanner.check could leave that to it';
    expect(
      calls.map((call) => call.split(' ')[0]),
      mended,
    ).toEqual(['--version', 'run']);
    expect(error, mended).not.toContain('Docker not found');
  });

  it('10: writes to the home folder unless autoSave is false', async () => {
    const home = tempFolder();
    vi.stubEnv('HOME', home);
    onTestFinished(() => void vi.unstubAllEnvs());
    await dryRun('hello', {}, session({ autoSave: false }));
    expect(existsSync(join(home, '.channelcoder'))).toBe(false);
    await dryRun('hello', {}, session());
    expect(existsSync(join(home, '.channelcoder/sessions')), 'nothing is saved unasked: autoSave can go').toBe(true);
  });

  it('reads a prompt file again for each plan, so that a later change has an effect', async () => {
    const file = join(tempFolder(), 'prompt.md');
    writeFileSync(file, 'before');
    expect((await dryRun(file)).prompt).toBe('before');
    writeFileSync(file, 'after');
    expect((await dryRun(file)).prompt, 'prompt files are cached: session-intake copies are stale').toBe('after');
  });
});
