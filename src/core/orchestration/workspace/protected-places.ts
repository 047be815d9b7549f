/**
 * How much of a place is refused:
 *
 * - `itself`: the place and every folder above it
 * - `below`: also everything in it
 * - `writable`: the same as `below`, but only if the mount is writable
 */
export type Reach = 'itself' | 'below' | 'writable';

/** Places on the machine that no container may get, for one reason. */
export interface PlaceGroup {
  /** A description of the places, as errors and docs/security.md show it. */
  readonly what: string;
  readonly reach: Reach;
  /** `~` stands for the user's own home folder, `/root`, and each home folder of another user. */
  readonly paths: readonly string[];
}

/** Folders whose children are home folders. `/mnt/c/Users` has the users of Windows, seen from the Linux in it. */
export const HOME_ROOTS = ['/home', '/Users', '/var/home', '/export/home', '/mnt/c/Users'];

/** Allowed although they lie in a protected place, because desktop systems mount removable disks there. */
export const OPEN_PLACES = ['/run/media'];

/** Variables that move one of the places below to another path. */
export const MOVED_BY: Readonly<Record<string, string>> = {
  XDG_CONFIG_HOME: '~/.config',
  XDG_DATA_HOME: '~/.local/share',
  DOCKER_CONFIG: '~/.docker',
  CLAUDE_CONFIG_DIR: '~/.claude',
  GNUPGHOME: '~/.gnupg',
  CLOUDSDK_CONFIG: '~/.config/gcloud',
  AZURE_CONFIG_DIR: '~/.azure',
  GH_CONFIG_DIR: '~/.config/gh',
  PASSWORD_STORE_DIR: '~/.password-store',
};

/** File systems that show the kernel, its processes or its devices, wherever they are mounted. */
export const KERNEL_FILE_SYSTEMS: ReadonlySet<string> = new Set(
  `binder binfmt_misc bpf cgroup cgroup2 configfs debugfs devpts devtmpfs efivarfs functionfs fuse.lxcfs fusectl hugetlbfs
  mqueue nfsd nsfs proc pstore resctrl rpc_pipefs securityfs selinuxfs smackfs sysfs tracefs xenfs`.split(/\s+/),
);

/** Where container engines listen. */
export const ENGINE_SOCKETS: readonly string[] = [
  '/var/run/docker.sock',
  '/run/docker.sock',
  '/run/podman/podman.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/buildkit/buildkitd.sock',
  '/run/k3s/containerd/containerd.sock',
  '~/.docker/run/docker.sock',
  '~/.docker/desktop/docker.sock',
  '~/.colima/default/docker.sock',
  '~/.orbstack/run/docker.sock',
  '~/.rd/docker.sock',
];

/** Variables that name the socket of an engine, as a path or as `unix://` and a path. */
export const ENGINE_VARIABLES = ['DOCKER_HOST', 'CONTAINER_HOST', 'CONTAINERD_ADDRESS', 'BUILDKIT_HOST'];

/** Words in the socket names of container engines, for engines that listen at a place of their own. */
export const ENGINE_SOCKET_NAME = /balena|buildkit|containerd|crio|docker|incus|kubelet|libvirt|lxd|nerdctl|podman/i;

const paths = (text: string): string[] => text.trim().split(/\s+/);
const inHome = (text: string): string[] => paths(text).map((path) => `~/${path}`);

