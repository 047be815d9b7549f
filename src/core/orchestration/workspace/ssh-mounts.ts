import { join, resolve } from 'node:path';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { identityOf, type PinnedPath, pinPath } from '../util/fs/pinned-path.js';
import type { CheckedMount } from './mount.js';

const AGENT_SOCKET = '/run/autonomous-orchestration/ssh-agent.sock';
const KEY_FILE = '/run/autonomous-orchestration/ssh-key';

/** What a container needs to use SSH. */
export interface SshAccess {
  mounts: CheckedMount[];
  env: Record<string, string>;
  /** The real path of the key, if one key was requested. */
  keyFile?: string;
}

/**
 * Mounts and variables for the `ssh` option.
 *
 * @param host the environment and home folder of this process
 * @param home the home folder in the container
 * @throws OrchestrationError `INVALID_OPTIONS` if the requested file, folder or socket is missing
 */
export async function sshAccess(
  ssh: NonNullable<DockerOptions['ssh']>,
  host: { env: NodeJS.ProcessEnv; home: string },
  home: string,
): Promise<SshAccess> {
  if (ssh === false) return { mounts: [], env: {} };
  const folder = join(host.home, '.ssh');
  if (ssh === 'keys') {
    const keys = await requireKind(folder, 'isDirectory', "ssh 'keys' needs the folder");
    return { mounts: [mounted(keys, join(home, '.ssh'))], env: {} };
  }
  const knownHosts = await pinPath(join(folder, 'known_hosts')).catch(() => undefined);
  const known = knownHosts?.stats.isFile() ? [mounted(knownHosts, join(home, '.ssh', 'known_hosts'))] : [];
  if (ssh === 'agent') {
    const socket = host.env.SSH_AUTH_SOCK;
    if (!socket) throw invalid("ssh 'agent' needs SSH_AUTH_SOCK, which is not set; start an ssh-agent");
    const agent = await requireKind(resolve(socket), 'isSocket', "ssh 'agent' needs the socket of SSH_AUTH_SOCK");
    return {
      mounts: [{ ...mounted(agent, AGENT_SOCKET), readonly: false }, ...known],
      env: { SSH_AUTH_SOCK: AGENT_SOCKET },
    };
  }
  const key = await requireKind(resolve(ssh.keyFile), 'isFile', 'ssh.keyFile needs the file');
  return {
    mounts: [mounted(key, KEY_FILE), ...known],
    env: { GIT_SSH_COMMAND: `ssh -i ${KEY_FILE} -o IdentitiesOnly=yes` },
    keyFile: key.path,
  };
}

/**
 * The user asks for these paths by name, so they are not checked against the protected places. But each has to be of the
 * expected kind.
 */
async function requireKind(
  path: string,
  kind: 'isFile' | 'isDirectory' | 'isSocket',
  what: string,
): Promise<PinnedPath> {
  const found = await pinPath(path).catch((cause: unknown) => {
    throw invalid(`${what} ${quote(path)}, which does not exist`, cause);
  });
  if (!found.stats[kind]()) throw invalid(`${what} ${quote(path)}, which is something else`);
  return found;
}

function mounted({ path, stats }: PinnedPath, target: string): CheckedMount {
  return { source: path, target, readonly: true, identity: identityOf(stats) };
}

function invalid(why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.ssh': ${why}.`, { cause });
}
