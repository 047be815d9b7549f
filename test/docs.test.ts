import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import type { SimulatedScript } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { repository } from './support/git.js';
import { InWorktrees } from './support/in-worktrees.js';
import { DONE, everyMode, simulate } from './support/simulate.js';
import { tempFolder } from './support/temp-folder.js';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);

const pages = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'));

async function example(name: string, ...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--import', 'tsx', join(root, 'examples', name), ...args], {
    env: withoutEngine(),
    cwd: root,
  });
  return stdout;
}

/** An example that runs until it is ended, and the address that it prints. */
async function server(address: RegExp, name: string, ...args: string[]): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(root, 'examples', name), ...args], {
    env: withoutEngine(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, url: await printedBy(child, address) };
}

/** The first group of a pattern, as soon as a process prints a match. */
function printedBy({ stdout }: { stdout: Readable }, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    stdout.on('data', (chunk) => {
      output += chunk;
      const [, found] = pattern.exec(output) ?? [];
      if (found !== undefined) resolve(found);
    });
    stdout.on('end', () => reject(new Error(`it ended without ${pattern}: ${output}`)));
  });
}

/** Sends a request to a server with the token from the link to its page. */
function asked(link: string, path: string): Promise<Response> {
  const [, token = ''] = /#token=(.+)$/.exec(link) ?? [];
  return fetch(new URL(path, link), { headers: { Authorization: `Bearer ${decodeURIComponent(token)}` } });
}

/** Sends a signal to all processes of a group that still exist. */
function endGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch {
    // It has ended.
  }
}

function withoutEngine(): NodeJS.ProcessEnv {
  return { ...process.env, HOME: tempFolder(), DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
}

describe('the documentation', () => {
  it.each(pages)('%s shows only code from the examples', (page) => {
    const sources = examples.map((name) => readFileSync(join(root, 'examples', name), 'utf8'));
    const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
      ([, code]) => code ?? '',
    );
    for (const block of blocks)
      expect(
        sources.some((source) => source.includes(block)),
        block,
      ).toBe(true);
  });

  it.each(pages)('%s has no dead links to files', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
      ([, link]) => link ?? '',
    );
    for (const link of links) expect(existsSync(join(root, page, '..', link)), link).toBe(true);
  });

  it.each(pages)('%s has no dead links to headings', (page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?!https?:)([^)#]*)#([^)]+)\)/g)];
    for (const [link, file, anchor] of links) {
      const target = file ? join(root, page, '..', file) : join(root, page);
      expect(anchorsOf(readFileSync(target, 'utf8')), link).toContain(anchor);
    }
  });

  it.each(['docs/plan.md', 'docs/reliability.md', 'docs/security.md'])('%s quotes only existing tests', (page) => {
    // A link to a test's file, and the names of tests in it.
    const references = [
      ...readFileSync(join(root, page), 'utf8').matchAll(/\]\((\.\.\/test\/[^)]+)\)((?: _[^_\n]+_)*)/g),
    ];
    expect(references.length).toBeGreaterThan(10);
    for (const [reference, file = '', names = ''] of references) {
      const source = readFileSync(join(root, page, '..', file), 'utf8');
      expect(names, reference).not.toBe('');
      for (const [, name = ''] of names.matchAll(/ _([^_]+)_/g)) expect(source, file).toContain(name);
    }
  });
});

