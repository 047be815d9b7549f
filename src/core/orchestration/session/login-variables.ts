import type { DockerOptions } from './docker-options.js';

/** Variables that decide which login Claude Code uses, and at which provider. */
const LOGIN =
  /^(ANTHROPIC_(API_KEY|AUTH_TOKEN|BASE_URL|CUSTOM_HEADERS|(BEDROCK|VERTEX|FOUNDRY|AWS|UNIX)_.*)|CLAUDE_CODE_(OAUTH|USE|API_KEY|CLIENT)_?.*|CLAUDE_CONFIG_DIR|AWS_(ACCESS_KEY_ID|PROFILE|REGION|BEARER_TOKEN_BEDROCK|SESSION_TOKEN|SECRET_ACCESS_KEY|ROLE_ARN|WEB_IDENTITY_TOKEN_FILE)|GOOGLE_APPLICATION_CREDENTIALS|CLOUD_ML_REGION|GOOGLE_CLOUD_PROJECT)$/;

/** Folders and files of a login, where they are mounted. */
const LOGIN_PLACE = /\.claude(\.json|\/\.credentials\.json)?\/?$|\.(aws|azure)(\/|$)|gcloud/;

/** True if a variable belongs to a login. */
export const isLoginVariable = (name: string): boolean => LOGIN.test(name);

type Login = Pick<DockerOptions, 'env' | 'mounts' | 'volumes'>;

/** The variables of the login that a session's options give, sorted by name. */
export function loginVariables({ env = {} }: Login): [string, string][] {
  return Object.entries(env)
    .filter(([name]) => isLoginVariable(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The mounts and volumes of the login that a session's options give. */
export function loginMounts({ mounts = [], volumes = [] }: Login): string[] {
  return [...mounts, ...volumes.map(({ name, target }) => `${name}:${target}`)]
    .map((mount) => (typeof mount === 'string' ? mount : `${mount.source}:${mount.target}`))
    .filter((mount) => LOGIN_PLACE.test(mount.split(':')[1] ?? ''));
}
