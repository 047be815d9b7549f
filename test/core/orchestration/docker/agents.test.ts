import { chmodSync, chownSync, lchownSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type EngineUsers, processUser, type UserIds } from '../../../../src/core/orchestration/docker/agent-user.js';
import { Agents } from '../../../../src/core/orchestration/docker/agents.js';
import type { ImageFacts, ProbeRequest } from '../../../../src/core/orchestration/docker/image-probe.js';
import type { DockerOptions } from '../../../../src/core/orchestration/session/docker-options.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const IMAGE: ImageFacts = {
  entrypoint: [],
  uid: 1000,
  gid: 1000,
  gids: [1000],
  home: '/home/node',
  configDir: '/home/node/.claude',
  works: true,
  name: 'node',
  shell: '/bin/bash',
  imageHome: '/home/node',
  setpriv: '/usr/bin/setpriv',
  lacks: [],
  uidMap: '0 0 4294967295',
  gidMap: '0 0 4294967295',
  claudeVersion: '2.1.98',
  onboarded: true,
  env: { PATH: '/bin' },
};

const user = (uid: number, gid = uid, groups: number[] = []): UserIds => ({ uid, gid, groups });
const ROOT = user(0);
const DOCKER: EngineUsers = { areHidden: false, storage: '/images' };

interface Circumstances {
  own?: UserIds | undefined;
  facts?: Partial<ImageFacts>;
  /** What the probe of a prepared start finds. */
  prepared?: Partial<ImageFacts>;
  users?: () => Promise<EngineUsers>;
}

function scene({ own = ROOT, facts = {}, prepared = {}, users = async () => DOCKER }: Circumstances = {}) {
  const probe = vi.fn(async ({ preparation, env }: ProbeRequest): Promise<ImageFacts> => {
    const image = { ...IMAGE, ...facts };
    if (!preparation) return image;
    const uid = Number(preparation.become[preparation.become.indexOf('--reuid') + 1]);
    const home = env.HOME ?? preparation.env.HOME ?? '';
    return { ...image, uid, home, works: true, firstLine: '{"type":"system"}', claudeVersion: '2.1.99', ...prepared };
  });
  const agents = new Agents({ users }, { facts: probe }, own);
  const of = (folder: string, docker: Partial<DockerOptions> = {}, readOnly = false) =>
    agents.of({ folder, docker: { image: 'image', ...docker }, readOnly });
  return { of, probe };
}

/** A folder of an owner. */
function folderOf(uid: number, mode = 0o755, gid = uid): string {
  const path = tempFolder();
  chownSync(path, uid, gid);
  chmodSync(path, mode);
  return path;
}

const groupsOf = (become: readonly string[] = []): string | undefined => become[become.indexOf('--groups') + 1];

