import type { SessionSpec } from '../contract/session-spec.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import { DEFAULT_IMAGE, type DockerOptions } from '../session/docker-options.js';
import { homeFolder } from '../workspace/home-folder.js';

/** What a session asks for beyond its defaults: nothing, a run directly on the machine, or options of its own. */
export type AskedDocker = undefined | false | Partial<DockerOptions>;

/** `true` asks for a container and for no options of its own. */
export function askedDocker(given: CreateSessionOptions['docker']): AskedDocker {
  return given === true ? {} : given;
}

/** An option that a session sets replaces the default. Variables are merged. */
export function resolveDocker(
  defaults: false | Readonly<Partial<DockerOptions>>,
  own: AskedDocker,
): SessionSpec['docker'] {
  if (own === false || (defaults === false && own === undefined)) return false;
  return mergeDocker(defaults === false ? {} : defaults, own ?? {});
}

function mergeDocker(defaults: Partial<DockerOptions>, own: Partial<DockerOptions>): DockerOptions {
  const given = Object.entries({ ...defaults.env, ...own.env });
  const env = Object.fromEntries(given.map(([name, value]) => [name, homeFolder(name, value)]));
  return { image: DEFAULT_IMAGE, ...defaults, ...own, env };
}
