import { baseName } from './shell/path.js';

/** Folders in which every file is secret, wherever the folder is. */
const FOLDERS = [
  '.gnupg', '.password-store', '.azure', '.oci', '.config/gcloud', '.local/share/keyrings', 'run/secrets', '.aws/sso', '.aws/cli/cache',
  '.config/op', '.config/autonomous-orchestration', '.config/Bitwarden CLI', '.lastpass', '.config/sops/age', '.age', '.config/doctl', '.config/hcloud', '.config/scw',
  '.config/heroku', '.config/configstore', '.config/github-copilot', '.config/glab-cli', '.config/hub', '.config/tea', '.config/stripe',
  '.config/ngrok', '.ngrok2', '.cloudflared', '.config/netlify', '.netlify', '.vercel', '.local/share/com.vercel.cli', '.fly', '.wrangler',
  '.config/.wrangler', '.config/argocd', '.argocd', '.config/doppler', '.doppler', '.infisical', '.config/linode-cli', '.config/vultr-cli',
  '.config/google-chrome', '.config/chromium', '.mozilla/firefox', '.thunderbird', '.config/BraveSoftware', '.config/exoscale', '.civo',
  '.appstoreconnect', '.jfrog', '.snowflake', '.snowsql', '.dbt', '.kaggle', '.huggingface', '.supabase', '.planetscale', '.config/planetscale',
  '.config/turso', '.railway', '.render', '.config/railway', '.chef', '.eksctl', '.rancher', '.step/secrets', '.nix-defexpr/keys',
  'etc/kubernetes/pki', 'etc/ssl/private', 'etc/pki/tls/private', 'etc/letsencrypt/live', 'etc/letsencrypt/archive', 'etc/wireguard',
  'etc/openvpn', 'var/lib/kubelet/pki', 'etc/NetworkManager/system-connections', 'var/run/secrets', 'etc/ipsec.d/private',
]; // biome-ignore format: a list of paths

/** Secret files, by the end of their path. */
const FILES = [
  '.kube/config', '.docker/config.json', '.config/gh/hosts.yml', '.config/containers/auth.json', 'containers/auth.json',
  '.config/helm/registry/config.json', '.helm/repository/repositories.yaml', '.config/helm/repositories.yaml', '.terraformrc',
  '.config/rclone/rclone.conf', '.rclone.conf', '.config/git/credentials', '.m2/settings.xml', '.m2/settings-security.xml',
  '.gradle/gradle.properties', '.nuget/NuGet.Config', '.nuget/NuGet/NuGet.Config', '.config/NuGet/NuGet.Config', '.config/composer/auth.json',
  '.composer/auth.json', '.config/pypoetry/auth.toml', '.config/uv/credentials.toml', '.config/pip/pip.conf', '.pip/pip.conf', '.condarc',
  '.bundle/config', '.gem/credentials', '.cargo/credentials', '.cargo/credentials.toml', '.sbt/.credentials', '.ivy2/.credentials',
  '.lein/credentials.clj', '.hex/hex.config', '.pub-cache/credentials.json', '.config/dart/pub-credentials.json', '.deno/credentials',
  '.bunfig.toml', '.config/yarn/yarnrc', '.circleci/cli.yml', '.travis/config.yml', '.expo/state.json', '.android/adbkey',
  '.android/debug.keystore', '.twilio-cli/config.json', '.cache/huggingface/token', '.codex/auth.json', '.gemini/oauth_creds.json',
  '.qwen/oauth_creds.json', '.local/share/opencode/auth.json', '.config/goose/secrets.yaml', '.copilot/config.json', '.cursor/auth.json',
  '.config/cursor/auth.json', '.config/amp/settings.json', '.aws/credentials', '.databrickscfg', '.sentryclirc', '.consul-token',
  '.nomad-token', '.passwd-s3fs', '.pulumi/credentials.json', '.terraform.d/credentials.tfrc.json', '.config/gspread/service_account.json',
  '.config/hetzner/token', '.digitalocean/token', '.ansible/vault_pass', '.vault_pass', '.vault_pass.txt', 'etc/kubernetes/admin.conf',
  'etc/kubernetes/super-admin.conf', 'etc/kubernetes/kubelet.conf', 'etc/rancher/k3s/k3s.yaml', 'etc/rancher/rke2/rke2.yaml',
  'var/snap/microk8s/current/credentials/client.config', '.minikube/client.key', '.mc/config.json', '.config/mc/config.json', '.ossutilconfig',
  '.config/bitbucket/token', '.mylogin.cnf', '.config/psql/pgpass', '.rediscli_auth', '.config/influxdata/influx.json', '.influxdbv2/configs',
  '.local/share/atuin/key', '.wakatime.cfg', '.config/hashicorp/token', 'etc/rclone.conf', 'etc/krb5.keytab', 'etc/security/opasswd',
]; // biome-ignore format: a list of paths

