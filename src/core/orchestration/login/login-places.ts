import { isAbsolute, join } from 'node:path';

/** The files in which `image login` keeps a login, and in which a manager looks for one. */
export interface LoginPlaces {
  readonly folder: string;
  /** The variables of a login, one `NAME=value` a line. */
  readonly envFile: string;
  /** Says where the login is instead, in the form of `LoginSource`. */
  readonly sourceFile: string;
}

/** @param home the home folder of the user of this process */
export function loginPlaces(env: NodeJS.ProcessEnv, home: string): LoginPlaces {
  const given = env.XDG_CONFIG_HOME;
  // The specification of these folders says that a relative path is ignored.
  const config = given !== undefined && isAbsolute(given) ? given : join(home, '.config');
  const folder = join(config, 'autonomous-orchestration');
  return { folder, envFile: join(folder, 'login.env'), sourceFile: join(folder, 'login.json') };
}
