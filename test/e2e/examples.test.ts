import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { inputBox } from '../../src/core/orchestration/executors/terminal/claude-input.js';
import {
  attempt,
  bash,
  containersGone,
  docker,
  engine,
  git,
  type ModelTurn,
  tempFolder,
  testManager,
} from './support.js';

/** Tells `tsx` to take the library as one bundle. Otherwise every example would first translate its three hundred files. */
const environment = (home: string): NodeJS.ProcessEnv => ({
  ...process.env,
  DOCKER_HOST: engine.host,
  HOME: home,
  TSX_TSCONFIG_PATH: join(import.meta.dirname, 'fixtures/examples.tsconfig.json'),
});

async function example(name: string, ...args: string[]) {
  return exampleAt(await tempFolder(0), name, ...args);
}

/** Shell code that waits until the workspace has the file `go`. */
const UNTIL_GO = 'until [ -e /workspace/go ]; do sleep 0.05; done';

async function exampleAt(home: string, name: string, ...args: string[]) {
  const path = join(import.meta.dirname, '../../examples', name);
  return attempt(process.execPath, ['--import', 'tsx', path, ...args], { env: environment(home) });
}

it('quickstart.ts runs a session and prints its result', async () => {
  const { stdout, stderr } = await example('quickstart.ts', await tempFolder());
  expect({ stdout, stderr }).toEqual({
    stdout: expect.stringMatching(/^{ status: 'completed', text: 'done', costUsd: 0\.\d+ }\n$/),
    stderr: '',
  });
});

it('shared.ts takes part in the sessions of another process', async () => {
  const { manager, stateDir } = await testManager();
  await manager.recover();
  const { stdout, stderr } = await example('shared.ts', stateDir, await tempFolder());
  const [session] = manager.list();
  expect({ stdout, stderr, status: session?.status }).toEqual({
    stdout: expect.stringMatching(
      /^Another process runs them\.\n(?:.*\n)*(\w+) session:created\n(?:.*\n)*\1 session:completed\n(?:.*\n)*completed\n$/,
    ),
    stderr: '',
    status: 'completed',
  });
});

it('worktree.ts runs three sessions on three branches and continues one', async () => {
  const cwd = join(await tempFolder(0), 'project');
  await mkdir(cwd);
  await git(cwd, 'init', '--quiet');
  await writeFile(join(cwd, 'file'), 'x\n');
  await git(cwd, 'add', '.');
  await git(cwd, 'commit', '--quiet', '--message', 'First');
  const { stdout, stderr } = await example('worktree.ts', cwd, '0:0');
  expect(stderr).toBe('');
  expect(stdout).toBe(
    `${['one', 'two', 'three'].map((name) => `completed attempt/${name} ${cwd}-attempt-${name}\n`).join('')}{ runs: 2, text: 'done' }\n`,
  );
});

it('ready.ts installs before the agent begins, and the second session finds the package in the cache', async () => {
  const cwd = join(await tempFolder(0), 'project');
  await mkdir(cwd);
  await git(cwd, 'init', '--quiet');
  await git(cwd, 'commit', '--quiet', '--allow-empty', '--message', 'First');
  const install =
    'cat $npm_config_cache/package 2>/dev/null || echo new | tee $npm_config_cache/package; echo kept > $npm_config_cache/package';
  const { stdout, stderr } = await example('ready.ts', cwd, install, '0:0');
  expect(stderr).toBe('');
  expect(stdout.match(/text: '.*'|^completed .*/gm)).toEqual([
    ...["text: 'new\\n'", 'completed success', "text: 'kept\\n'", 'completed success'],
  ]);
  const volumes = await docker(
    'volume',
    'ls',
    '--quiet',
    '--filter',
    `label=autonomous-orchestration.cache-of=${cwd}/.git`,
  );
  // Their size may still be measured, in a container that ends by itself.
  const removed = () => attempt('docker', ['volume', 'rm', '--force', ...volumes.split('\n')]);
  await expect.poll(removed).toMatchObject({ code: 0 });
});

