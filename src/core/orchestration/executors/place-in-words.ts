import type { Agent } from '../docker/agents.js';
import type { DockerOptions } from '../session/docker-options.js';

/** Where Claude runs in a container, for a person. A wrong user or home folder is why Claude Code hangs at its start. */
export function placeInWords({ image, user }: DockerOptions, { uid, home, claudeVersion }: Agent): string {
  const who = user === undefined ? `uid ${uid}` : `docker.user '${user}' (uid ${uid})`;
  return `image '${image}', ${who}, home '${home}', Claude Code ${claudeVersion}`;
}
