import { WORKSPACE } from '../session/agent-place.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError } from '../util/errors.js';
import { parseMounts } from '../workspace/mounts.js';
import type { Agent } from './agents.js';

/** Settings with which the setup container was started must not become part of the image. */
const COMMIT_AS = `--change 'ENV DISABLE_FIREWALL=' --change 'CMD []'`;

/**
 * Refuses an image whose Claude would ask a person questions before it begins. If a file of the user's replaces the image's
 * `~/.claude.json`, nobody knows what Claude would ask. Then the image is not refused.
 *
 * @throws OrchestrationError `ONBOARDING_NEEDED`
 */
export function requireOnboarded(agent: Agent, docker: Readonly<DockerOptions>): void {
  const { home, configDir, onboarded } = agent;
  const { image, user, mounts = [] } = docker;
  const folder = configDir === `${home}/.claude` ? home : configDir;
  const isCovered = parseMounts(mounts).some(({ target }) => `${folder}/.claude.json/`.startsWith(`${target}/`));
  if (onboarded || isCovered) return;
  const as = user === undefined ? '' : ` for user '${user}'`;
  const login = user === undefined ? '' : ` --user ${user}`;
  throw new OrchestrationError(
    'ONBOARDING_NEEDED',
    `Claude Code was never set up in image '${image}' (docker.image)${as}, and would ask for that first. Do it once: ` +
      `docker run -it --name claude-setup --workdir ${WORKSPACE}${login} --env DISABLE_FIREWALL=true ${image} claude --dangerously-skip-permissions; ` +
      `answer what it asks, leave it with /exit, then: docker commit ${COMMIT_AS} claude-setup ${image}`,
  );
}