it('guard.ts asks at the terminal, runs an approved command, and does not run a denied one', async () => {
  const cwd = await tempFolder();
  await mkdir(join(cwd, 'keep'));
  const turns = [bash('rm -rf /workspace/keep'), bash('git push origin main > pushed 2>&1; true'), { text: 'Done.' }];
  const child = await scriptedExample('guard.ts', turns, cwd);
  let output = '';
  let answered = 0;
  for await (const chunk of child.stdout) {
    output += chunk;
    const asked = output.split('Run it? [y/N] ').length - 1;
    // The first question is about the folder, the second about the push.
    for (; answered < asked; answered++) child.stdin.write(answered === 0 ? 'n\n' : 'y\n');
  }
  expect(output).toContain('Bash {"command":"rm -rf /workspace/keep"}\n');
  expect(output).toContain('denied: {"command":"rm -rf /workspace/keep"}\n');
  expect(output).toContain('completed Done.\n');
  expect([existsSync(join(cwd, 'keep')), existsSync(join(cwd, 'pushed'))]).toEqual([true, true]);
});

it('steer.ts steers a running session and pauses it for a moment', async () => {
  const cwd = await tempFolder();
  const home = await tempFolder(0);
  const turns = [bash(UNTIL_GO), bash('until [ -e paused ]; do sleep 0.05; done'), { history: true }];
  const child = await scriptedExample('steer.ts', turns, cwd, home);
  child.stdin.end();
  // The message is delivered when the first call ends, and the session is paused during the second one.
  const stored = async (): Promise<string> => {
    const names = await readdir(home, { recursive: true });
    const name = names.find((one) => one.endsWith('steering.json'));
    return name === undefined ? '' : readFile(join(home, name), 'utf8');
  };
  await expect.poll(stored).toContain('pnpm');
  await writeFile(join(cwd, 'go'), '');
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.startsWith('paused\n')) await writeFile(join(cwd, 'paused'), '');
  }
  expect(output).toMatch(/^paused\n{\n? *status: 'completed',\n? *text: .HISTORY: /);
});

it('recover.ts adopts the session of its killed process, and the session completes', async () => {
  const [cwd, home] = [await tempFolder(), await tempFolder(0)];
  const turns = [bash(`echo run >> runs; ${UNTIL_GO}`), bash('true'), { text: 'Done.\u001b[31m' }];
  const killed = await scriptedExample('recover.ts', turns, cwd, home);
  for await (const chunk of killed.stdout) if (String(chunk).includes('Bash')) killed.kill('SIGKILL');

  const recovered = await scriptedExample('recover.ts', turns, cwd, home, []);
  recovered.stdin.end();
  let stdout = '';
  for await (const chunk of recovered.stdout) {
    stdout += chunk;
    if (stdout.includes('adopted:')) await writeFile(join(cwd, 'go'), '');
  }
  const [, id] = /adopted: \[ '([0-9a-z]{12})' \]/.exec(stdout) ?? [];
  expect(stdout.replaceAll(/\s+/g, ' ').split(/(?<=}) /)).toEqual([
    "{ tool: 'Bash', replayed: true }",
    `{ adopted: [ '${id}' ], closed: [], lost: [], requeued: [], skipped: [] }`,
    "{ tool: 'Bash', replayed: false }",
    `{ id: '${id}', status: 'completed', text: 'Done.\\x1B[31m' }`,
    '',
  ]);
  expect(await readFile(join(cwd, 'runs'), 'utf8')).toBe('run\n');
});

