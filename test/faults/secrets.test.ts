import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { AutonomousExecutor, type CreateSessionOptions, UnifiedSessionManager } from 'autonomous-orchestration';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  countEnds,
  docker,
  engine,
  figure,
  nextEvent,
  quick,
  stateFolder,
  tempFolder,
  testManager,
} from './support.js';

// Two kinds of secrets: plain letters, and characters that are escaped in JSON, shells and regular expressions.
const OF_MANAGER = 'sk-manager-3f9c7a1e';
const OF_SESSION = 'pa$$"w\\0rd-5d2b8e4f';
const SECRETS = ['3f9c7a1e', '5d2b8e4f'];

/** Everything in an object, with hidden properties and causes, as one text. */
const allOf = (value: unknown): string =>
  inspect(value, { depth: null, showHidden: true, maxArrayLength: null, maxStringLength: null }) +
  JSON.stringify(value);

const leaks = (text: string): string[] => SECRETS.filter((secret) => text.includes(secret));

/** What `ps` shows of all processes of the machine. */
function commandLines(): string {
  const lines: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      lines.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '));
    } catch {
      // It has ended.
    }
  }
  return lines.join('\n');
}

/** A file that is being written has its temporary name only for a moment. */
function ignoreMissing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '';
}

async function filesBelow(folder: string): Promise<{ count: number; text: string }> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map((file) => readFile(join(file.parentPath, file.name), 'latin1').catch(ignoreMissing)),
  );

  const names = entries.map(({ name }) => name).join('\n');
  return { count: files.length, text: `${names}\n${texts.join('\n')}` };
}

let cwd: string;
beforeEach(async () => {
  cwd = await tempFolder();
});

const withSecrets = (script: string): ReturnType<typeof quick> => ({
  docker: { ...quick(script).docker, env: { QUICK_SCRIPT: script, SESSION_TOKEN: OF_SESSION } },
});
const managerSecrets = { docker: { env: { MANAGER_TOKEN: OF_MANAGER } } };

it('during a session and after it, no secret is in ps, a file, the log, an event or a record', async () => {
  const { manager, stateDir, events } = await testManager(managerSecrets);
  const said = nextEvent(manager, ({ type }) => type === 'session:message');
  const script = `init; say "$(printf %s "$MANAGER_TOKEN" | wc -c) $(printf %s "$SESSION_TOKEN" | wc -c)"; until [ -e go ]; do sleep 0.05; done; result`;
  const { id } = await manager.create({ ...withSecrets(script), prompt: 'x', cwd });
  await said;

  const processes = commandLines();
  // The secrets are there, and so is the client whose command line could show them.
  expect(manager.get(id)?.metadata.lastMessage).toBe(`${OF_MANAGER.length} ${OF_SESSION.length}`);
  expect(processes).toContain(`ao-${id}-1`);
  expect(leaks(processes)).toEqual([]);
  const [container] = JSON.parse(await docker('inspect', `ao-${id}-1`)) as [{ Config: { Env: string[] } }];
  expect(container.Config.Env).toContain(`MANAGER_TOKEN=${OF_MANAGER}`);
  expect(leaks(allOf(manager.list()))).toEqual([]);
  expect(leaks((await filesBelow(stateDir)).text)).toEqual([]);

  await docker('exec', `ao-${id}-1`, 'touch', '/workspace/go');
  const ended = await manager.waitFor(id);
  expect(ended.status).toBe('completed');
  await manager.continue(id, 'Once more');
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', runs: [{}, {}] });

  const files = await filesBelow(stateDir);
  expect(files.text).toContain('stream.log');
  expect(leaks(files.text)).toEqual([]);
  expect(leaks(allOf(events))).toEqual([]);
  expect(leaks(allOf(manager.list()))).toEqual([]);
  expect(leaks(allOf(manager.queueStatus()))).toEqual([]);
  // A log of the manager itself shows no secret either.
  expect(leaks(inspect(manager, { depth: null, showHidden: true }))).toEqual([]);
  figure(
    'secrets',
    `0 in ${processes.split('\n').length} command lines, ${files.count} files, ${events.length} events`,
  );
});

