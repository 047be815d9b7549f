import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sshAccess } from '../../../../src/core/orchestration/workspace/ssh-mounts.js';
import { errorOf } from '../../../support/errors.js';
import { listening } from '../../../support/listening.js';
import { tempFolder } from '../../../support/temp-folder.js';

function hostWith(files: string[], env: NodeJS.ProcessEnv = {}): { env: NodeJS.ProcessEnv; home: string } {
  const home = tempFolder();
  mkdirSync(join(home, '.ssh'));
  for (const file of files) writeFileSync(join(home, '.ssh', file), '');
  return { env, home };
}

describe('ssh', () => {
  it('ssh false mounts nothing', async () => {
    expect(await sshAccess(false, hostWith(['id_ed25519']), '/home/node')).toEqual({ mounts: [], env: {} });
  });

  it("ssh 'keys' mounts ~/.ssh read-only into the container's home folder", async () => {
    const host = hostWith(['id_ed25519']);
    const { dev, ino } = statSync(join(host.home, '.ssh'), { bigint: true });
    const identity = { dev: String(dev), ino: String(ino) };
    expect(await sshAccess('keys', host, '/home/node')).toEqual({
      mounts: [{ source: join(host.home, '.ssh'), target: '/home/node/.ssh', readonly: true, identity }],
      env: {},
    });
  });

  it("ssh 'keys' mounts the target of ~/.ssh if it is a link", async () => {
    const host = hostWith(['id_ed25519']);
    const home = tempFolder();
    symlinkSync(join(host.home, '.ssh'), join(home, '.ssh'));
    const { mounts } = await sshAccess('keys', { ...host, home }, '/home/node');
    expect(mounts.map(({ source }) => source)).toEqual([join(host.home, '.ssh')]);
  });

  it("ssh 'agent' mounts the agent's socket and the known hosts, and no key", async () => {
    const socket = await listening(join(tempFolder(), 'agent.sock'));
    const host = hostWith(['id_ed25519', 'known_hosts'], { SSH_AUTH_SOCK: socket });
    const { mounts, env } = await sshAccess('agent', host, '/home/node');
    expect(mounts.map(({ source }) => source)).toEqual([socket, join(host.home, '.ssh/known_hosts')]);
    expect(env.SSH_AUTH_SOCK).toBe(mounts[0]?.target);
  });

  it('ssh { keyFile } mounts only that key, read-only, and configures git to use the key', async () => {
    const host = hostWith(['id_ed25519', 'deploy']);
    const { mounts, env } = await sshAccess({ keyFile: join(host.home, '.ssh/deploy') }, host, '/home/node');
    expect(mounts).toMatchObject([{ source: join(host.home, '.ssh/deploy'), readonly: true }]);
    expect(env.GIT_SSH_COMMAND).toContain(`-i ${mounts[0]?.target} -o IdentitiesOnly=yes`);
  });

  it.each([
    ["'agent' without SSH_AUTH_SOCK", 'agent', 'SSH_AUTH_SOCK'],
    ['a key that does not exist', { keyFile: '/nowhere/key' }, '/nowhere/key'],
    ['a folder as key', { keyFile: '/etc' }, '/etc'],
    ['a device as key', { keyFile: '/dev/null' }, '/dev/null'],
  ] as const)('the ssh option is refused: %s', async (_, ssh, named) => {
    expect((await errorOf(sshAccess(ssh, hostWith([]), '/home/node'), 'INVALID_OPTIONS')).message).toContain(named);
  });

  it("ssh 'agent' is refused if SSH_AUTH_SOCK names a folder", async () => {
    const host = hostWith([]);
    const { message } = await errorOf(
      sshAccess('agent', { ...host, env: { SSH_AUTH_SOCK: host.home } }, '/home/node'),
      'INVALID_OPTIONS',
    );
    expect(message).toContain(host.home);
  });
});