/** The table that mounts are checked against, and that docs/security.md shows. */
export const PROTECTED_PLACES: readonly PlaceGroup[] = [
  { what: 'the whole machine', reach: 'itself', paths: ['/'] },
  {
    what: 'a home folder, with its keys and start-up scripts',
    reach: 'itself',
    paths: ['~', ...HOME_ROOTS],
  },
  { what: "the machine's processes, kernel and devices", reach: 'below', paths: paths('/proc /sys /dev') },
  {
    what: 'sockets of services, those of container engines among them',
    reach: 'below',
    paths: [...paths('/run /var/run'), ...inHome('.docker .colima .lima .orbstack .rd .finch')],
  },
  {
    what: 'state of a container engine or a virtual machine, with the files of all its containers',
    reach: 'below',
    paths: [
      ...paths(`/var/lib/docker /var/lib/docker-engine /var/lib/containerd /var/lib/containers /var/lib/crio
        /var/lib/buildkit /var/lib/nerdctl /var/lib/cni /var/lib/etcd /var/lib/kubelet /var/lib/rancher /var/lib/k0s
        /var/lib/minikube /var/lib/nomad /var/lib/balena-engine /var/lib/lxc /var/lib/lxd /var/lib/lxcfs /var/lib/incus
        /var/lib/libvirt /var/lib/machines /var/lib/portables /var/lib/snapd /var/snap`),
      ...inHome(`.local/share/docker .local/share/containers .local/share/containerd .local/share/buildkit
        .local/share/nerdctl .local/share/libvirt .minikube Library/Containers`),
    ],
  },
  {
    what: 'accounts, keys and credentials of the machine',
    reach: 'below',
    paths: paths(`/etc/shadow /etc/shadow- /etc/gshadow /etc/gshadow- /etc/sudoers /etc/sudoers.d /etc/security
      /etc/environment /etc/ssh /etc/ssl/private /etc/pki/tls/private /etc/letsencrypt /etc/krb5.keytab /etc/sssd
      /etc/samba /etc/docker /etc/containerd /etc/containers /etc/crio /etc/cni /etc/kubernetes /etc/rancher
      /etc/NetworkManager /etc/netplan /etc/wpa_supplicant /etc/wireguard /etc/openvpn /etc/ppp /etc/ipsec.d
      /etc/ipsec.secrets /etc/swanctl /etc/credstore /etc/credstore.encrypted /etc/crypttab /etc/cryptsetup-keys.d
      /etc/cloud /etc/gitlab /etc/gitlab-runner /etc/vault.d /etc/consul.d /etc/nomad.d /etc/mysql /etc/postgresql
      /etc/grafana /etc/postfix /etc/dovecot /etc/exim4 /etc/claude-code
      /var/lib/private /var/lib/systemd /var/lib/cloud /var/lib/sss /var/lib/samba /var/lib/NetworkManager
      /var/lib/bluetooth /var/lib/fprint /var/lib/tpm2-tss /var/lib/AccountsService /var/lib/gdm3 /var/lib/letsencrypt
      /var/lib/vault /var/lib/jenkins/secrets /var/lib/jenkins/credentials.xml /var/lib/mysql /var/lib/postgresql /var/lib/mongodb
      /var/lib/redis /var/spool /var/mail /var/backups /var/log/audit /var/log/journal /var/log/private
      /var/log/auth.log /var/log/secure /private/var/root /private/var/db`),
  },
  { what: 'what the machine starts with', reach: 'below', paths: paths('/boot /efi /System /mnt/c/Windows') },
  {
    what: 'programs and settings that the machine runs',
    reach: 'writable',
    paths: paths(`/etc /bin /sbin /lib /lib32 /lib64 /libx32 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64
      /usr/libx32 /usr/libexec /usr/share /usr/include /usr/local/bin /usr/local/sbin /usr/local/lib /usr/local/libexec
      /usr/local/share /usr/local/etc /nix /snap /opt/containerd /opt/cni /opt/homebrew
      /var/lib/dpkg /var/lib/apt /var/lib/rpm /var/lib/pacman /var/lib/dbus /Library /Applications /private/etc
      /mnt/c/ProgramData`),
  },
  {
    what: 'data of many programs and users',
    reach: 'itself',
    paths: paths(`/etc /bin /sbin /lib /lib32 /lib64 /libx32 /usr /usr/bin /usr/sbin /usr/lib /usr/local /opt /tmp /var
      /var/lib /var/log /var/cache /var/tmp /var/db /snap /nix /private /private/etc /private/tmp /private/var
      /private/var/folders /Library /Applications /Volumes`),
  },
  {
    what: 'keys, tokens and passwords of a user',
    reach: 'below',
    paths: inHome(`.ssh .gnupg .pki .putty .aws .azure .oci .aliyun .bluemix .config/gcloud .config/doctl .config/hcloud
      .config/linode-cli .config/scw .s3cfg .boto .config/rclone .kube .config/helm .config/containers .config/gh
      .config/glab-cli .config/hub .config/git/credentials .git-credentials .netrc _netrc .npmrc .yarnrc .yarnrc.yml
      .pypirc .pip .config/pip .gem/credentials .bundle/config .cargo/credentials .cargo/credentials.toml .m2/settings.xml
      .m2/settings-security.xml .gradle/gradle.properties .nuget/NuGet .composer/auth.json .config/composer .hex
      .terraform.d .terraformrc .pulumi .vault-token .fly .netlify .config/netlify .wrangler .config/.wrangler
      .config/wrangler .local/share/com.vercel.cli .sentryclirc .databrickscfg .dbt .snowflake .kaggle .ngrok2
      .config/ngrok .cloudflared .tsh .android .config/solana .bitcoin .ethereum .electrum .pgpass .my.cnf
      .password-store .local/share/keyrings .local/share/kwalletd .keychain .config/op .1password .config/1Password
      .config/Bitwarden .config/keepassxc .config/sops .age .config/age .authinfo .authinfo.gpg .msmtprc
      .claude .claude.json .config/claude .config/anthropic .codex .gemini .config/github-copilot .config/openai
      .huggingface .cache/huggingface/token .autonomous-orchestration .config/autonomous-orchestration .channelcoder
      .mozilla .config/google-chrome .config/chromium .config/BraveSoftware .config/microsoft-edge .config/vivaldi
      .config/opera .thunderbird .config/Signal .config/Slack .config/discord .local/share/TelegramDesktop
      .bash_history .zsh_history .python_history .node_repl_history .psql_history .mysql_history .local/share/fish
      snap .var Library/Keychains Library/Cookies Library/Mail Library/Messages Library/Safari AppData
      Library/Application&Support`).map((path) => path.replace('&', ' ')),
  },
  {
    what: 'start-up scripts and programs of a user',
    reach: 'writable',
    paths:
      inHome(`.bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .zshrc .zshenv .zprofile .zlogin
      .zlogout .inputrc .pam_environment .xinitrc .xprofile .xsession .tmux.conf .vimrc .vim .emacs .emacs.d .gitconfig
      .hgrc .config/git .config/fish .config/tmux .config/nvim .config/autostart .config/systemd .config/environment.d
      .config/Code .local/bin .local/share/systemd .local/share/applications bin go/bin .cargo/bin .cargo/config.toml
      .cargo/env .bun/bin .deno/bin .npm-global .nvm .pyenv .rbenv .asdf .sdkman .oh-my-zsh .vscode .vscode-server
      .cursor Library/LaunchAgents Library/Preferences`),
  },
  {
    what: 'settings and data of many programs of a user',
    reach: 'itself',
    paths: inHome('.config .local .local/share .local/state .cache Library'),
  },
];