describe.runIf(process.getuid?.() === 0)('the user of a session', () => {
  it("a container starts as always if its own user is the workspace's owner", async () => {
    const { of, probe } = scene();
    expect(await of(folderOf(1000))).toMatchObject({ uid: 1000, home: '/home/node', claudeVersion: '2.1.98' });
    expect((await of(folderOf(1000))).preparation).toBeUndefined();
    expect(probe.mock.calls.every(([{ preparation }]) => preparation === undefined)).toBe(true);
  });

  it.each([
    ["root works as the workspace's owner", ROOT, [1234, 0o755], '1234:1234'],
    ['root works as root in its own workspace', ROOT, [0, 0o755], '0:0'],
    ['any other user works as itself', user(1234, 5), [1234, 0o700], '1234:5'],
    ['any other user works as itself where everybody may write', user(1234), [4321, 0o777], '1234:1234'],
  ] as const)('%s', async (_, own, [uid, mode], expected) => {
    const { of, probe } = scene({ own });
    const agent = await of(folderOf(uid, mode));
    expect(agent).toMatchObject({ uid: Number(expected.split(':')[0]), home: '/home/node', claudeVersion: '2.1.99' });
    const [, reuid, id, regid, gid] = agent.preparation?.become ?? [];
    expect([reuid, regid, `${id}:${gid}`]).toEqual(['--reuid', '--regid', expected]);
    expect(agent.preparation?.env).toEqual({ HOME: '/home/node' });
    expect(probe.mock.calls.at(-1)?.[0]).toMatchObject({ user: expected });
  });

  it('a user has the group of the workspace if it is a member of that group', async () => {
    const member = scene({ own: user(1234, 1234, [27, 50]) });
    expect(groupsOf((await member.of(folderOf(0, 0o775, 50))).preparation?.become)).toBe('50');
    await errorOf(scene({ own: user(1234, 1234, [27]) }).of(folderOf(0, 0o775, 50)), 'WORKSPACE_NOT_WRITABLE');
    // Also where the user is the image's own, which is no member in the image.
    const own = scene({ own: user(1000, 1000, [50]) });
    expect(groupsOf((await own.of(folderOf(0, 0o775, 50))).preparation?.become)).toBe('50');
  });

  it("a link to a folder of somebody else does not make the agent that folder's owner", async () => {
    const link = join(folderOf(1234), 'link');
    symlinkSync(folderOf(4321), link);
    lchownSync(link, 1234, 1234);
    expect(await scene().of(link)).toMatchObject({ uid: 1234 });
  });

  it("the image's own user is used if only that user can write", async () => {
    const agent = await scene({ own: user(1234) }).of(folderOf(1000));
    expect(agent).toMatchObject({ uid: 1000 });
    expect(agent.preparation).toBeUndefined();
  });

  it("the image's own user is used if no other can be prepared, and that user can write, too", async () => {
    const { of } = scene({ own: user(1234), facts: { setpriv: '' } });
    expect(await of(folderOf(4321, 0o777))).toMatchObject({ uid: 1000 });
    const { message } = await errorOf(of(folderOf(1234)), 'CLAUDE_NOT_FOUND');
    expect(message).toContain("as user '1234:1234'");
    expect(message).toContain('lacks setpriv');
    expect(message).toContain('util-linux');
  });

  it('a workspace that nobody can write is refused with its owner, who was tried and the next step', async () => {
    const folder = folderOf(4321);
    const { message } = await errorOf(scene({ own: user(1234) }).of(folder), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain(`"${folder}" belongs to 4321:4321 (mode 755)`);
    expect(message).toContain('uid 1234, the user of this process');
    expect(message).toContain("uid 1000, the user of image 'image'");
    expect(message).toContain("set docker.user to '4321:4321'");
    await scene({ own: user(1234) }).of(folder, {}, true);
  });

  it("an agent works as its own user where the system's root has no rights, because containers have no capabilities", async () => {
    await errorOf(scene().of(folderOf(0, 0o555)), 'WORKSPACE_NOT_WRITABLE');
  });
});

describe.runIf(process.getuid?.() === 0)('docker.user', () => {
  it('the given user is used and nobody else', async () => {
    const facts = {
      uid: 7,
      gid: 8,
      gids: [8, 9],
      home: '/home/seven',
      configDir: '/home/seven/.claude',
      name: 'seven',
    };
    const { of, probe } = scene({ facts });
    expect(await of(folderOf(7), { user: 'seven' })).toMatchObject({ uid: 7, home: '/home/seven' });
    expect(probe.mock.calls[0]?.[0]).toMatchObject({ user: 'seven' });
    const { message } = await errorOf(of(folderOf(1000), { user: 'seven' }), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain('uid 7, the user of docker.user');
  });

  it("a user that the image does not know gets the home folder of the image's own user", async () => {
    const facts = { uid: 7, gid: 8, gids: [8], home: '/', configDir: '//.claude', works: false };
    const agent = await scene({ facts }).of(folderOf(7), { user: '7:8' });
    expect(agent).toMatchObject({ uid: 7, home: '/home/node', configDir: '/home/node/.claude' });
    expect(agent.preparation?.script).toContain("own '/home/node'");
  });

  it('no folder of programs or of the system is given to a user', async () => {
    for (const home of ['/', '/bin', '/usr/local', '/proc', '/workspace', '/workspace/home']) {
      const facts = { home, configDir: `${home}/.claude`, imageHome: home, works: false, name: 'daemon' };
      const agent = await scene({ facts }).of(folderOf(1000));
      expect(agent).toMatchObject({ home: '/home/daemon', configDir: '/home/daemon/.claude' });
      expect(agent.preparation?.script).not.toContain(`own '${home}'`);
    }
  });
});

describe.runIf(process.getuid?.() === 0)('a home folder that Claude Code cannot use', () => {
  it("the home folder of the image's own user is prepared if it is not ready", async () => {
    const agent = await scene({ facts: { works: false, claudeVersion: '' } }).of(folderOf(1000));
    expect(agent).toMatchObject({ uid: 1000, home: '/home/node', claudeVersion: '2.1.99' });
    expect(agent.preparation).toBeDefined();
  });

  it.each([
    ['cannot be written even then', { works: false }, "home '/home/node', configuration '/home/node/.claude'"],
    ['has a Claude Code that prints nothing', { firstLine: '' }, 'printed nothing'],
    ['has a Claude Code that finds no files', { firstLine: "Error: EACCES: permission denied, mkdir '/x'" }, 'EACCES'],
    ['gets another user', { uid: 0 }, 'it became uid 0 instead'],
  ])('a session is refused if the container %s', async (_, prepared, words) => {
    const { message } = await errorOf(scene({ prepared }).of(folderOf(1234)), 'CLAUDE_NOT_FOUND');
    expect(message).toContain("as user '1234:1234'");
    expect(message).toContain(words);
  });

  it('the probe gets HOME, CLAUDE_CONFIG_DIR and PATH of the session, and no other variable', async () => {
    const { of, probe } = scene({ facts: { works: false, home: '/h', configDir: '/c' } });
    const env = { HOME: '/h', CLAUDE_CONFIG_DIR: '/c', PATH: '/p', SECRET: 's' };
    expect(await of(folderOf(1000), { env })).toMatchObject({ home: '/h', configDir: '/c' });
    const { SECRET: _, ...rest } = env;
    expect(probe.mock.calls.map(([request]) => request.env)).toEqual([rest, rest]);
  });
});

describe.runIf(process.getuid?.() === 0)('an engine that gives users other numbers', () => {
  const ROOTLESS = { uidMap: '0 1234 1\n1 100000 65536', gidMap: '0 1234 1\n1 100000 65536' };

  it('in a rootless engine, the user of this process is root in the container', async () => {
    const agent = await scene({ own: user(1234), facts: ROOTLESS }).of(folderOf(1234));
    expect(agent).toMatchObject({ uid: 0, onMachine: { uid: 1234 }, home: '/home/node' });
  });

  it('with userns-remap, the owner of a mapped workspace works as its number in the container', async () => {
    const facts = { uidMap: '0 100000 65536', gidMap: '0 100000 65536' };
    const { of } = scene({ facts });
    expect((await of(folderOf(101_000))).preparation).toBeUndefined();
    expect(await of(folderOf(101_234))).toMatchObject({ uid: 1234, onMachine: { uid: 101_234 } });
    // Everybody may write: the image's own user goes on as before.
    expect(await of(folderOf(1000, 0o777))).toMatchObject({ uid: 1000, onMachine: { uid: 101_000 } });
  });

  it('an owner that the engine does not map is refused, with the numbers and the next step', async () => {
    const facts = { uidMap: '0 100000 65536', gidMap: '0 100000 65536' };
    const refused = scene({ facts }).of(folderOf(1000));
    const { message } = await errorOf(refused, 'WORKSPACE_NOT_WRITABLE');
    for (const word of ['1000:1000', 'user namespaces', 'uid 101000', 'chown 100000:100000'])
      expect(message).toContain(word);
  });

  it('owners do not matter if the engine runs in a virtual machine that hides them', async () => {
    const folder = folderOf(4321, 0o500);
    const hidden = { uid: 1000, onMachine: undefined };
    expect(await scene({ users: async () => ({ ...DOCKER, areHidden: true }) }).of(folder)).toMatchObject(hidden);
    expect(processUser('darwin')).toBeUndefined();
    const mac = new Agents({ users: async () => DOCKER }, { facts: async () => IMAGE }, processUser('darwin'));
    expect(await mac.of({ folder, docker: { image: 'i' }, readOnly: false })).toMatchObject(hidden);
  });

  it('the engine is asked once about its users, but asked again after a failure', async () => {
    const away = new OrchestrationError('DOCKER_UNAVAILABLE', 'away');
    const users = vi.fn(async () => DOCKER).mockRejectedValueOnce(away);
    const { of } = scene({ users });
    expect(await errorOf(of(folderOf(1000)), 'DOCKER_UNAVAILABLE')).toBe(away);
    await of(folderOf(1000));
    await of(folderOf(1000));
    expect(users).toHaveBeenCalledTimes(2);
  });
});