describe('errors about options that contain secrets', () => {
  const env = { TOKEN: OF_SESSION };
  it.each<[string, object]>([
    ['an invalid name of a variable', { docker: { env: { ...env, 'BAD-NAME': OF_SESSION } } }],
    ['a value that is no text', { docker: { env: { ...env, LIST: [OF_SESSION] } } }],
    ['a value with NUL', { docker: { env: { TOKEN: `${OF_SESSION}\0` } } }],
    ['variables as a list', { docker: { env: [`TOKEN=${OF_SESSION}`] } }],
    ['variables as a text', { docker: { env: `TOKEN=${OF_SESSION}` } }],
    ['an unknown key of docker', { docker: { environment: env } }],
    ['an unknown key', { dcoker: { env } }],
    ['an invalid image', { docker: { image: '', env } }],
    ['an invalid memory limit', { docker: { memory: 'lots', env } }],
    ['an invalid mount', { docker: { mounts: ['/a:/b:rx'], env } }],
    ['docker as a list', { docker: [{ env }] }],
    ['an invalid mode', { mode: 'fast', docker: { env } }],
    ['a prompt that is no text', { prompt: { env }, docker: { env } }],
    ['an image that does not exist', { docker: { image: 'no/such:image', env } }],
    ['an image without Claude Code', { docker: { image: engine.bareImage, env } }],
    ['a function as a value', { docker: { env: { ...env, f: () => OF_SESSION } } }],
  ])('the error of create() shows no secret: %s', async (_, options) => {
    const { manager } = await testManager(managerSecrets);
    const error = await manager
      .create({ prompt: 'x', cwd, ...options } as CreateSessionOptions)
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    expect(leaks(`${allOf(error)} ${(error as Error).stack}`)).toEqual([]);
  });

  it('the error of the constructor of a manager shows no secret', () => {
    for (const options of [{ docker: { env: { 'A B': OF_MANAGER } } }, { docker: { envs: { A: OF_MANAGER } } }]) {
      let error: unknown;
      try {
        new UnifiedSessionManager(options as object);
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(Error);
      expect(leaks(`${allOf(error)} ${(error as Error).stack}`)).toEqual([]);
    }
  });

  it.each<[string, (stateDir: string) => AutonomousExecutor | undefined, Pick<CreateSessionOptions, 'docker'>]>([
    [
      'no docker client',
      (stateDir) => new AutonomousExecutor({ stateDir, env: { ...process.env, PATH: '/nowhere' } }),
      withSecrets('init; result'),
    ],
    [
      'variables that are too long for a process',
      () => undefined,
      { docker: { image: engine.quickImage, env: { TOKEN: OF_SESSION.repeat(20_000) } } },
    ],
    ['a container that fails', () => undefined, withSecrets('echo failing >&2; exit 7')],
    [
      'a container that cannot be created',
      () => undefined,
      { docker: { ...withSecrets('').docker, cpus: 500 } }, // More than any machine has.
    ],
    ['a container that is killed', () => undefined, withSecrets('init; kill -9 $$')],
  ])('the error of a failed launch shows no secret: %s', async (_, executorOf, options) => {
    const stateDir = await stateFolder();
    const executor = executorOf(stateDir);
    const { manager, events } = await testManager({
      ...managerSecrets,
      stateDir,
      ...(executor && { executors: { autonomous: executor } }),
    });
    const ends = countEnds(manager);
    const { id } = await manager.create({ prompt: 'x', cwd, ...options });
    const ended = await manager.waitFor(id);
    expect(ended.status).toBe('failed');
    expect(ended.result?.error).toBeTruthy();
    expect(ends.get(id)).toBe(1);
    expect(leaks(allOf(ended))).toEqual([]);
    expect(leaks(allOf(events))).toEqual([]);
    expect(leaks((await filesBelow(stateDir)).text)).toEqual([]);
  });
});