/** The anchors of the headings of a page, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  return [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('the examples', () => {
  it('typed-output.ts asks again for a result that does not fit, and prints the typed result', async () => {
    const output = await example('typed-output.ts', '--simulate', tempFolder(), tempFolder());
    const again = 'asked again: - /severity: must be <= 5';
    expect(output).toBe(`3: Reads past the end (src/read.ts)\n${again}\n`);
  });

  it('simulated.ts shows an error of a tool and the answer to feedback', async () => {
    expect(await example('simulated.ts', tempFolder())).toBe('command_failed\nYou said: Try again\n');
  });

  it('mocked.ts runs a session of a mocked ChannelCoder', async () => {
    expect(await example('mocked.ts', tempFolder())).toBe('Tidy up stream-json\nDone.\n');
  });

  it('parts.ts queues the sessions of an executor, and its monitor reports their tool calls', async () => {
    expect((await example('parts.ts', '--simulate')).split('\n')).toEqual([
      "List the files { status: 'starting' }",
      "Count the files { status: 'queued', position: 1 }",
      "Bash { command: 'ls' }",
      'List the files completed Done.',
      "Bash { command: 'ls' }",
      'Count the files completed Done.',
      '',
    ]);
  });

  it('pipeline.ts runs sessions one after the other, and not those whose session before them failed', async () => {
    const lines = (done: string) => `runs { text: 'Build' }\n${done}`;
    const clean = "runs { text: 'Clean up' }\n";
    expect(await example('pipeline.ts', tempFolder())).toBe(
      lines(`runs { text: 'Test' }\nruns { text: 'Report' }\n${clean}completed success\n`),
    );
    expect(await example('pipeline.ts', tempFolder(), 'fails')).toBe(
      lines(`runs { text: 'Report' }\n${clean}failed dependency_failed\n`),
    );
  });

  it('danger.ts says how dangerous a command is', async () => {
    expect(await example('danger.ts', 'git status')).toBe('none\n');
    expect(await example('danger.ts', 'git push --force')).toMatch(/^critical: git\.push-force\. .*push without force/);
  });

  it('errors.ts prints an error code and the next step', async () => {
    expect(await example('errors.ts', tempFolder())).toMatch(/^UNSAFE_MOUNT: Mounting "\/" is refused/);
  });

  it('login.ts says what is wrong with the file of the login', async () => {
    expect(await example('login.ts', tempFolder())).toMatch(
      /^INVALID_OPTIONS: Option 'login\.envFile' \("\/etc\/my-service\/claude\.env"\) gives no login: .*image login/,
    );
  });

  it('remove.ts removes ended sessions, and keeps one whose worktree has work', async () => {
    const [stateDir, cwd] = [tempFolder(), repository()];
    const script: SimulatedScript = (request) => {
      const { worktree, branch } = request.session.environment;
      if (branch === 'work') writeFileSync(join(worktree ?? '', 'new.txt'), 'work');
      return DONE(request);
    };
    const executors = everyMode(new InWorktrees(stateDir, script));
    const { manager } = simulate(script, { stateDir, executors });
    const ended = async (worktree: string): Promise<string> =>
      (await manager.waitFor((await manager.create({ prompt: 'x', cwd, worktree })).id)).id;
    const [work, clean] = [await ended('work'), await ended('clean')];
    await manager.close();
    expect(await example('remove.ts', stateDir)).toBe(`kept ${work} ${cwd}-work\nremoved ${clean}\n`);
    expect(readdirSync(join(stateDir, 'sessions'))).toEqual([work]);
  });

  it.each([
    ['no command', []],
    ['an unknown command', ['begin', 'x']],
    ['no prompt', ['start']],
    ['an empty prompt', ['start', '']],
    ['two prompts', ['start', 'two', 'prompts']],
    ['an unknown option', ['start', '--unknown', 'x']],
    ['an option without its value', ['start', '--cwd']],
    ['an unknown session', ['follow', 'nobody']],
    ['no feedback', ['continue', 'nobody']],
  ])('script.ts refuses %s with exit code 2, and writes nothing else', async (_, args) => {
    const refused = { code: 2, stdout: '', stderr: expect.stringMatching(/./) };
    await expect(example('script.ts', ...args)).rejects.toMatchObject(refused);
  });

  it('script.ts fails with exit code 1 if its options are valid but no engine answers', async () => {
    // No engine answers.
    const failed = example('script.ts', 'start', '--cwd', tempFolder(), 'x');
    await expect(failed).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(/docker/i) });
  });

  it.each([
    ['node', 'SIGINT'],
    ['hono', 'SIGTERM'],
  ] as const)('autonomous-handlers.ts answers reading and acting routes with %s until %s', async (kind, signal) => {
    vi.stubEnv('AGENTS_TOKEN', 'token-of-this-test');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { child, url } = await server(
      /^(http:\/\/127\.0\.0\.1:\d+\/api\/autonomous-sessions)\n/,
      'autonomous-handlers.ts',
      '0',
      kind,
    );
    const asked = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${url}${path}`, init);
      const text = await response.text();
      return [response.status, text.startsWith('{') ? JSON.parse(text) : undefined];
    };
    const post = (body: object) => ({
      method: 'POST',
      headers: { Authorization: 'Bearer token-of-this-test' },
      body: JSON.stringify(body),
    });
    expect(await asked('')).toEqual([200, { success: true, data: [] }]);
    expect(await asked('/logs?limit=5')).toEqual([200, { success: true, data: [] }]);
    expect(await asked('/nobody')).toMatchObject([404, { success: false, error: 'Session not found' }]);
    expect((await asked('/a/b'))[0]).toBe(404);
    expect((await asked('', { method: 'POST' }))[0]).toBe(401);
    expect(await asked('/nobody/pause', post({}))).toMatchObject([404, { success: false, code: 'SESSION_NOT_FOUND' }]);
    expect(await asked('', post({ prompt: '' }))).toMatchObject([400, { success: false, code: 'INVALID_OPTIONS' }]);
    expect(await asked('', post({ prompt: 'x' }))).toMatchObject([503, { success: false }]); // No engine answers.
    expect(await asked('/logs?limit=x')).toMatchObject([400, { success: false }]);
    const [foreign] = await once(http.get(url, { headers: { host: 'evil.example' } }), 'response');
    expect(foreign.statusCode).toBe(421);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('demo.ts simulates five sessions without a denial or a danger', async () => {
    const output = await example('demo.ts', '--simulate');
    expect(output).toContain('uses Write {"file_path":"/workspace/haiku.md"}');
    expect(output).toContain('5 of 5 sessions completed');
    expect(output).not.toMatch(/denied|warning:|critical:/i);
  });

  it('dashboard.ts serves simulated sessions until SIGINT', async () => {
    const { child, url } = await server(/Open (\S+)\n/, 'dashboard.ts', '--simulate', '--port', '0');
    const { data } = (await (await asked(url, 'api/autonomous-sessions')).json()) as { data: unknown[] };
    expect(data).toContainEqual(expect.objectContaining({ taskId: expect.any(String) }));
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('npm run dashboard builds the page if it is missing, and serves it with its script', async () => {
    // As after a clone and an install: without dist.
    const clone = tempFolder();
    for (const name of ['package.json', 'tsconfig.json', 'src', 'examples'])
      cpSync(join(root, name), join(clone, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
    const child = spawn('npm', ['run', '--silent', 'dashboard', '--', '--simulate', '--port', '0'], {
      cwd: clone,
      env: withoutEngine(),
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true, // Its own process group, because npm starts a shell that starts node.
    });
    const { pid = 0 } = child;
    const ended = once(child, 'close');
    onTestFinished(() => endGroup(pid, 'SIGKILL'));
    const url = await printedBy(child, /Open (\S+)\/#token=/);
    const page = await fetch(`${url}/`);
    expect([page.status, page.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
    const [, path = ''] = /<script [^>]*src="\.\/(assets\/[^"]+\.js)"/.exec(await page.text()) ?? [];
    const script = await fetch(`${url}/${path}`);
    expect([script.status, script.headers.get('Content-Type')]).toEqual([200, expect.stringMatching(/javascript/)]);
    expect(await script.text()).toContain('No sessions yet.');
    endGroup(pid, 'SIGINT'); // As a terminal does at Ctrl-C.
    await ended;
    await expect(fetch(url)).rejects.toThrow();
  });

  it('serve.ts serves the dashboard only with its token, and ends on SIGTERM', async () => {
    const { child, url } = await server(/Open (\S+)\n/, 'serve.ts', tempFolder(), '0');
    expect((await asked(url, 'api/autonomous-queue')).status).toBe(200);
    expect((await fetch(new URL('api/autonomous-queue', url))).status).toBe(401);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it('autonomous-handlers.ts exports the handlers of its predecessor', async () => {
    const handlers = await import('../examples/autonomous-handlers.js');
    onTestFinished(() => handlers.manager.close());
    expect(await handlers.handleAutonomousList()).toEqual({ success: true, data: [] });
    expect(await handlers.handleAutonomousLogs()).toEqual({ success: true, data: [] });
    expect(await handlers.handleAutonomousGet('nobody')).toMatchObject({ success: false, error: 'Session not found' });
    const told: unknown[] = [];
    handlers.createAutonomousMonitor('nobody', (event) => told.push(event))();
    expect(told).toEqual([{ type: 'error', taskId: 'nobody', message: 'Session not found' }]);
  });

  it('every example is run by a test', () => {
    const here = [
      'autonomous-handlers.ts',
      'danger.ts',
      'dashboard.ts',
      'errors.ts',
      'login.ts',
      'mocked.ts',
      'parts.ts',
      'remove.ts',
      'pipeline.ts',
      'serve.ts',
      'simulated.ts',
      'typed-output.ts',
    ];
    const endToEnd = [
      'demo.ts',
      'guard.ts',
      'interactive.ts',
      'orchestrate.ts',
      'plan-then-do.ts',
      'prompt-file.ts',
      'quickstart.ts',
      'shared.ts',
      'ready.ts',
      'recover.ts',
      'script.ts',
      'steer.ts',
      'worktree.ts',
    ];
    expect(examples.toSorted()).toEqual([...here, ...endToEnd].toSorted());
    const tests = ['demo.test.ts', 'examples.test.ts']
      .map((name) => readFileSync(join(root, 'test/e2e', name), 'utf8'))
      .join('\n');
    for (const name of endToEnd) expect(tests).toContain(name);
  });
});
