import { createHash } from 'node:crypto';
import type { SessionSpec } from '../contract/session-spec.js';
import { loginMounts, loginVariables } from '../session/login-variables.js';

/** The account of a session: the option, or a label of the login that it has now. */
export function accountOf({ account, docker }: Pick<SessionSpec, 'account' | 'docker'>): string {
  return account ?? accountLabel(docker);
}

/**
 * The label of an account that was given none: two sessions have the same label if they have the same image, the same variables
 * of a login and the same mounts of a login. The values are hashed, because they are secrets.
 */
export function accountLabel(docker: SessionSpec['docker']): string {
  if (docker === false) return 'this machine';
  const { image } = docker;
  const variables = loginVariables(docker);
  const places = loginMounts(docker);
  if (variables.length === 0 && places.length === 0) return image;
  const hash = createHash('sha256')
    .update(JSON.stringify([image, variables, places]))
    .digest('hex')
    .slice(0, 8);
  const names = [...variables.map(([name]) => name), ...(places.length > 0 ? ['mounts'] : [])];
  return `${image} (${names.slice(0, 3).join(', ')}: ${hash})`;
}
