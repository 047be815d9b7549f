import { spawn } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import {
  attempt,
  bash,
  engine,
  figure,
  git,
  type ModelTurn,
  quick,
  tempFolder,
  testManager,
  until,
} from './support.js';

/** Titles, colours, a cleared screen, a link, a report that a terminal types back, and a line drawn over another one. */
const ATTACK =
  '\u001b]0;PWNED\u0007\u001b[31m\u001b[2J\u001b]8;;http://evil.invalid\u001b\\\u001b[6n\u009b5mvisible\rHIDDEN\u0008\u007f';
/** All control characters except the newline, in 7 and in 8 bits. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const STEERING = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

const conversation = { session_id: '11111111-2222-4333-8444-555555555555' };
const assistant = (block: object) => ({
  type: 'assistant',
  message: { id: `msg_${JSON.stringify(block).length}`, role: 'assistant', model: ATTACK, content: [block], usage: {} },
  ...conversation,
});
const LINES = [
  { type: 'system', subtype: 'init', model: ATTACK, tools: [], claude_code_version: ATTACK, ...conversation },
  assistant({ type: 'text', text: ATTACK }),
  assistant({ type: 'tool_use', id: 't1', name: `Tool${ATTACK}`, input: { [ATTACK]: ATTACK } }),
  {
    type: 'user',
    message: {
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: 't1', content: `Error: ${ATTACK}`, is_error: true }],
    },
    ...conversation,
  },
  `plain output ${ATTACK}`,
  `Error: ${ATTACK} permission denied`,
];
const GOOD = {
  type: 'result',
  subtype: 'success',
  is_error: false,
  result: ATTACK,
  num_turns: 1,
  total_cost_usd: 0.01,
  ...conversation,
};
const BAD = { ...GOOD, subtype: 'error_during_execution', is_error: true };

describe('escape sequences of an agent', () => {
  it('escape sequences are removed from diagnostics and errors, but not from the messages of the agent', async () => {
    const executors = {
      autonomous: new SimulatedExecutor(() => ({ steps: LINES.map((line) => ({ line })), exitCode: 1 })),
    };
    const { manager, events } = await testManager({ executors });
    const { id } = await manager.create({ prompt: 'x', cwd: await tempFolder() });
    const { metadata, result } = await manager.waitFor(id);
    expect(metadata.diagnostics.join('\n')).toContain('visible');
    expect(metadata.diagnostics.join('\n')).not.toMatch(STEERING);
    expect(result?.error).toContain('visible');
    expect(result?.error).not.toMatch(STEERING);
    expect(metadata.lastMessage).toBe(ATTACK);
    const steering = new Set<string>();
    collect({ metadata, result }, '', steering);
    for (const event of events)
      if (!('session' in event) || event.type === 'session:message') collect(event, event.type, steering);
    figure("fields that keep the agent's own characters", [...steering].sort().join(', '));
  });

  it('diagnostics contain only the visible text of the output of a container', async () => {
    const { manager } = await testManager();
    const script = `printf '\\033]0;PWNED\\007\\033[2J\\033[31mvisible\\r\\n'; init; printf 'half\\rline\\033[1A'; exit 3`;
    const { id } = await manager.create({ ...quick(script), prompt: 'x', cwd: await tempFolder() });
    const { metadata, result } = await manager.waitFor(id);
    expect(metadata.diagnostics).toEqual(['visible', 'half line']);
    expect(result?.error).toBe('It ended with exit code 3. Last output: visible | half line');
  });
});

describe('escape sequences of an agent in the terminal of an example', () => {
  it.each([
    ['a session that succeeds', GOOD],
    ['a session that fails', BAD],
  ])('the demo prints no escape sequence of the agent: %s', async (_, end) => {
    const file = join(await tempFolder(), 'lines.json');
    await writeFile(file, JSON.stringify([...LINES, end]));
    const args = ['--import', 'tsx', join(import.meta.dirname, 'fixtures/progress.ts'), await tempFolder(0), file];
    const { stdout } = await attempt(process.execPath, args);
    expect(stdout).toContain('hostile: visible HIDDEN');
    expect(stdout).not.toMatch(STEERING);

    // In a terminal the table is redrawn with its own sequences, which differ from those of the agent.
    const command = [process.execPath, ...args].map((word) => `'${word}'`).join(' ');
    const sized = `stty columns 160 rows 50; ${command}`;
    const table = await attempt('script', ['--quiet', '--return', '--command', sized, '/dev/null']);
    expect(table.stdout).toContain('│ hostile');
    expect(table.stdout).toContain('visible');
    for (const sequence of ['\u001b]', '\u0007', '\u001b[31m', '\u001b[6n', '\u009b', '\u0008', '\u007f']) {
      expect(table.stdout).not.toContain(sequence);
    }
    figure(
      `output of the demo, ${_}`,
      `${stdout.length} characters of lines and ${table.stdout.length} of a table, 0 that steer`,
    );
  });

  it.each(['quickstart.ts', 'steer.ts', 'guard.ts', 'worktree.ts'])('%s prints no escape sequence', async (name) => {
    const calls =
      name === 'steer.ts'
        ? [bash(untilThereIs('stored')), bash(untilThereIs('paused'))]
        : [bash('rm -rf /workspace/keep'), bash('true')];
    const { output } = await example(name, [...calls, { text: ATTACK }, { text: ATTACK }]);
    expect(output).toContain('visible');
    expect(output).not.toMatch(STEERING);
    figure(`output of ${name}`, `${output.length} characters, 0 that steer`);
  });
});

/** Paths of the texts in a value that could steer a terminal. */
function collect(value: unknown, path: string, found: Set<string>): void {
  if (typeof value === 'string' && STEERING.test(value)) found.add(path);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const name = STEERING.test(key) ? '(key)' : Array.isArray(value) ? '[]' : `${path === '' ? '' : '.'}${key}`;
    if (STEERING.test(key)) found.add(`${path}(key)`);
    collect(inner, `${path}${name}`, found);
  }
}

