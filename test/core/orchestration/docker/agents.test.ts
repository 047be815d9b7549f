import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { type EngineUsers, processUser, type UserIds } from '../../../../src/core/orchestration/docker/agent-user.js';
import { Agents } from '../../../../src/core/orchestration/docker/agents.js';
import type { ImageFacts, ProbeRequest } from '../../../../src/core/orchestration/docker/image-probe.js';
import type { DockerOptions } from '../../../../src/core/orchestration/session/docker-options.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { imageFacts } from '../../../support/image-facts.js';
import { tempFolder } from '../../../support/temp-folder.js';

const READY = { firstLine: '{"type":"system"}' };
const user = (uid: number, gid = uid, groups: number[] = []): UserIds => ({ uid, gid, groups });
const ROOT = user(0);
const DOCKER: EngineUsers = { areHidden: false, storage: '/images', ownsMemory: true };

interface Circumstances {
  own?: UserIds | undefined;
  facts?: Partial<ImageFacts>;
  /** What the probe of a prepared start finds. */
  prepared?: Partial<ImageFacts>;
  users?: () => Promise<EngineUsers>;
  /** The code of the system if the user of this process cannot write. Default: the tests run as root, so it knows nothing. */
  problem?: string | undefined;
}

function scene({ own = ROOT, facts = {}, prepared = {}, users = async () => DOCKER, ...rest }: Circumstances = {}) {
  const problem = 'problem' in rest ? rest.problem : 'EACCES';
  const probe = vi.fn(async ({ preparation, env }: ProbeRequest): Promise<ImageFacts> => {
    const image = imageFacts(facts);
    if (!preparation) return image;
    const uid = Number(preparation.become[preparation.become.indexOf('--reuid') + 1]);
    const home = env.HOME ?? preparation.env.HOME ?? '';
    return imageFacts({ ...facts, uid, home, works: true, claudeVersion: '2.1.99', ...READY, ...prepared });
  });
  const agents = new Agents({ users }, { facts: probe }, own, async () => problem);
  const of = (folder: string, docker: Partial<DockerOptions> = {}, readOnly = false) =>
    agents.of({ folder, docker: { image: 'image', ...docker }, readOnly });
  const again = (folder: string, worksAs: UserIds | undefined) =>
    agents.of({ folder, docker: { image: 'image' }, readOnly: false, worksAs });
  return { of, again, probe };
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

  it('a folder is refused if a link on the way leads to the folder of somebody else by now', async () => {
    const top = tempFolder();
    const theirs = join(folderOf(4321), 'folder');
    mkdirSync(theirs);
    symlinkSync(dirname(theirs), join(top, 'link'));
    const { message } = await errorOf(scene().of(join(top, 'link/folder')), 'UNSAFE_MOUNT');
    expect(message).toContain(`leads to "${theirs}" now`);
  });

  it('a folder that is gone chooses no user, so that what is put there later does not choose one', async () => {
    const folder = join(tempFolder(), 'gone');
    const { message } = await errorOf(scene().of(folder), 'UNSAFE_MOUNT');
    expect(message).toContain(`"${folder}" is gone`);
    // No folder has a say here.
    expect(await scene().of(folder, { user: 'node' })).toMatchObject({ uid: 1000 });
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

  it('a user whose id no container can have is refused with the highest id', async () => {
    const { message } = await errorOf(
      scene({ own: user(4_000_000_000) }).of(folderOf(4_000_000_000)),
      'CLAUDE_NOT_FOUND',
    );
    expect(message).toContain("as user '4000000000:4000000000': Docker takes ids of users up to 2147483647");
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

describe.runIf(process.getuid?.() === 0)('the user whom a session got when it was created', () => {
  it('a folder that belongs to somebody else by now does not make the agent that user', async () => {
    const { of, again } = scene();
    const folder = folderOf(1234);
    const { onMachine } = await of(folder);
    expect(onMachine).toEqual(user(1234));
    chownSync(folder, 0, 0);
    const { message } = await errorOf(again(folder, onMachine), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain(`"${folder}" belongs to 0:0`);
    expect(message).toContain('uid 1234:1234, as whom the session was created');
    chmodSync(folder, 0o777);
    expect(await again(folder, onMachine)).toMatchObject({ uid: 1234 });
  });

  it("the image's own user stays the session's user", async () => {
    const { of, again } = scene({ own: user(1234) });
    const folder = folderOf(1000);
    const { onMachine } = await of(folder);
    chownSync(folder, 1234, 1234);
    chmodSync(folder, 0o777);
    expect(await again(folder, onMachine)).toMatchObject({ uid: 1000 });
    // A record of an earlier release does not say who it was.
    expect(await again(folder, undefined)).toMatchObject({ uid: 1234 });
  });

  it('a folder that is away for a moment does not change the user', async () => {
    expect(await scene().again('/nonexistent', user(1234))).toMatchObject({ uid: 1234 });
  });
});

describe.runIf(process.getuid?.() === 0)('what the system says about a folder', () => {
  it('an access control list lets the user of this process in, with all groups, which it may name', async () => {
    const { of } = scene({ own: user(1234, 1234, [27, 50]), problem: undefined });
    const agent = await of(folderOf(4321, 0o770));
    expect(agent).toMatchObject({ uid: 1234 });
    expect(groupsOf(agent.preparation?.become)).toBe('27,50');
  });

  it("the system's answer to root says nothing about another user", async () => {
    await errorOf(scene({ problem: undefined }).of(folderOf(1234, 0o500)), 'WORKSPACE_NOT_WRITABLE');
  });

  it('a folder on a read-only file system is refused as such', async () => {
    const { message } = await errorOf(scene({ problem: 'EROFS' }).of(folderOf(1000)), 'WORKSPACE_NOT_WRITABLE');
    expect(message).toContain('file system that is read-only');
    await scene({ problem: 'EROFS' }).of(folderOf(1000), {}, true);
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
    ['says nothing', { firstLine: '', exitCode: 124 }],
    ['finds no files', { firstLine: 'EACCES: permission denied, open /home/node/.claude/projects' }],
    ['ends without a word', { firstLine: '', exitCode: 1 }],
  ])("the image's own user is prepared if its Claude Code %s, and refused if that does not help", async (_, facts) => {
    for (const docker of [{}, { user: 'node' }]) {
      const agent = await scene({ facts }).of(folderOf(1000), docker);
      expect(agent).toMatchObject({ uid: 1000, claudeVersion: '2.1.99' });
      await errorOf(scene({ facts, prepared: facts }).of(folderOf(1000), docker), 'CLAUDE_NOT_FOUND');
    }
    const { message } = await errorOf(
      scene({ facts: { ...facts, setpriv: '' } }).of(folderOf(1000)),
      'CLAUDE_NOT_FOUND',
    );
    expect(message).toContain('it was started');
  });

  it.each([
    ['a program in its place that ends well without a word', { firstLine: '', exitCode: 0 }],
    ['a program in its place that has its own words', { firstLine: 'scripted model: no script' }],
    ['the beginning of a conversation with such words in it', { firstLine: '{"skills":["permission denied"]}' }],
  ])('nothing is refused because of %s', async (_, facts) => {
    expect((await scene({ facts }).of(folderOf(1000))).preparation).toBeUndefined();
  });

  it.each([
    ['cannot be written even then', { works: false }, "home '/home/node', configuration '/home/node/.claude'"],
    ['has a Claude Code that prints nothing', { firstLine: '', exitCode: 124 }, 'printed nothing'],
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
    const mac = new Agents({ users: async () => DOCKER }, { facts: async () => imageFacts() }, processUser('darwin'));
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
