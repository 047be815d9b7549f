import { WORKSPACE } from '../session/agent-place.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { parseMounts } from '../workspace/mounts.js';
import { parseNamedMounts } from '../workspace/volumes.js';
import type { Agent } from './agents.js';
import type { DockerSpec } from './docker-spec.js';

/** Something of the user's in a container, and the option that asks for it. */
interface Asked {
  readonly option: string;
  readonly target: string;
}

/**
 * Refuses what would let an agent choose where the library's own files are mounted. An agent can put links into all that it
 * can write and that lasts. The engine follows them when it mounts something below, for example to the programs that the next
 * container runs as root. A volume cannot be looked into before the container starts, and another session may change a folder at
 * any moment. So nothing of that kind may be mounted around a place of the library's own. The configuration folder itself may be
 * mounted: nobody in the container can rename what is mounted in it.
 *
 * Also refuses what would hide Claude Code's own files, or Claude Code itself, so that it could not work.
 *
 * @param own the places in the container at which the library mounts files of its own
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function requireOwnPlaces(
  { home, configDir, programs }: Pick<Agent, 'home' | 'configDir' | 'programs'>,
  { docker, caches = [] }: Pick<DockerSpec, 'docker' | 'caches'>,
  own: readonly string[] = [],
): void {
  for (const [name, folder] of Object.entries({ HOME: home, CLAUDE_CONFIG_DIR: configDir })) {
    if (isInside(folder, WORKSPACE)) throw inWorkspace(docker.image, name, folder);
  }
  const conversation = conversationIn(configDir);
  const { volumes, tmpfs } = parseNamedMounts(docker);
  const lasting: Asked[] = [
    ...parseMounts(docker.mounts ?? []).flatMap(({ target, readonly }) =>
      readonly ? [] : [{ option: 'docker.mounts', target }],
    ),
    ...volumes.map(({ target }) => ({ option: 'docker.volumes', target })),
    ...caches.map(({ target }) => ({ option: 'caches', target })),
  ];
  const inMemory = tmpfs.map(({ target }) => ({ option: 'docker.tmpfs', target }));
  const inVolumes = lasting.filter(({ option }) => option !== 'docker.mounts');
  for (const { option, target } of [...lasting, ...inMemory]) {
    if (isInside(target, conversation))
      throw covers(option, target, `is where Claude's conversation is (${conversation})`);
  }
  for (const { option, target } of lasting) {
    const place = [conversation, ...own].find((each) => each !== target && isInside(each, target));
    if (place === undefined || (place === conversation && target === configDir)) continue;
    throw covers(option, target, `lies around ${quote(place)}, and an agent could lead that place elsewhere by a link`);
  }
  // What is in a mounted folder is known, and the user may have put Claude Code there.
  for (const { option, target } of [...inVolumes, ...inMemory]) {
    const program = programs.find((path) => isInside(path, target));
    if (program !== undefined) throw covers(option, target, `would cover ${quote(program)}, which starts Claude Code`);
  }
  for (const { option, target } of inMemory) {
    const folder = [configDir, home].find((each) => isInside(each, target));
    if (folder !== undefined)
      throw covers(option, target, `would hide the files that Claude Code has in ${quote(folder)}`);
  }
  for (const { option, target } of inVolumes) {
    // Nobody makes the folder in the volume.
    if (target !== home && isInside(home, target))
      throw covers(option, target, `lies around the home folder ${quote(home)}`);
  }
}

/** The place of Claude's conversation in the container. */
export function conversationIn(configDir: string): string {
  return `${configDir}/projects`;
}

function covers(option: string, target: string, why: string): OrchestrationError {
  return new OrchestrationError(
    'INVALID_OPTIONS',
    `Option '${option}': ${quote(target)} ${why}. Mount a folder beside it, mount Claude's configuration folder itself, or set HOME or CLAUDE_CONFIG_DIR in docker.env.`,
  );
}

function inWorkspace(image: string, name: string, folder: string): OrchestrationError {
  return new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'docker.image': ${name} of ${quote(image)} is ${quote(folder)}, in ${WORKSPACE}, where an agent could change the settings of the next run. Set ${name} in docker.env to a folder elsewhere.`,
  );
}
