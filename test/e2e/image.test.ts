import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it, onTestFinished } from 'vitest';
import { removeFolder } from '../support/temp-folder.js';
import { DEFAULT_TAG } from './engine/images.mjs';
import { Newcomer } from './fixtures/newcomer.js';
import { wayOut } from './fixtures/way-out.js';
import { attempt, bash, docker, engine, nextEvent, tempFolder, testManager } from './support.js';

const ROOT = join(import.meta.dirname, '../..');
const TAG = 'autonomous-orchestration-test-image:built';
/** The built image with the scripted model before its Claude. */
const WITH_MODEL = 'autonomous-orchestration-test-image:with-model';
const TOKEN = 'sk-ant-oat01-Stored_by-the-test';

let home: string;
/** Builds the image. */
let newcomer: Newcomer;
const command = (...args: string[]): [string, string[]] => [
  process.execPath,
  ['--import', 'tsx', join(ROOT, 'src/cli/main.ts'), ...args],
];
const environment = (more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv => ({ ...process.env, HOME: home, ...more });

/** Runs a command of the package, as a person would. */
const cli = (...args: string[]) => attempt(...command(...args), { cwd: ROOT, env: environment() });

/** The package server is reached through a proxy, which the docker client passes on to the build. */
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'orchestration-image-'));
  const { host, programs } = inject('open');
  const [person, { proxy, close }] = await Promise.all([
    Newcomer.arrive(4321, { host, checkout: join(programs, '../../..') }),
    wayOut(home),
  ]);
  newcomer = person;
  try {
    await newcomer.write('.docker/config.json', JSON.stringify({ proxies: { default: { httpProxy: proxy } } }));
    const args = ['image', 'build', '--base', engine.bareImage, '--tag', TAG, '--network', 'host'];
    const built = await newcomer.command(args);
    expect(built.code, built.stderr).toBe(0);
    expect(built.stdout).toContain(`Built ${TAG} with Claude Code`);
  } finally {
    await close();
  }
  await Promise.all([addModel(), storeToken()]);
});

afterAll(() => Promise.all([removeFolder(home), newcomer.leave()]));

/** Puts the scripted model before the image's Claude. */
async function addModel(): Promise<void> {
  const folder = await mkdtemp(join(home, 'model-'));
  await chmod(folder, 0o755);
  const ours = join(ROOT, 'test/e2e');
  for (const name of ['environment.mjs', 'model.mjs', 'messages.mjs']) {
    await copyFile(join(ours, 'engine', name), join(folder, name));
  }
  await copyFile(join(ours, 'fixtures/token-model/token-model.mjs'), join(folder, 'token-model.mjs'));
  const id = await docker('create', '--user', '0', '--entrypoint', '/bin/sh', TAG, '-c', 'rm /usr/local/bin/claude');
  try {
    await docker('start', '--attach', id);
    await docker('cp', folder, `${id}:/opt/model`);
    const wrapper = join(home, 'claude');
    await copyFile(join(ours, 'fixtures/token-model/claude.sh'), wrapper);
    await chmod(wrapper, 0o755);
    await docker('cp', wrapper, `${id}:/usr/local/bin/claude`);
    const settings = [
      'USER 1000',
      'ENTRYPOINT ["/bin/sh", "/opt/autonomous-orchestration/entrypoint.sh"]',
      'CMD ["claude"]',
    ];
    await docker('commit', ...settings.flatMap((line) => ['--change', line]), id, WITH_MODEL);
  } finally {
    await docker('rm', '--force', id);
  }
}

it('the built image has what a session needs, and no login', async () => {
  const script =
    'id -u; claude --version; for each in git tmux rg setpriv ssh ps less; do command -v $each >/dev/null || echo no $each; done; ls -A $HOME/.claude';
  const said = await docker('run', '--rm', TAG, 'sh', '-c', script);
  expect(said).toMatch(/^1000\n\d+\.\d+\.\d+ \(Claude Code\)\nsettings\.json$/);
  const refused = await attempt('docker', ['run', '--rm', '--env', 'DISABLE_FIREWALL=false', TAG, 'true'], {
    env: process.env,
  });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('no firewall') });
});

const FIRST_SESSION = `
import { UnifiedSessionManager } from 'autonomous-orchestration';
const manager = new UnifiedSessionManager();
const { id } = await manager.create({ prompt: 'Do it', cwd: '.', docker: JSON.parse(process.argv[2]) });
const { status, result } = await manager.waitFor(id);
console.log(JSON.stringify({ status, ...result }));
await manager.close();
`;

