import { isCredentialPlace, kindByName } from './credential-places.js';
import { couldBeName } from './name-pattern.js';
import { isKnown } from './shell/value.js';

/** Names of files that hold nothing but keys, wherever they are. */
const KEY_FILES = [
  'id_rsa', 'id_dsa', 'id_ecdsa', 'id_ed25519', 'id_ecdsa_sk', 'id_ed25519_sk', 'identity.pem',
  '.netrc', '_netrc', '.git-credentials', '.pgpass', '.pypirc', '.vault-token', '.boto', '.s3cfg', '.htpasswd',
  '.credentials.json', 'credentials.json', 'application_default_credentials.json', 'service-account.json',
  'serviceaccount.json', 'wallet.dat', 'shadow-', 'kubeconfig', 'master.key', 'secring.gpg',
]; // biome-ignore format: a list of names
const ENVIRONMENT_FILES = ['.env', '.env.local', '.env.production', '.env.development', '.env.staging', '.envrc'];

/** Secret files by the end of their path, to recognise patterns such as `~/.a?s/cred*`. */
const SECRET_PATHS = [
  '.aws/credentials', '.aws/sso', '.docker/config.json', '.kube/config', '.config/gh/hosts.yml', '.config/hub',
  '.cargo/credentials', '.cargo/credentials.toml', '.gem/credentials', '.terraform.d/credentials.tfrc.json',
  '.claude/.credentials.json', '.m2/settings-security.xml', '.config/op/config', '.subversion/auth', '.mysql/login.cnf',
]; // biome-ignore format: a list of paths
const OTHER_PLACES = ['/.claude/.credentials.json/', '/.subversion/auth/', '/.mysql/login.cnf/'];
const SECRET_SYSTEM_FILES = ['/etc/shadow', '/etc/gshadow', '/etc/sudoers', '/etc/krb5.keytab', '/etc/master.passwd'];
/** The segments of these paths. */
const SECRET_ENDS = [...SECRET_PATHS, ...SECRET_SYSTEM_FILES.map((path) => path.slice(1))].map((path) =>
  path.split('/'),
);
const KEY_EXTENSIONS = /\.(key|p12|pfx|jks|keystore|kdbx|ppk|asc\.key)$/i;
const EXAMPLE = /(^|[._-])(example|sample|template|dist|defaults?|schema|tpl|test|pub|public|d\.ts)([._-]|$)/i;
/** For keys, `default` and `dist` do not mean an example: such a key is in use. */
const EXAMPLE_KEY = /(^|[._-])(example|sample|template|schema|tpl|test|pub|public)([._-]|$)/i;

/** Files in an SSH folder that are no secret. */
const PUBLIC_SSH = /^(known_hosts(\.old)?|config|authorized_keys|environment|rc|.*\.pub)$/;

/**
 * What kind of credential a file holds by its name. `key` for keys, tokens and passwords; `environment` for a project's
 * `.env`, which ordinary work loads but seldom needs to show.
 */
export function credentialKind(path: string): 'key' | 'environment' | undefined {
  const segments = path.split('/');
  const name = segments.at(-1) ?? '';
  if (isCredentialPlace(path)) return 'key';
  if (!isKnown(path)) return patternKind(segments);
  const sshFolder = segments.lastIndexOf('.ssh');
  if (sshFolder >= 0) return sshFolder === segments.length - 1 || PUBLIC_SSH.test(name) ? undefined : 'key';
  const byName = kindByName(name);
  if (byName === 'key') return byName;
  if (EXAMPLE.test(name)) return KEY_EXTENSIONS.test(name) && !EXAMPLE_KEY.test(name) ? 'key' : undefined;
  if (byName) return byName;
  if (ENVIRONMENT_FILES.includes(name) || /^\.env\.[\w.-]+$/.test(name)) return 'environment';
  if (
    KEY_FILES.includes(name) ||
    KEY_EXTENSIONS.test(name) ||
    /(^|[._-])(private|priv)[\w-]*\.pem$|[._-]?key\.pem$/i.test(name)
  ) {
    return 'key';
  }
  if (/^ssh_host_\w+_key$/.test(name) || /^\/proc\/(\d+|self|thread-self)\/environ$/.test(path)) return 'key';
  if (SECRET_SYSTEM_FILES.includes(path)) return 'key';
  const slashed = `${path}/`;
  return OTHER_PLACES.some((place) => slashed.includes(place)) ? 'key' : undefined;
}

/** Files that hold tokens in a home folder, and only settings in a project. */
const HOME_KEY_FILES = [
  '.npmrc',
  '.yarnrc.yml',
  '.yarnrc',
  '.gitcookies',
  '.my.cnf',
  '.dockercfg',
  '.wgetrc',
  '.curlrc',
  '.terraformrc',
  '.condarc',
  '.gemrc',
];

/** Whether a file is one of those, in one of these home folders. */
export function isHomeKeyFile(path: string, homes: readonly string[]): boolean {
  const slash = path.lastIndexOf('/');
  return HOME_KEY_FILES.includes(path.slice(slash + 1)) && homes.includes(path.slice(0, slash));
}

/** What kind of credential a pattern matches. The pattern has to look like a secret name: a bare `*` does not count. */
function patternKind(segments: readonly string[]): 'key' | 'environment' | undefined {
  const name = segments.at(-1) ?? '';
  const byName = isKnown(name) ? kindByName(name) : undefined;
  if (byName || EXAMPLE.test(name)) return byName;
  if (KEY_FILES.some((file) => couldBeName(name, file)) || KEY_EXTENSIONS.test(name)) return 'key';
  if (ENVIRONMENT_FILES.some((file) => couldBeName(name, file))) return 'environment';
  const folders = segments.slice(0, -1);
  if (folders.some((segment) => couldBeName(segment, '.ssh')) && !/.pub$|^known_hosts|^config$/.test(name))
    return 'key';
  const isSecret = SECRET_ENDS.some((names) => {
    const from = Math.max(0, segments.length - names.length);
    return names.every((part, index) => couldBeName(segments[from + index] ?? '', part));
  });
  return isSecret ? 'key' : undefined;
}