/** Shell code that waits for a file in the workspace. */
const untilThereIs = (name: string): string => `until [ -e ${name} ]; do sleep 0.05; done`;

/** Resolves when the library has stored a message to a session of this home folder. */
async function messageStored(home: string): Promise<void> {
  await until('a stored message', async () =>
    (await readdir(home, { recursive: true })).some((path) => path.endsWith('steering.json')),
  );
}

/**
 * The output of an example; its questions at the terminal are answered with no. The workspace gets the file `stored` when a message
 * to the agent is stored, and `paused` when the example has paused its session.
 */
async function example(name: string, turns: readonly ModelTurn[]): Promise<{ output: string }> {
  const inGit = name === 'worktree.ts';
  const cwd = join(await tempFolder(inGit ? 0 : 1000), inGit ? 'project' : '');
  await mkdir(cwd, { recursive: true });
  await writeFile(join(cwd, '.model-script.json'), JSON.stringify(turns));
  if (inGit) {
    await git(cwd, 'init', '--quiet');
    await git(cwd, 'add', '.');
    await git(cwd, 'commit', '--quiet', '--message', 'First');
  }
  const args = ['--import', 'tsx', join(import.meta.dirname, '../../examples', name), cwd, ...(inGit ? ['0:0'] : [])];
  const home = await tempFolder(0);
  const env = {
    ...process.env,
    DOCKER_HOST: engine.host,
    HOME: home,
    TSX_TSCONFIG_PATH: join(import.meta.dirname, '../e2e/fixtures/examples.tsconfig.json'),
  };
  const child = spawn(process.execPath, args, { env, stdio: 'pipe' });
  if (name === 'steer.ts') void messageStored(home).then(() => writeFile(join(cwd, 'stored'), ''));
  let output = '';
  let answered = 0;
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  for await (const chunk of child.stdout) {
    output += chunk;
    if (output.startsWith('paused\n')) await writeFile(join(cwd, 'paused'), '');
    for (; answered < output.split('Run it? [y/N] ').length - 1; answered++) child.stdin.write('n\n');
  }
  return { output };
}