it('prompt-file.ts fills its data into the prompt', async () => {
  const cwd = await tempFolder();
  const child = await scriptedExample('prompt-file.ts', [{ history: true }], cwd);
  child.stdin.end();
  const output = await text(child.stdout);
  expect(output).toMatch(/^{\n? *status: 'completed',\n? *text: .HISTORY: /);
  expect(output).toContain('Review the code in src, and look above all at error handling.');
  expect(output).toContain('List at most 3 findings');
  expect(output).not.toContain('allowedTools');
});

it('plan-then-do.ts refines a plan and starts a session that carries it out', async () => {
  const cwd = await tempFolder();
  const script = {
    'Plan this': [bash('touch /workspace/planned; true'), { text: 'Be quick.' }, { text: 'Be quick and careful.' }],
    'Be quick and careful.': [bash('touch /workspace/done'), { prompt: 'sha256' }],
  };
  const child = await scriptedExample('plan-then-do.ts', script, cwd);
  child.stdin.end();
  const hash = createHash('sha256').update('Be quick and careful.').digest('hex');
  expect((await text(child.stdout)).replaceAll(/\s+/g, ' ')).toBe(
    "{ status: 'completed', plan: 'Be quick.' } { status: 'completed', plan: 'Be quick and careful.' } " +
      `{ status: 'completed', text: 'SHA256: ${hash}' } `,
  );
  expect([existsSync(join(cwd, 'planned')), existsSync(join(cwd, 'done'))]).toEqual([false, true]);
});

it('orchestrate.ts prints the events of a leader and its child sessions', async () => {
  const script = {
    'Have one agent': [
      bash('orchestrate create "Look for bugs"; orchestrate create "Look at the tests"'),
      bash('orchestrate wait'),
      { text: 'All is well.' },
    ],
    Look: [bash(UNTIL_GO), { text: 'Looked.' }],
  };
  const cwd = await tempFolder();
  const child = await scriptedExample('orchestrate.ts', script, cwd);
  child.stdin.end();
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.includes('waiting for children')) await writeFile(join(cwd, 'go'), '');
  }
  const lines = output.replaceAll(/[0-9a-z]{12} /g, '').split('\n');
  expect(lines.slice(0, 2)).toEqual(['orchestration: created', 'orchestration: started']);
  const steps = ['orchestration: waiting for children', '  autonomous: completed', 'orchestration: working'];
  expect(lines.filter((line) => steps.includes(line))).toEqual([steps[0], steps[1], steps[1], steps[2]]);
  expect(lines.filter((line) => line === '  autonomous: created')).toHaveLength(2);
  expect(lines.indexOf('orchestration: completed')).toBeGreaterThan(lines.indexOf('orchestration: working'));
  expect(output.replaceAll(/\s+/g, ' ')).toMatch(
    /{ status: 'completed', text: 'All is well\.', children: 2, costUsd: 0\.\d+ } $/,
  );
});

it('interactive.ts lets a person take turns with the agent and leave with /exit', async () => {
  const turns = [bash('echo made > made'), { text: 'First.' }, { text: 'Second.' }];
  const child = await scriptedExample('interactive.ts', turns, await tempFolder());
  const typed = ['And then?', '/exit'];
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    const attach = /Your turn: tmux -L autonomous-orchestration attach-session -t '(=ao-\w+-1)'\n/g;
    const asked = [...output.matchAll(attach)];
    const [, terminal] = asked.at(-1) ?? [];
    const line = typed[0];
    if (terminal === undefined || line === undefined || asked.length + typed.length !== 3) continue;
    typed.shift();
    const tmux = (command: string, ...args: string[]) =>
      attempt('tmux', ['-L', 'autonomous-orchestration', command, '-t', `${terminal}:`, ...args]);
    const box = async (): Promise<string> => inputBox((await tmux('capture-pane', '-p')).stdout) ?? '';
    await tmux('send-keys', '-l', line);
    await expect.poll(box).toContain(line);
    // An Enter that comes too soon after the text is a line break. Like a person, press it again while the text is there.
    const enter = async (): Promise<string> => {
      await tmux('send-keys', 'Enter');
      return box();
    };
    await expect.poll(enter, { interval: 500 }).not.toContain(line);
  }
  expect(typed).toEqual([]);
  expect(output.replaceAll(/Your turn: .*/g, 'Your turn').split('\n')).toEqual([
    "{ said: 'Look at the failing test with me' }",
    'Your turn',
    "{ said: 'And then?' }",
    'Your turn',
    "{ status: 'completed', reason: 'success', text: 'Second.' }",
    '',
  ]);
});

