import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import type { EngineUsers } from '../../../../src/core/orchestration/docker/agent-user.js';
import {
  ContainerPlanner,
  type PlannedContainer,
} from '../../../../src/core/orchestration/docker/container-planner.js';
import type { DockerSpec } from '../../../../src/core/orchestration/docker/docker-spec.js';
import type { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import type { HelperContainers } from '../../../../src/core/orchestration/docker/helper-containers.js';
import type { ImageFacts, ImageProbe } from '../../../../src/core/orchestration/docker/image-probe.js';
import { requireOwnWorktree } from '../../../../src/core/orchestration/docker/session-user.js';
import { StoredLogin } from '../../../../src/core/orchestration/login/stored-login.js';
import { sessionCache } from '../../../../src/core/orchestration/session/caches.js';
import type { LoginSource } from '../../../../src/core/orchestration/session/login-source.js';
import { errorOf } from '../../../support/errors.js';
import { git, repository } from '../../../support/git.js';
import { imageFacts } from '../../../support/image-facts.js';
import { tempFolder } from '../../../support/temp-folder.js';

const FACTS = imageFacts({
  entrypoint: ['/start'],
  home: '/home/me',
  configDir: '/home/me/.claude',
  name: 'me',
  imageHome: '/home/me',
  env: { PATH: '/image/bin', LD_LIBRARY_PATH: '/image/lib' },
});
const IDENTITY = { name: 'ao-a-1', labels: { owner: 'me' } };
const NETWORK = { id: 'net-1', driver: 'bridge', options: { 'com.docker.network.bridge.enable_icc': 'false' } };
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

interface Circumstances {
  facts?: Partial<ImageFacts>;
  users?: () => Promise<EngineUsers>;
  home?: string;
  stateDir?: string;
  login?: LoginSource | false;
}

async function scene({
  facts = {},
  users = async () => ({ areHidden: true, storage: '/images', ownsMemory: true }),
  ...own
}: Circumstances = {}) {
  const { home = tempFolder(), stateDir = tempFolder(), login = false } = own;
  const socketPath = join(tempFolder(), 'engine.sock');
  writeFileSync(socketPath, '');
  const network = vi.fn(async () => [NETWORK]);
  const probed = vi.fn(async () => ({ ...FACTS, ...facts }));
  const planner = new ContainerPlanner({
    engine: { users, networks: network, volumes: { inspect: async () => undefined } } as unknown as DockerEngine,
    probe: { facts: probed } as unknown as ImageProbe,
    helpers: {} as unknown as HelperContainers,
    endpoint: async () => ({ socketPath }),
    stateDir,
    host: { env: {}, home },
    login: new StoredLogin({ source: login, env: {}, home }),
  });
  const folder = new SessionFolder(stateDir, 'a');
  await folder.create();
  await folder.write(folder.mcpConfig, '{}');
  const guard = { source: join(tempFolder(), 'hook.sh'), target: '/run/guard', readonly: true };
  writeFileSync(guard.source, '');
  const specOf = (change: Partial<DockerSpec> = {}, docker: Partial<DockerSpec['docker']> = {}): DockerSpec => ({
    cwd: tempFolder(),
    claude: {},
    worktree: undefined,
    readOnly: false,
    docker: { image: 'image', ...docker },
    ...change,
  });
  const planned = async (spec: DockerSpec): Promise<PlannedContainer> => {
    const ground = await planner.ground(spec);
    return planner.container(spec, IDENTITY, folder, ground, { mounts: [guard], env: { GUARDED: '1' } });
  };
  return { planner, planned, specOf, folder, guard, network, socketPath, probed };
}

describe('the container of a session', () => {
  it("the container has the workspace, the user's mounts, its conversation, and last the guard", async () => {
    const { planned, specOf, folder, guard } = await scene();
    const source = tempFolder();
    const spec = specOf({}, { mounts: [`${source}:/data:ro`], env: { KEY: 'value' }, memory: '1g' });
    const { mounts, mountStrings, ...rest } = await planned(spec);
    expect(mounts).toMatchObject([
      { source: spec.cwd, target: '/workspace', readonly: false },
      { source, target: '/data', readonly: true },
      { source: folder.projects, target: '/home/me/.claude/projects', readonly: false },
      guard,
    ]);
    // ChannelCoder mounts the workspace itself.
    expect(mountStrings).toEqual([
      `${source}:/data:ro`,
      `${folder.projects}:/home/me/.claude/projects`,
      `${guard.source}:/run/guard:ro`,
    ]);
    expect(rest).toMatchObject({ ...IDENTITY, options: spec.docker, env: { KEY: 'value', GUARDED: '1' }, claude: {} });
    expect(rest.env).not.toHaveProperty('IS_SANDBOX');
  });

  it('a session gets the stored login, unless its options give one', async () => {
    const envFile = join(tempFolder(), 'login.env');
    writeFileSync(envFile, 'CLAUDE_CODE_OAUTH_TOKEN=stored\n', { mode: 0o600 });
    const { planner, planned, specOf } = await scene({ login: { envFile } });
    expect((await planned(specOf())).env).toMatchObject({ CLAUDE_CODE_OAUTH_TOKEN: 'stored' });
    const own = await planned(specOf({}, { env: { ANTHROPIC_API_KEY: 'own' } }));
    expect(own.env).toMatchObject({ ANTHROPIC_API_KEY: 'own' });
    expect(own.env).not.toHaveProperty('CLAUDE_CODE_OAUTH_TOKEN');
    // The options, which are written to the disk, do not have it.
    expect(await planner.check(specOf())).not.toHaveProperty('env.CLAUDE_CODE_OAUTH_TOKEN');
  });

  it('a stored login that cannot be used is refused before anything is made', async () => {
    const { planner, specOf } = await scene({ login: { envFile: '/nonexistent/login.env' } });
    const error = await errorOf(planner.check(specOf()), 'INVALID_OPTIONS');
    expect(error.message).toContain("Option 'login.envFile'");
  });

  it('the caches are those of the repository that is mounted, not of one that a workspace happens to lie in', async () => {
    const { planned, specOf } = await scene();
    const caches = [sessionCache('npm')];
    const [outer, inner] = [repository(), repository()].map((path) => realpathSync(path)) as [string, string];
    expect((await planned(specOf({ cwd: outer, caches }))).caches?.scope).toBe(join(outer, '.git'));
    const nested = join(outer, 'nested');
    renameSync(inner, nested);
    expect((await planned(specOf({ cwd: nested, caches }))).caches?.scope).toBe(join(nested, '.git'));
    // As an agent may do.
    renameSync(join(nested, '.git'), join(nested, 'moved'));
    expect((await planned(specOf({ cwd: nested, caches }))).caches?.scope).toBe(nested);
  });

  it('the workspace is mounted read-only if the agent may only read it', async () => {
    const { planned, specOf } = await scene();
    const { mounts } = await planned(specOf({ readOnly: true }));
    expect(mounts[0]).toMatchObject({ target: '/workspace', readonly: true });
  });

  it('the MCP configuration is mounted read-only at a place of its own', async () => {
    const { planned, specOf, folder } = await scene();
    const { mounts, claude } = await planned(specOf({ claude: { mcpConfig: folder.mcpConfig, maxTurns: 3 } }));
    expect(mounts).toContainEqual(
      expect.objectContaining({ source: folder.mcpConfig, target: MCP_CONFIG, readonly: true }),
    );
    expect(claude).toEqual({ mcpConfig: MCP_CONFIG, maxTurns: 3 });
  });

  it('IS_SANDBOX is set if the user of the image is root', async () => {
    const { planned, specOf } = await scene({ facts: { uid: 0, gids: [0], home: '/root' } });
    expect((await planned(specOf())).env).toMatchObject({ IS_SANDBOX: '1' });
  });

  it('variables come from the image, then from the options, and last from the guard', async () => {
    const { planner, planned, specOf } = await scene();
    const spec = specOf({}, { env: { KEY: 'value', PATH: '/own/bin', GUARDED: 'no' } });
    expect((await planner.ground(spec)).env).toMatchObject({
      KEY: 'value',
      PATH: '/own/bin',
      LD_LIBRARY_PATH: '/image/lib',
    });
    expect((await planned(spec)).env).toMatchObject({ KEY: 'value', GUARDED: '1' });
  });

  it.each([
    ['is gone', 'is gone', () => {}],
    ['has become a link', 'leads to', (cwd: string, moved: string) => symlinkSync(moved, cwd)],
  ])('a container is refused if the workspace %s', async (_, message, then) => {
    const { planned, specOf } = await scene();
    const cwd = join(tempFolder(), 'workspace');
    mkdirSync(cwd);
    renameSync(cwd, `${cwd}-moved`);
    then(cwd, `${cwd}-moved`);
    expect((await errorOf(planned(specOf({ cwd })), 'UNSAFE_MOUNT')).message).toContain(message);
  });

  it.each([false, true])('a git folder outside of the workspaces is refused (read-only: %s)', async (readOnly) => {
    const { planned, specOf } = await scene();
    const repo = repository();
    const cwd = join(tempFolder(), 'dev');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'dev', cwd);
    const { message } = await errorOf(planned(specOf({ cwd, readOnly, workspaces: [cwd] })), 'UNSAFE_MOUNT');
    expect(message).toContain(repo);
    const { mounts } = await planned(specOf({ cwd, readOnly, workspaces: [cwd, repo] }));
    expect(mounts).toContainEqual(expect.objectContaining({ source: join(repo, '.git') }));
  });
});