/** Places by their first segment, folders by their last one. Every argument is looked up, and hardly one has such a segment. */
const PLACES = grouped([...FOLDERS, ...FILES], (place) => place.split('/')[0] ?? '');
const FOLDER_ENDS = grouped([...FOLDERS, '.ssh', '.aws', '.kube', '.docker', '.config/gh'], baseName);

function grouped(places: readonly string[], by: (place: string) => string): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>();
  for (const place of places) groups.set(by(place), [...(groups.get(by(place)) ?? []), `/${place}`]);
  return groups;
}

/** Names of files that say what is in the file, wherever it is. */
const KEY_NAME =
  /^(?:application_default_credentials[\w.-]*\.json|(?:[\w-]*[-_.])?(?:service[-_]?account|serviceaccount|sa[-_]key|client_secrets?|gcp[-_]key|gcloud[-_]key|firebase-adminsdk)[\w.-]*\.json|[\w.-]*firebase-adminsdk[\w-]*\.json|(?:[\w-]+[-_.])?kube-?config(?:[-_][\w-]+)?(?:\.(?:ya?ml|conf|json))?|[\w.-]+\.kubeconfig|(?:[\w-]+[-_.])?credentials?\.(?:json|csv|ini|xml|db|properties|toml|cfg|txt)|(?:access|root|api|secret|aws|iam)[-_]?keys?\.(?:csv|json|txt|ya?ml)|key4\.db|logins\.json|\.git-credentials|\.consul-token|\.nomad-token|\.vault-token|\.passwd-s3fs|\.databrickscfg|\.sentryclirc|\.vault_pass(?:\.txt)?|kaggle\.json|adbkey|[\w.-]+\.(?:keytab|agekey|jceks|mobileprovision\.key)|AuthKey_\w+\.p8)$/i;
const ENVIRONMENT_NAME =
  /^(?:\.dev\.vars(?:\.\w+)?|(?!process\.|meta\.|example|sample|template|test\.)[\w-]+\.env|secrets?\.(?:ya?ml|json|toml|ini|properties|tfvars|env)|[\w.-]*\.tfstate(?:\.backup)?|[\w.-]+\.ovpn|local\.settings\.json|\.secrets?(?:\.(?:ya?ml|toml|baseline))?)$/;
const EXAMPLE =
  /(?:^|[._-])(?:example|sample|template|dummy|fixture|schema|tpl|dist|d\.ts|baseline|mock|fake)(?:[._-]|$)/i;

/** Whether a program keeps credentials at a path. Only the place counts, not the name of the file. */
export function isCredentialPlace(path: string): boolean {
  if (path.endsWith('.pub')) return false;
  return path
    .split('/')
    .some((segment) => PLACES.get(segment)?.some((place) => path.endsWith(place) || path.includes(`${place}/`)));
}

/** What kind of credential a file holds by its name alone. */
export function kindByName(name: string): 'key' | 'environment' | undefined {
  if (EXAMPLE.test(name)) return undefined;
  if (KEY_NAME.test(name)) return 'key';
  return ENVIRONMENT_NAME.test(name) ? 'environment' : undefined;
}

/** Whether a folder holds keys. A copy, an archive or a search of such a folder gets them. */
export function isKeyFolder(path: string): boolean {
  return FOLDER_ENDS.get(baseName(path))?.some((end) => path.endsWith(end)) === true;
}

/** Whether a path is a folder that holds keys, or is in one. */
export function isInKeyFolder(path: string): boolean {
  return path.split('/').some((segment) => FOLDER_ENDS.get(segment)?.some((end) => `${path}/`.includes(`${end}/`)));
}
