import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DockerOptions } from '../docker/docker-options.js';
import { OrchestrationError, shown } from '../errors.js';
import type { Mount } from './mounts.js';

const AGENT_SOCKET = '/run/autonomous-orchestration/ssh-agent.sock';
const KEY_FILE = '/run/autonomous-orchestration/ssh-key';

/** What a container needs to use SSH. */
export interface SshAccess {
  mounts: Mount[];
  env: Record<string, string>;
}

/**
 * Mounts and variables for the `ssh` option.
 *
 * @param host the host's environment
 * @param home the home folder in the container
 * @throws OrchestrationError `INVALID_OPTIONS` where what is asked for is not there
 */
export async function sshAccess(
  ssh: NonNullable<DockerOptions['ssh']>,
  host: { env: NodeJS.ProcessEnv; home: string },
  home: string,
): Promise<SshAccess> {
  if (ssh === false) return { mounts: [], env: {} };
  const folder = join(host.home, '.ssh');
  if (ssh === 'keys') {
    await demand(folder, "ssh 'keys' needs the folder");
    return { mounts: [{ source: folder, target: join(home, '.ssh'), readonly: true }], env: {} };
  }
  const knownHosts = join(folder, 'known_hosts');
  const known = (await exists(knownHosts))
    ? [{ source: knownHosts, target: join(home, '.ssh', 'known_hosts'), readonly: true }]
    : [];
  if (ssh === 'agent') {
    const socket = host.env.SSH_AUTH_SOCK;
    if (!socket) throw invalid("ssh 'agent' needs SSH_AUTH_SOCK, which is not set; start an ssh-agent");
    await demand(socket, "ssh 'agent' needs the socket of SSH_AUTH_SOCK");
    return {
      mounts: [{ source: socket, target: AGENT_SOCKET, readonly: false }, ...known],
      env: { SSH_AUTH_SOCK: AGENT_SOCKET },
    };
  }
  const key = resolve(ssh.keyFile);
  await demand(key, 'ssh.keyFile needs the file');
  return {
    mounts: [{ source: key, target: KEY_FILE, readonly: true }, ...known],
    env: { GIT_SSH_COMMAND: `ssh -i ${KEY_FILE} -o IdentitiesOnly=yes` },
  };
}

async function demand(path: string, what: string): Promise<void> {
  if (!(await exists(path))) throw invalid(`${what} ${shown(path)}, which does not exist`);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function invalid(why: string): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.ssh': ${why}.`);
}