describe('the network of a session', () => {
  it('the session network is the default, and is looked up at creation and at each start', async () => {
    const { planner, planned, specOf, network } = await scene();
    await planner.check(specOf());
    expect((await planned(specOf())).options.network).toBe('net-1');
    expect(network).toHaveBeenCalledTimes(2);
  });

  it.each(['none', 'host', 'bridge', 'mine'])('the requested network is used: %s', async (name) => {
    const { planner, planned, specOf, network } = await scene();
    await planner.check(specOf({}, { network: name }));
    expect((await planned(specOf({}, { network: name }))).options.network).toBe(name);
    expect(network).toHaveBeenCalledTimes(name === 'mine' ? 1 : 0);
  });
});

describe('the mounts that a user asks for', () => {
  it('mounts and the workspace carry the device and inode of the sources that were checked', async () => {
    const { planned, specOf } = await scene();
    const [cwd, source] = [tempFolder(), tempFolder()];
    const { mounts } = await planned(specOf({ cwd }, { mounts: [`${source}:/data`] }));
    const identities = [cwd, source].map((path) => {
      const { dev, ino } = statSync(path, { bigint: true });
      return { source: path, identity: { dev: String(dev), ino: String(ino) } };
    });
    expect(mounts.slice(0, 2)).toMatchObject(identities);
  });

  it.each<[string, (path: string) => Partial<DockerSpec['docker']>]>([
    ['a mount', (path) => ({ mounts: [`${path}:/data`] })],
    ['a key', (path) => ({ ssh: { keyFile: join(path, 'key') } })],
  ])('%s behind a link keeps the target that it had when the session was created', async (_, asked) => {
    const { planner, planned, specOf } = await scene();
    const [first, second] = [tempFolder(), tempFolder()];
    for (const folder of [first, second]) writeFileSync(join(folder, 'key'), '');
    const path = join(tempFolder(), 'link');
    symlinkSync(first, path);
    const spec = specOf({}, asked(path));

    const { docker } = await planner.check(spec);
    unlinkSync(path);
    symlinkSync(second, path);
    const sources = (await planned({ ...spec, docker })).mounts.map(({ source }) => source);
    expect(sources.filter((source) => source.startsWith(first))).toHaveLength(1);
    expect(sources.filter((source) => source.startsWith(second))).toEqual([]);

    renameSync(first, `${first}-moved`);
    symlinkSync(second, first);
    const { message } = await errorOf(planned({ ...spec, docker }), 'UNSAFE_MOUNT');
    expect(message).toContain(`leads to "${second}`);
  });

  it('a mount is refused if an agent has put a link on its path', async () => {
    const { planned, specOf } = await scene();
    const [cwd, source] = [tempFolder(), tempFolder()];
    symlinkSync('/etc', join(cwd, 'data'));
    const spec = specOf({ cwd }, { mounts: [`${source}:/workspace/data/claude-code`] });
    expect((await errorOf(planned(spec), 'UNSAFE_MOUNT')).message).toContain(join(cwd, 'data'));
  });
});