it('a user whom the machine does not know gets from the package to a commit in a repository of its own, without any option about users', async () => {
  const identity = ['-c', 'user.name=New', '-c', 'user.email=new@example.com'];
  await newcomer.write('project/.gitignore', 'node_modules\n');
  await newcomer.write('project/first.mjs', FIRST_SESSION);
  const [stored] = await Promise.all([
    newcomer.command(['image', 'login', '--from-stdin'], `${TOKEN}\n`),
    newcomer.run('sh', ['-c', `git init -q && git add . && git ${identity.join(' ')} commit -qm First`]),
  ]);
  expect(stored, stored.stderr).toMatchObject({ code: 0, stdout: expect.stringContaining('CLAUDE_CODE_OAUTH_TOKEN') });

  const turns = [
    bash('echo made > made-here; git add made-here; git -c user.name=A -c user.email=a@b commit -qm Made'),
    { text: 'Done.' },
  ];
  const env = {
    MODEL_SCRIPT: JSON.stringify(turns),
    EXPECTED_TOKEN: createHash('sha256').update(TOKEN).digest('hex'),
  };
  const [checked, session] = await Promise.all([
    newcomer.command(['doctor', '--json', '--image', TAG]),
    newcomer.run('node', ['first.mjs', JSON.stringify({ image: WITH_MODEL, env })]),
  ]);
  const findings = JSON.parse(checked.stdout) as { id: string; status: string; message: string }[];
  expect(findings.filter(({ id, status }) => status !== 'ok' && id !== 'disk')).toEqual([]);
  expect(checked.code).toBe(0);
  expect(findings.map(({ id }) => id)).toEqual(
    'versions client engine image claude programs login user mounts events session git tmux disk state'.split(' '),
  );
  expect(checked.stdout).not.toContain(TOKEN);
  expect(findings.find(({ id }) => id === 'user')?.message).toContain('sessions run as uid 4321');
  expect(session.code, session.stderr).toBe(0);
  expect(JSON.parse(session.stdout)).toMatchObject({ status: 'completed', text: 'Done.' });
  expect((await newcomer.run('git', ['log', '--format=%an %s', '-1'])).stdout).toBe('A Made\n');
  expect((await stat(join(newcomer.project, 'made-here'))).uid).toBe(4321);
  // Nothing of doctor is left.
  expect((await newcomer.run('git', ['status', '--porcelain'])).stdout).toBe('');
  expect(await docker('ps', '--all', '--quiet', '--filter', 'label=autonomous-orchestration.doctor')).toBe('');
});

it('the name of an image that was not built by the command is not taken away', async () => {
  const [standard, committed] = await Promise.all(
    [DEFAULT_TAG, WITH_MODEL].map((tag) => cli('image', 'build', '--base', engine.bareImage, '--tag', tag)),
  );
  expect(standard).toMatchObject({ code: 1, stderr: expect.stringContaining(`already has an image '${DEFAULT_TAG}'`) });
  expect(committed).toMatchObject({ code: 1, stderr: expect.stringContaining('--replace') });
});

it('from the stored token to real sessions, without an option about it, and the token is nowhere else', async () => {
  const before = process.env.XDG_CONFIG_HOME;
  process.env.XDG_CONFIG_HOME = join(home, '.config');
  onTestFinished(() => {
    if (before === undefined) delete process.env.XDG_CONFIG_HOME;
    else process.env.XDG_CONFIG_HOME = before;
  });
  const turns = [
    bash('echo "$(git --version)" > made-here; printenv CLAUDE_CODE_OAUTH_TOKEN | wc -c'),
    { text: 'Done.' },
  ];
  const env = {
    MODEL_SCRIPT: JSON.stringify(turns),
    EXPECTED_TOKEN: createHash('sha256').update(TOKEN).digest('hex'),
  };
  const { manager, stateDir, events } = await testManager({ docker: { image: WITH_MODEL, env } });
  const cwd = await tempFolder();
  const waits = nextEvent(manager, ({ type }) => type === 'session:waiting');
  const alone = await manager.create({ prompt: 'Do it', cwd });
  // The terminal UI begins without a question. If it asked one, the session would never wait for its person.
  const attended = await manager.create({ prompt: 'Do it', cwd: await tempFolder(), mode: 'interactive' });
  const ended = await manager.waitFor(alone.id);
  expect(ended, JSON.stringify(ended.result)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  expect(await waits).toMatchObject({ sessionId: attended.id });
  expect((await stat(join(cwd, 'made-here'))).uid).toBe(1000);
  // The docker client of the session that waits is running, and has the token in its environment.
  expect(await commandLines()).toContain(`ao-${attended.id}-1`);
  expect(await commandLines()).not.toContain(TOKEN);
  expect(JSON.stringify([manager.list(), events])).not.toContain(TOKEN);
  await manager.cancel(alone.id); // Its files are removed while it ends.
  for (const file of await filesBelow(stateDir)) {
    // A file that is being written has its temporary name only for a moment.
    expect(await readFile(file, 'latin1').catch(() => ''), file).not.toContain(TOKEN);
  }

  // A wrong token is refused, and the error says what to do.
  const wrong = { docker: { env: { EXPECTED_TOKEN: 'none' } } };
  const refused = await manager.create({ prompt: 'Do it', cwd: await tempFolder(), ...wrong });
  const failed = await manager.waitFor(refused.id);
  expect(failed).toMatchObject({ status: 'failed', result: { reason: 'auth' } });
  expect(failed.result?.error).toContain('npx autonomous-orchestration image login');
});

async function storeToken(): Promise<void> {
  const stored = await new Promise<string>((resolve, reject) => {
    const [program, args] = command('image', 'login', '--from-stdin');
    const child = spawn(program, args, { cwd: ROOT, env: environment(), stdio: ['pipe', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (printed += text));
    child.on('error', reject);
    child.on('close', () => resolve(printed));
    child.stdin.end(`${TOKEN}\n`);
  });
  expect(stored).toContain('Stored CLAUDE_CODE_OAUTH_TOKEN');
  expect(stored).not.toContain(TOKEN);
  expect((await stat(join(home, '.config/autonomous-orchestration/login.env'))).mode & 0o777).toBe(0o600);
}

/** What `ps` shows of all processes of the machine. */
async function commandLines(): Promise<string> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.join('\n');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