describe('script.ts', () => {
  /** Starts a session, and waits until the script has ended. */
  async function started(turns: readonly ModelTurn[], cwd: string) {
    const home = await tempFolder(0);
    await writeFile(join(cwd, '.model-script.json'), JSON.stringify(turns));
    const { code, stdout, stderr } = await exampleAt(home, 'script.ts', 'start', '--cwd', cwd, 'Do it');
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^[0-9a-z]{12}\n$/),
      stderr: '',
    });
    return { home, id: stdout.trim() };
  }
  const lines = (stdout: string) =>
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('script.ts starts a session and exits, and the session completes with nobody there', async () => {
    const cwd = await tempFolder();
    const hostile = 'Done.\u001b[31m\u009b31m\u007f\r';
    const waits = bash('until [ -e go ]; do sleep 0.1; done; echo x > made');
    const { home, id } = await started([waits, bash('echo y >> made'), { text: hostile }], cwd);
    await writeFile(join(cwd, 'go'), ''); // The script has ended.
    expect(await docker('wait', `ao-${id}-1`)).toBe('0');
    expect(await readFile(join(cwd, 'made'), 'utf8')).toBe('x\ny\n');

    const { code, stdout, stderr } = await exampleAt(home, 'script.ts', 'follow', id);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what may not be there
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    const events = lines(stdout);
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:message', text: hostile }));
    expect(events.filter((event) => 'session' in event)).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['session:recovered', 'session:tool', 'session:completed']),
    );
    expect(events.at(-1)).toMatchObject({ id, status: 'completed', result: { text: hostile, exitCode: 0 } });
    await containersGone({ id });
  });

  it('script.ts continues a session and exits, and follow shows the next run', async () => {
    const { home, id } = await started([{ text: 'First.' }, { text: 'Second.' }], await tempFolder());
    expect((await exampleAt(home, 'script.ts', 'follow', id)).code).toBe(0);
    const again = await exampleAt(home, 'script.ts', 'continue', id, 'Go on');
    expect(again).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const { code, stdout } = await exampleAt(home, 'script.ts', 'follow', id);
    expect([code, lines(stdout).at(-1)]).toMatchObject([0, { status: 'completed', result: { text: 'Second.' } }]);
  });

  it('script.ts follow exits with 1 if the session has failed', async () => {
    const error = { status: 400, type: 'invalid_request_error', message: 'No.' };
    const { home, id } = await started([{ error }], await tempFolder());
    const { code, stdout } = await exampleAt(home, 'script.ts', 'follow', id);
    expect([code, lines(stdout).at(-1)]).toMatchObject([1, { status: 'failed' }]);
  });

  it.each(['SIGINT', 'closed output'])(
    'script.ts follow exits with 130 on %s, and the session works on',
    async (how) => {
      const cwd = await tempFolder();
      const { home, id } = await started([bash(UNTIL_GO), { text: 'Done.' }], cwd);
      const child = await scriptedExample('script.ts', [], await tempFolder(), home, ['follow', id]);
      const exit = once(child, 'exit');
      await once(child.stdout, 'data');
      if (how === 'SIGINT') child.kill('SIGINT');
      else child.stdout.destroy();
      child.stdout.resume();
      expect(await exit).toEqual([130, null]);
      await writeFile(join(cwd, 'go'), '');
      expect(await docker('wait', `ao-${id}-1`)).toBe('0');
      expect((await exampleAt(home, 'script.ts', 'follow', id)).code).toBe(0);
    },
  );

  it('script.ts follow shows the session as a table on a terminal', async () => {
    const { home, id } = await started([{ text: 'All \u001b]0;title\u0007done.' }], await tempFolder());
    const path = join(import.meta.dirname, '../../examples/script.ts');
    // A terminal without a person has no size of its own.
    const command = `stty rows 40 cols 160; exec ${process.execPath} --import tsx ${path} follow ${id}`;
    const flags = ['--quiet', '--return', '--command', command, '/dev/null'];
    const { code, stdout } = await attempt('script', flags, { env: environment(home) });
    expect(code).toBe(0);
    expect(stdout).toContain('│ completed │');
    expect(stdout).toContain('All done.');
    expect(stdout).not.toContain('title');
  });
});

/** An example in a workspace that contains the script of the model, because examples give their sessions no variables. */
async function scriptedExample(
  name: string,
  turns: readonly ModelTurn[] | Record<string, ModelTurn[]>,
  cwd: string,
  home?: string,
  args: readonly string[] = [cwd],
) {
  const env = environment(home ?? (await tempFolder(0)));
  await writeFile(join(cwd, '.model-script.json'), JSON.stringify(turns));
  const path = join(import.meta.dirname, '../../examples', name);
  return spawn(process.execPath, ['--import', 'tsx', path, ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] });
}