describe('the check of a session', () => {
  it('a repository in which the agent could not commit is refused, unless the agent only reads or owners do not matter', async () => {
    const own = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
    const { planner, specOf } = await scene({
      facts: own,
      users: async () => ({ areHidden: false, storage: '/images', ownsMemory: true }),
    });
    const cwd = repository();
    await planner.check(specOf({ cwd }));
    chmodSync(join(cwd, '.git/objects'), 0o500);
    const { message } = await errorOf(planner.check(specOf({ cwd })), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain(join(cwd, '.git/objects'));
    await planner.check(specOf({ cwd, readOnly: true }));
    await (await scene()).planner.check(specOf({ cwd }));
  });

  it.each<[string, string, Partial<DockerSpec['docker']>]>([
    ['a carriage return and a line feed', 'a\r\nb', {}],
    ['a colon, if it has to get a label of SELinux', 'a:b', { selinux: 'z' }],
  ])('a path with %s is refused, because the docker command would mount another one', async (_, name, docker) => {
    const { planner, planned, specOf } = await scene();
    const path = join(tempFolder(), name);
    mkdirSync(path);
    const inWorktree = specOf({ worktree: { branch: 'b', path } }, docker);
    for (const spec of [specOf({ cwd: path }, docker), inWorktree]) {
      expect((await errorOf(planner.check(spec), 'INVALID_OPTIONS')).message).toContain(JSON.stringify(path));
    }
    await errorOf(planned(specOf({ cwd: path }, docker)), 'INVALID_OPTIONS');
    const named = join(tempFolder(), 'a\rb:c');
    mkdirSync(named);
    await planner.check(specOf({ cwd: named }));
  });

  it('the check says as whom the session works, unless docker.user or the engine decides', async () => {
    const users = async () => ({ areHidden: false, storage: '/images', ownsMemory: true });
    const cwd = tempFolder();
    const { uid, gid } = statSync(cwd);
    const facts = { uid, gid, gids: [gid] };
    const { planner, specOf } = await scene({ users, facts });
    expect((await planner.check(specOf({ cwd }))).worksAs).toEqual({ uid, gid, groups: [gid] });
    expect(await planner.check(specOf({ cwd }, { user: 'node' }))).not.toHaveProperty('worksAs');
    const hidden = await scene();
    expect(await hidden.planner.check(specOf({ cwd }))).not.toHaveProperty('worksAs');
  });

  it.each<[string, (home: string, stateDir: string) => string]>([
    ['/', () => '/'],
    ['/etc', () => '/etc'],
    ['/home', () => '/home'],
    ['/proc/self/root', () => '/proc/self/root'],
    ['a folder of /proc', () => '/proc/self/net'],
    ['/dev', () => '/dev'],
    ['the shared temporary folder', () => '/tmp'],
    ['the home folder', (home) => home],
    ['the folder above the home folder', (home) => dirname(home)],
    ['~/.ssh', (home) => join(home, '.ssh')],
    ['a folder in ~/.ssh', (home) => join(home, '.ssh/project')],
    ['the stateDir', (_, stateDir) => stateDir],
    ['a folder in the stateDir', (_, stateDir) => join(stateDir, 'sessions')],
    ['the folder above the stateDir', (_, stateDir) => dirname(stateDir)],
  ])('a session is refused at its creation and at its start if the workspace is %s', async (_, cwdOf) => {
    const root = tempFolder();
    const [home, stateDir] = [join(root, 'homes/me'), join(root, 'state/own')];
    for (const path of [join(home, '.ssh/project'), join(stateDir, 'sessions')]) mkdirSync(path, { recursive: true });
    const { planner, planned, specOf } = await scene({ home, stateDir });
    const cwd = realpathSync(cwdOf(home, stateDir));
    const { message } = await errorOf(planner.check(specOf({ cwd })), 'UNSAFE_MOUNT');
    expect(message).toContain(`"${cwd}"`);
    await errorOf(planned(specOf({ cwd })), 'UNSAFE_MOUNT');
  });

  it.each([
    ['in ~/.ssh', '~/.ssh/tree'],
    ["among the user's start-up scripts", '~/.config/systemd/user'],
    ["in this library's stateDir", '$/sessions/tree'],
    ['in a system folder of the machine', '/etc/tree'],
    ['in a file system of the kernel', '/proc/tree'],
  ])('a session is refused if its worktree would be created %s', async (_, wanted) => {
    const [home, stateDir] = [tempFolder(), tempFolder()];
    const { planner, specOf } = await scene({ home, stateDir });
    const path = wanted.replace('~', home).replace('$', stateDir);
    const { message } = await errorOf(planner.check(specOf({ worktree: { branch: 'b', path } })), 'UNSAFE_MOUNT');
    expect(message).toContain(path);
  });

  it('a session is accepted if its worktree would be created in a folder of projects', async () => {
    const home = tempFolder();
    const { planner, specOf } = await scene({ home });
    await planner.check(specOf({ cwd: repository(), worktree: { branch: 'b', path: join(home, 'projects/tree') } }));
  });

  it("a mount of the engine's own socket is refused before the image is probed", async () => {
    const { planner, specOf, socketPath, probed } = await scene();
    await errorOf(planner.check(specOf({}, { mounts: [`${socketPath}:/socket`] })), 'UNSAFE_MOUNT');
    expect(probed).not.toHaveBeenCalled();
    await planner.check(specOf({}, { mounts: [`${socketPath}:/socket`], allowUnsafeMounts: true }));
  });

  it.each([
    [true, ''],
    [false, 'ONBOARDING_NEEDED'],
  ] as const)('a terminal session needs an image in which Claude was set up: %s', async (onboarded, code) => {
    const { planner, specOf } = await scene({ facts: { onboarded } });
    const demanded = planner.requireOnboarding(specOf());
    if (code === '') await demanded;
    else await errorOf(demanded, code);
  });
});

describe('where Claude Code keeps its files', () => {
  it('the conversation is mounted where CLAUDE_CONFIG_DIR of the image or of the session leads', async () => {
    const { planned, specOf, folder } = await scene({ facts: { configDir: '/data/claude' } });
    expect((await planned(specOf())).mounts).toContainEqual(
      expect.objectContaining({ source: folder.projects, target: '/data/claude/projects' }),
    );
  });

  it.each(['/data/claude/projects', '/data/claude/projects/x'])(
    'a session is refused if a mount would cover its conversation: %s',
    async (target) => {
      const { planner, planned, specOf } = await scene({ facts: { configDir: '/data/claude' } });
      const spec = specOf({}, { mounts: [`${tempFolder()}:${target}`] });
      expect((await errorOf(planner.check(spec), 'INVALID_OPTIONS')).message).toContain("cover Claude's conversation");
      await errorOf(planned(spec), 'INVALID_OPTIONS');
    },
  );

  it.each(['/home/me', '/home/me/.claude', '/home'])(
    'a session is refused if %s is mounted read-only',
    async (target) => {
      const { planner, specOf } = await scene();
      const source = tempFolder();
      const { message } = await errorOf(
        planner.check(specOf({}, { mounts: [`${source}:${target}:ro`] })),
        'INVALID_OPTIONS',
      );
      expect(message).toContain(source);
      expect(message).toContain('is read-only');
    },
  );

  it.each(['/home', '/home/me'])(
    'nothing that an agent can write and that lasts may lie around its conversation: %s',
    async (target) => {
      const { planner, planned, specOf } = await scene();
      const cache = { name: 'own', target, maxBytes: 1, env: {} };
      for (const spec of [
        specOf({}, { mounts: [`${tempFolder()}:${target}`] }),
        specOf({}, { volumes: [{ name: 'home', target }] }),
        specOf({}, { volumes: [{ name: 'home', target, readonly: true }] }),
        specOf({ caches: [cache] }),
      ]) {
        const { message } = await errorOf(planner.check(spec), 'INVALID_OPTIONS');
        for (const word of [target, '/home/me/.claude/projects', 'link']) expect(message).toContain(word);
        await errorOf(planned(spec), 'INVALID_OPTIONS');
      }
      await errorOf(planner.check(specOf({}, { tmpfs: [{ target }] })), 'INVALID_OPTIONS');
    },
  );

  it.each([
    ['/home/me', '/home/me'],
    ['/home', '/home/me'],
    ['/home/me/.claude', '/home/me/.claude'],
    ['/opt/claude', '/opt/claude/cli.js'],
    ['/opt', '/opt/claude/cli.js'],
  ])('no folder in memory may hide what Claude Code needs: %s', async (target, hidden) => {
    const { planner, planned, specOf } = await scene();
    const spec = specOf({}, { tmpfs: [{ target }] });
    const { message } = await errorOf(planner.check(spec), 'INVALID_OPTIONS');
    for (const word of ['docker.tmpfs', target, hidden]) expect(message).toContain(word);
    await errorOf(planned(spec), 'INVALID_OPTIONS');
    for (const beside of ['/home/me/.cache', '/opt/other', '/home/other', '/tmp'])
      await planner.check(specOf({}, { tmpfs: [{ target: beside }] }));
  });

  it('no volume may lie over Claude Code, and none around a home folder that nobody would make in it', async () => {
    const { planner, specOf } = await scene({ facts: { configDir: '/data/claude' } });
    for (const target of ['/opt/claude', '/home']) {
      const spec = specOf({}, { volumes: [{ name: 'own', target }] });
      expect((await errorOf(planner.check(spec), 'INVALID_OPTIONS')).message).toContain(target);
    }
    await planner.check(specOf({}, { volumes: [{ name: 'own', target: '/home/me' }] }));
    await planner.check(specOf({}, { mounts: [`${tempFolder()}:/opt/claude:ro`] }));
  });

  it("Claude's configuration folder itself may be mounted", async () => {
    const { planner, specOf } = await scene();
    const target = '/home/me/.claude';
    await planner.check(specOf({}, { mounts: [`${tempFolder()}:${target}`] }));
    await planner.check(specOf({}, { volumes: [{ name: 'config', target }] }));
  });

  it.each(['volumes', 'tmpfs'])('nothing of %s may lie in the conversation', async (option) => {
    const { planner, specOf } = await scene({ facts: { configDir: '/data/claude' } });
    const spec = specOf({}, { [option]: [{ name: 'own', target: '/data/claude/projects/x' }] });
    expect((await errorOf(planner.check(spec), 'INVALID_OPTIONS')).message).toContain('conversation');
  });

  it('a container is refused if an agent has put a link in the place of its conversation', async () => {
    const { planned, specOf } = await scene();
    const source = tempFolder();
    symlinkSync('/usr/bin', join(source, 'projects'));
    const spec = specOf({}, { mounts: [`${source}:/home/me/.claude`] });
    const { message } = await errorOf(planned(spec), 'UNSAFE_MOUNT');
    expect(message).toContain(join(source, 'projects'));
  });

  it('a container is refused if an agent has put a link on the way to a cache', async () => {
    const { planned, specOf } = await scene();
    const cwd = tempFolder();
    symlinkSync('/usr', join(cwd, 'deps'));
    const cache = { name: 'own', target: '/workspace/deps/bin', maxBytes: 1, env: {} };
    expect((await errorOf(planned(specOf({ cwd, caches: [cache] })), 'UNSAFE_MOUNT')).message).toContain('deps');
  });

  it('nothing that an agent can write and that lasts may lie around the known hosts of ssh', async () => {
    const home = tempFolder();
    mkdirSync(join(home, '.ssh'));
    writeFileSync(join(home, '.ssh/known_hosts'), '');
    writeFileSync(join(home, '.ssh/key'), '');
    const { planner, specOf } = await scene({ home, facts: { configDir: '/data/claude' } });
    const ssh = { keyFile: join(home, '.ssh/key') };
    for (const target of ['/home/me', '/home/me/.ssh']) {
      const spec = specOf({}, { ssh, volumes: [{ name: 'own', target }] });
      expect((await errorOf(planner.check(spec), 'INVALID_OPTIONS')).message).toContain('known_hosts');
    }
  });

  it.each([
    ['HOME', { home: '/workspace' }],
    ['CLAUDE_CONFIG_DIR', { configDir: '/workspace/.claude' }],
  ])('an image is refused if its %s lies in the workspace', async (name, facts) => {
    const { planner, specOf } = await scene({ facts });
    const { message } = await errorOf(planner.check(specOf()), 'INVALID_OPTIONS');
    for (const word of [name, '"image"', '/workspace', 'docker.env']) expect(message).toContain(word);
  });

  it('settings in a mounted configuration folder are checked like those of the workspace', async () => {
    const { planner, planned, specOf } = await scene();
    const source = tempFolder();
    writeFileSync(join(source, 'settings.json'), '{"env":{"LD_SHOW_AUXV":"1"}}');
    const spec = specOf({}, { mounts: [`${source}:/home/me/.claude`] });
    expect((await errorOf(planner.check(spec), 'UNSAFE_SETTINGS')).message).toContain('LD_SHOW_AUXV');
    await errorOf(planned(spec), 'UNSAFE_SETTINGS');
  });
});

describe.runIf(process.platform === 'linux')('a workspace that nobody of the session can write', () => {
  it('a session is refused when it is created and when it starts, unless the agent only reads', async () => {
    const { planner, planned, specOf } = await scene({
      users: async () => ({ areHidden: false, storage: '/images', ownsMemory: true }),
    });
    const cwd = tempFolder();
    chmodSync(cwd, 0o555);
    await errorOf(planner.check(specOf({ cwd })), 'WORKSPACE_NOT_WRITABLE');
    await errorOf(planned(specOf({ cwd })), 'WORKSPACE_NOT_WRITABLE');
    await planner.check(specOf({ cwd, readOnly: true }));
    await (await scene()).planner.check(specOf({ cwd }));
  });

  it('a session with a worktree needs a writable objects folder, but no writable workspace', async () => {
    const facts = { uid: process.getuid?.() ?? 0 };
    const { planner, specOf } = await scene({
      facts,
      users: async () => ({ areHidden: false, storage: '/images', ownsMemory: true }),
    });
    const cwd = repository();
    const objects = join(cwd, '.git/objects');
    chmodSync(cwd, 0o555);
    const spec = specOf({ cwd, worktree: { branch: 'b' } });
    await planner.check(spec);
    chmodSync(objects, 0o555);
    expect((await errorOf(planner.check(spec), 'WORKSPACE_NOT_WRITABLE')).message).toContain(objects);
    chmodSync(cwd, 0o755);
  });
});

describe.runIf(process.getuid?.() === 0)('the user of a session with a worktree, for a process of root', () => {
  const users = async () => ({ areHidden: false, storage: '/images', ownsMemory: true });
  const worktree = { branch: 'b' };
  const owned = (uid: number): string => {
    const folder = repository();
    execFileSync('chown', ['-R', `${uid}:${uid}`, folder]);
    return folder;
  };

  it('a .git that leads to the repository of somebody else does not choose its owner', async () => {
    const { planner, specOf } = await scene({ users });
    const [cwd, theirs] = [owned(1000), owned(0)];
    expect(await planner.check(specOf({ cwd, worktree }))).toMatchObject({ worksAs: { uid: 1000 } });
    // The agent exchanges it after the check of the worktree.
    renameSync(join(cwd, '.git'), join(cwd, 'moved'));
    writeFileSync(join(cwd, '.git'), `gitdir: ${join(theirs, '.git')}\n`);
    const { message } = await errorOf(planner.check(specOf({ cwd, worktree })), 'WORKTREE_FAILED');
    expect(message).toContain(`leads to "${join(theirs, '.git')}", which does not lead back`);
    await errorOf(planner.requireOnboarding(specOf({ cwd, worktree })), 'WORKTREE_FAILED');
  });

  it('a worktree of another owner than the user of the session is refused, whoever may write there', async () => {
    const { planned, specOf } = await scene({ users });
    const cwd = owned(4321);
    chmodSync(cwd, 0o777);
    const worksAs = { uid: 1000, gid: 1000, groups: [] };
    const { message } = await errorOf(planned(specOf({ cwd, worktree, worksAs })), 'WORKTREE_FAILED');
    for (const word of [cwd, 'belongs to uid 4321', 'as uid 1000', 'chown', 'docker.user'])
      expect(message).toContain(word);
    await planned(specOf({ cwd, worktree, worksAs }, { user: 'me' }));
    execFileSync('chown', ['-R', '1000:1000', cwd]);
    await planned(specOf({ cwd, worktree, worksAs }));
  });

  it('the first run of a session that chose no user keeps the user that it gets, and no other run does', async () => {
    const kept = async (change: Partial<DockerSpec>, docker: Partial<DockerSpec['docker']> = {}) => {
      const { planned, specOf, folder } = await scene({ users });
      await planned(specOf({ cwd: owned(1000), ...change }, docker));
      return existsSync(folder.user) ? JSON.parse(readFileSync(folder.user, 'utf8')) : undefined;
    };
    expect(await kept({ worktree })).toMatchObject({ uid: 1000, gid: 1000 });
    expect(await kept({})).toMatchObject({ uid: 1000 });
    expect(await kept({ worksAs: { uid: 1000, gid: 1000, groups: [] } })).toBeUndefined();
    expect(await kept({}, { user: 'me' })).toBeUndefined();
  });

  it('something else in the place of the worktree is refused when its owner is asked for', async () => {
    const folder = tempFolder();
    const mount = { source: folder, target: '/workspace', readonly: false, identity: { dev: '0', ino: '0' } };
    const spec = { worktree, worksAs: { uid: 0, gid: 0, groups: [] }, docker: { image: 'image' } };
    await errorOf(requireOwnWorktree(mount, spec), 'UNSAFE_MOUNT');
  });
});
