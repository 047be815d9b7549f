import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  ContainerPlanner,
  type DockerSpec,
  type PlannedContainer,
} from '../../../../src/core/orchestration/docker/container-planner.js';
import type { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import type { ImageFacts, ImageProbe } from '../../../../src/core/orchestration/docker/image-probe.js';
import { OrchestrationError } from '../../../../src/core/orchestration/errors.js';
import { SessionFolder } from '../../../../src/core/orchestration/state/session-folder.js';
import { errorOf } from '../../../support/errors.js';
import { repository } from '../../../support/git.js';
import { tempFolder } from '../../../support/temp-folder.js';

const FACTS: ImageFacts = {
  uid: 1000,
  gids: [1000],
  home: '/home/me',
  claudeVersion: '2.1.98',
  onboarded: true,
  env: { PATH: '/image/bin', LD_LIBRARY_PATH: '/image/lib' },
};
const IDENTITY = { name: 'ao-a-1', labels: { owner: 'me' } };
const GUARD = { source: '/guard', target: '/run/guard', readonly: true };
const MCP_CONFIG = '/run/autonomous-orchestration/mcp.json';

interface Circumstances {
  facts?: Partial<ImageFacts>;
  mapsUsers?: () => Promise<boolean>;
}

function scene({ facts = {}, mapsUsers = async () => true }: Circumstances = {}) {
  const stateDir = tempFolder();
  const socketPath = join(tempFolder(), 'engine.sock');
  writeFileSync(socketPath, '');
  const probed = vi.fn(async () => ({ ...FACTS, ...facts }));
  const planner = new ContainerPlanner({
    engine: { mapsUsers } as unknown as DockerEngine,
    probe: { facts: probed } as unknown as ImageProbe,
    endpoint: async () => ({ socketPath }),
    stateDir,
    host: { env: {}, home: tempFolder() },
  });
  const folder = new SessionFolder(stateDir, 'a');
  const specOf = (change: Partial<DockerSpec> = {}, docker: Partial<DockerSpec['docker']> = {}): DockerSpec => ({
    cwd: tempFolder(),
    claude: {},
    worktree: undefined,
    readOnly: false,
    docker: { image: 'image', ...docker },
    ...change,
  });
  const planned = (spec: DockerSpec): Promise<PlannedContainer> =>
    planner.container(spec, IDENTITY, folder, { mounts: [GUARD], env: { GUARDED: '1' } });
  return { planner, planned, specOf, folder, socketPath, probed };
}

describe('the container of a session', () => {
  it('gets the workspace, its conversation, what the user asked for, and last the guard', async () => {
    const { planned, specOf, folder } = scene();
    const source = tempFolder();
    const spec = specOf({}, { mounts: [`${source}:/data:ro`], env: { KEY: 'value' }, memory: '1g' });
    const { mounts, mountStrings, ...rest } = await planned(spec);
    expect(mounts).toEqual([
      { source: spec.cwd, target: '/workspace', readonly: false },
      { source: folder.projects, target: '/home/me/.claude/projects', readonly: false },
      { source, target: '/data', readonly: true },
      GUARD,
    ]);
    // ChannelCoder mounts the workspace itself.
    expect(mountStrings).toEqual([
      `${folder.projects}:/home/me/.claude/projects`,
      `${source}:/data:ro`,
      '/guard:/run/guard:ro',
    ]);
    expect(rest).toMatchObject({ ...IDENTITY, options: spec.docker, env: { KEY: 'value', GUARDED: '1' }, claude: {} });
    expect(rest.env).not.toHaveProperty('IS_SANDBOX');
  });

  it('may only read the workspace where the agent may', async () => {
    const { planned, specOf } = scene();
    const { mounts } = await planned(specOf({ readOnly: true }));
    expect(mounts[0]).toMatchObject({ target: '/workspace', readonly: true });
  });

  it('finds its MCP configuration at a place of its own', async () => {
    const { planned, specOf, folder } = scene();
    const { mounts, claude } = await planned(specOf({ claude: { mcpConfig: folder.mcpConfig, maxTurns: 3 } }));
    expect(mounts).toContainEqual({ source: folder.mcpConfig, target: MCP_CONFIG, readonly: true });
    expect(claude).toEqual({ mcpConfig: MCP_CONFIG, maxTurns: 3 });
  });

  it('tells Claude that it is in a sandbox where the user of the image is root', async () => {
    const { planned, specOf } = scene({ facts: { uid: 0, gids: [0], home: '/root' } });
    expect((await planned(specOf())).env).toMatchObject({ IS_SANDBOX: '1' });
  });

  it('starts with the variables of its image and of the options; what the guard sets is set last', async () => {
    const { planner, planned, specOf } = scene();
    const spec = specOf({}, { env: { KEY: 'value', PATH: '/own/bin', GUARDED: 'no' } });
    expect(await planner.environment(spec)).toMatchObject({
      KEY: 'value',
      PATH: '/own/bin',
      LD_LIBRARY_PATH: '/image/lib',
    });
    expect((await planned(spec)).env).toMatchObject({ KEY: 'value', GUARDED: '1' });
  });

  it.each([
    ['is gone', 'is gone', () => {}],
    ['is a link by now', 'leads to', (cwd: string, moved: string) => symlinkSync(moved, cwd)],
  ])('is refused where the workspace %s', async (_, message, then) => {
    const { planned, specOf } = scene();
    const cwd = join(tempFolder(), 'workspace');
    mkdirSync(cwd);
    renameSync(cwd, `${cwd}-moved`);
    then(cwd, `${cwd}-moved`);
    expect((await errorOf(planned(specOf({ cwd })), 'UNSAFE_MOUNT')).message).toContain(message);
  });
});

describe('a session is checked', () => {
  it("is refused with the engine's own socket, before the image is asked", async () => {
    const { planner, specOf, socketPath, probed } = scene();
    await errorOf(planner.check(specOf({}, { mounts: [`${socketPath}:/socket`] })), 'UNSAFE_MOUNT');
    expect(probed).not.toHaveBeenCalled();
    await planner.check(specOf({}, { mounts: [`${socketPath}:/socket`], allowUnsafeMounts: true }));
  });

  it.each([
    [true, ''],
    [false, 'ONBOARDING_NEEDED'],
  ] as const)('for a person at its terminal, in an image where Claude was set up: %s', async (onboarded, code) => {
    const { planner } = scene({ facts: { onboarded } });
    const demanded = planner.demandOnboarding({ image: 'image' });
    if (code === '') await demanded;
    else await errorOf(demanded, code);
  });
});

describe.runIf(process.platform === 'linux')("a workspace that the image's user cannot write", () => {
  const unwritable = (path: string): string => {
    chmodSync(path, 0o555);
    return path;
  };

  it('is refused', async () => {
    const { planner, planned, specOf } = scene({ mapsUsers: async () => false });
    const spec = specOf({ cwd: unwritable(tempFolder()) });
    await errorOf(planner.check(spec), 'WORKSPACE_NOT_WRITABLE');
    await errorOf(planned(spec), 'WORKSPACE_NOT_WRITABLE');
  });

  it('is taken where the agent only reads it, and where the engine maps users', async () => {
    const own = scene({ mapsUsers: async () => false });
    await own.planner.check(own.specOf({ cwd: unwritable(tempFolder()), readOnly: true }));
    const mapped = scene();
    await mapped.planner.check(mapped.specOf({ cwd: unwritable(tempFolder()) }));
  });

  it("is taken for a session with a worktree, whose commits go to the repository's objects", async () => {
    const stranger = { uid: 4_000_000, gids: [4_000_000] };
    const { planner, specOf } = scene({ facts: stranger, mapsUsers: async () => false });
    const cwd = repository();
    const objects = join(cwd, '.git/objects');
    chmodSync(objects, 0o777);
    const spec = specOf({ cwd, worktree: { branch: 'b' } });
    await planner.check(spec);
    chmodSync(objects, 0o755);
    expect((await errorOf(planner.check(spec), 'WORKSPACE_NOT_WRITABLE')).message).toContain(objects);
  });

  it('is asked of the engine once; a failure is not remembered', async () => {
    const away = new OrchestrationError('DOCKER_UNAVAILABLE', 'away');
    const mapsUsers = vi.fn(async () => true).mockRejectedValueOnce(away);
    const { planner, specOf } = scene({ mapsUsers });
    expect(await errorOf(planner.check(specOf()), 'DOCKER_UNAVAILABLE')).toBe(away);
    await planner.check(specOf());
    await planner.check(specOf());
    expect(mapsUsers).toHaveBeenCalledTimes(2);
  });
});
