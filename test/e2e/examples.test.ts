import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { attempt, bash, engine, git, type ModelTurn, tempFolder } from './support.js';

async function example(name: string, ...args: string[]) {
  return exampleAt(await tempFolder(0), name, ...args);
}

async function exampleAt(home: string, name: string, ...args: string[]) {
  const path = join(import.meta.dirname, '../../examples', name);
  const env = { ...process.env, DOCKER_HOST: engine.host, HOME: home };
  return attempt(process.execPath, ['--import', 'tsx', path, ...args], { env });
}

it('quickstart.ts runs a session and prints how it went', async () => {
  const { stdout, stderr } = await example('quickstart.ts', await tempFolder());
  expect({ stdout, stderr }).toEqual({
    stdout: expect.stringMatching(/^{ status: 'completed', text: 'done', costUsd: 0\.\d+ }\n$/),
    stderr: '',
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

it('guard.ts asks at the terminal: what is approved runs, what is not does not', async () => {
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

it('steer.ts tells a running agent something and holds it for a moment', async () => {
  const cwd = await tempFolder();
  const child = await scriptedExample('steer.ts', [bash('sleep 1'), bash('sleep 1'), { history: true }], cwd);
  child.stdin.end();
  let output = '';
  for await (const chunk of child.stdout) output += chunk;
  expect(output).toMatch(/^paused\n{\n? *status: 'completed',\n? *text: .HISTORY: /);
});

it('recover.ts takes over the session that it left when it was killed', async () => {
  const [cwd, home] = [await tempFolder(), await tempFolder(0)];
  const turns = [bash('echo run >> runs; sleep 1'), bash('true'), { text: 'Done.\u001b[31m' }];
  const killed = await scriptedExample('recover.ts', turns, cwd, home);
  for await (const chunk of killed.stdout) if (String(chunk).includes('Bash')) killed.kill('SIGKILL');

  const { stdout, stderr } = await exampleAt(home, 'recover.ts');
  const [, id] = /adopted: \[ '([0-9a-z]{12})' \]/.exec(stdout) ?? [];
  expect({ stderr, lines: stdout.replaceAll(/\s+/g, ' ').split(/(?<=}) /) }).toEqual({
    stderr: '',
    lines: [
      "{ tool: 'Bash', replayed: true }",
      `{ adopted: [ '${id}' ], closed: [], lost: [], requeued: [], skipped: [] }`,
      "{ tool: 'Bash', replayed: false }",
      `{ id: '${id}', status: 'completed', text: 'Done.\\x1B[31m' }`,
      '',
    ],
  });
  expect(await readFile(join(cwd, 'runs'), 'utf8')).toBe('run\n');
});

/** An example on a workspace that has the model's script in it: examples give their sessions no variables. */
async function scriptedExample(name: string, turns: readonly ModelTurn[], cwd: string, home?: string) {
  const env = { ...process.env, DOCKER_HOST: engine.host, HOME: home ?? (await tempFolder(0)) };
  await writeFile(join(cwd, '.model-script.json'), JSON.stringify(turns));
  const path = join(import.meta.dirname, '../../examples', name);
  return spawn(process.execPath, ['--import', 'tsx', path, cwd], { env, stdio: ['pipe', 'pipe', 'inherit'] });
}
