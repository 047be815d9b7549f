import { createHash } from 'node:crypto';
import type { SessionSpec } from '../contract/session-spec.js';

/** The account of a session: the option, or a label of the login that it has now. */
export function accountOf({ account, docker }: Pick<SessionSpec, 'account' | 'docker'>): string {
  return account ?? accountLabel(docker);
}

/** Variables that decide which login Claude Code uses, and at which provider. */
const LOGIN =
  /^(ANTHROPIC_(API_KEY|AUTH_TOKEN|BASE_URL|CUSTOM_HEADERS|(BEDROCK|VERTEX|FOUNDRY|AWS|UNIX)_.*)|CLAUDE_CODE_(OAUTH|USE|API_KEY|CLIENT)_?.*|CLAUDE_CONFIG_DIR|AWS_(ACCESS_KEY_ID|PROFILE|REGION|BEARER_TOKEN_BEDROCK|SESSION_TOKEN|SECRET_ACCESS_KEY|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE)|GOOGLE_APPLICATION_CREDENTIALS|CLOUD_ML_REGION|GOOGLE_CLOUD_PROJECT)$/;

/** Folders and files of a login, where they are mounted. */
const LOGIN_PLACE = /\.claude(\.json|\/\.credentials\.json)?\/?$|\.(aws|azure)(\/|$)|gcloud/;

/**
 * The label of an account that was given none: two sessions have the same label if they have the same image, the same variables
 * of a login and the same mounts of a login. The values are hashed, because they are secrets.
 */
export function accountLabel(docker: SessionSpec['docker']): string {
  if (docker === false) return 'this machine';
  const { image, env = {}, mounts = [], volumes = [] } = docker;
  const variables = Object.entries(env)
    .filter(([name]) => LOGIN.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const places = [...mounts, ...volumes.map(({ name, target }) => `${name}:${target}`)]
    .map((mount) => (typeof mount === 'string' ? mount : `${mount.source}:${mount.target}`))
    .filter((mount) => LOGIN_PLACE.test(mount.split(':')[1] ?? ''));
  if (variables.length === 0 && places.length === 0) return image;
  const hash = createHash('sha256')
    .update(JSON.stringify([image, variables, places]))
    .digest('hex')
    .slice(0, 8);
  const names = [...variables.map(([name]) => name), ...(places.length > 0 ? ['mounts'] : [])];
  return `${image} (${names.slice(0, 3).join(', ')}: ${hash})`;
}
