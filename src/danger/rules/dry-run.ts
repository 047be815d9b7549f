import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';

/** Options with which a program only says what it would do. The names are written without dashes. */
interface DryRun {
  readonly options: string;
  /** Options of the program that take a value. The value may look like one of the options above. */
  readonly values?: string;
  /** The options only count for these commands of the program. */
  readonly verbs?: RegExp;
  /** Long options are written with one dash. */
  readonly singleDash?: true;
}

const PACKAGES: DryRun = {
  options: 's simulate just-print dry-run recon no-act',
  values: 'o t c option target-release config-file default-release',
};
const LVM: DryRun = {
  options: 't test',
  values: 'A S L l autobackup select config commandprofile profile size extents devices devicesfile reportformat',
};
const NODE: DryRun = {
  verbs: /^(publish|unpublish|deprecate)$/,
  options: 'dry-run',
  values: 'tag access otp registry userconfig workspace w prefix C filter dir cache loglevel',
};
const HELM: DryRun = {
  options: 'dry-run',
  values:
    'n namespace kube-context kubeconfig timeout description history-max registry-config repository-config output o f filename l selector grace-period context cluster user s server replicas current-replicas resource-version k kustomize request-timeout as as-group token',
};

const DRY_RUNS: Readonly<Record<string, DryRun>> = {
  rsync: {
    options: 'n dry-run',
    values: `e f T B M rsh exclude exclude-from include include-from filter files-from rsync-path bwlimit chmod chown log-file out-format
      compare-dest copy-dest link-dest backup-dir suffix temp-dir partial-dir max-delete max-size min-size modify-window timeout
      contimeout port password-file usermap groupmap info debug iconv skip-compress block-size checksum-choice compress-level`,
  },
  lvremove: LVM, vgremove: LVM, pvremove: LVM, lvreduce: LVM, vgreduce: LVM, pvcreate: LVM, lvconvert: LVM, vgcfgrestore: LVM,
  vgexport: LVM, vgsplit: LVM, lvchange: LVM, lvresize: LVM, drbdadm: { options: 'd dry-run', values: 'c config-file t config-to-test' },
  wipefs: { options: 'n no-act', values: 'o t O offset types output' },
  'mkfs.ext2': { options: 'n', values: 'b C d e E g G i I J l L m M N o O r T U z' },
  'mkfs.xfs': { options: 'N', values: 'b c d i l L m n p r s' },
  'mkfs.ntfs': { options: 'n no-action', values: 's p H S z c L F' },
  sfdisk: { options: 'n no-act', values: 'N X Y o w W' },
  sgdisk: { options: 'P pretend' },
  zfs: { options: 'n', values: 'o O t', verbs: /^(destroy|rollback)$/ },
  npm: NODE, pnpm: NODE, bun: NODE, yarn: { ...NODE, verbs: /^npm$/ },
  cargo: { verbs: /^publish$/, options: 'n dry-run', values: 'p package manifest-path token index registry F features target target-dir Z config color' },
  poetry: { verbs: /^publish$/, options: 'dry-run', values: 'r repository u username p password C directory' },
  uv: { verbs: /^publish$/, options: 'dry-run', values: 'index publish-url u username p password t token project directory' },
  jsr: { verbs: /^publish$/, options: 'dry-run' }, deno: { verbs: /^publish$/, options: 'dry-run', values: 'token config c' },
  gradle: { options: 'm dry-run', values: 'p b c g I project-dir exclude-task x' },
  goreleaser: { options: 'snapshot', values: 'f config p parallelism timeout release-notes' },
  'semantic-release': { options: 'd dry-run', values: 'b branches r repository-url t tag-format p plugins e extends' },
  'release-it': { options: 'dry-run d', values: 'c config i increment' },
  np: { options: 'preview', values: 'tag branch message' },
  helm: HELM, kubectl: HELM, oc: HELM, k: HELM,
  flux: { options: 'dry-run', values: 'n namespace kubeconfig context timeout' },
  pulumi: { options: 'preview-only', values: 's stack C cwd m message t target config-file' },
  terraform: { options: 'dry-run', values: 'chdir state backup', verbs: /^(state|workspace)$/, singleDash: true },
  tofu: { options: 'dry-run', values: 'chdir state backup', verbs: /^(state|workspace)$/, singleDash: true },
  aws: { options: 'dryrun dry-run', values: `profile region output endpoint-url query instance-ids bucket key exclude include acl filters
      cli-input-json cli-input-yaml ca-bundle color cli-read-timeout cli-connect-timeout name names id ids tags page-size` },
  az: { options: 'dryrun', values: 'n name g resource-group s source pattern account-name account-key subscription query o output' },
  gsutil: { options: 'n', values: 'h o u', verbs: /^rsync$/ },
  rclone: { options: 'n dry-run', values: `config exclude include filter filter-from exclude-from include-from files-from max-age min-age max-size
      min-size transfers checkers bwlimit log-file log-level backup-dir suffix f` },
  s3cmd: { options: 'n dry-run', values: 'c config exclude include rexclude rinclude access_key secret_key region host' },
  ansible: { options: 'C check', values: 'i m a u l e f inventory module-name args user limit extra-vars forks' },
  'docker-compose': { options: 'dry-run', values: 'f file p project-name profile env-file project-directory t timeout ansi progress' },
  apt: PACKAGES, 'apt-get': PACKAGES, aptitude: PACKAGES, dpkg: { options: 'dry-run simulate no-act', values: 'D' },
  dnf: { options: 'assumeno', values: 'c config x exclude enablerepo disablerepo installroot setopt' },
  yum: { options: 'assumeno', values: 'c config x exclude enablerepo disablerepo installroot setopt' },
  pacman: { options: 'p print', values: 'b r dbpath root config cachedir' },
  brew: { options: 'n dry-run' }, apk: { options: 's simulate', values: 'p X root repository' },
  zypper: { options: 'D dry-run', values: 't type r repo R root' }, rpm: { options: 'test', values: 'root dbpath r' },
  dart: { options: 'n dry-run', values: 'C directory', verbs: /^pub$/ },
  flutter: { options: 'n dry-run', values: 'C directory', verbs: /^pub$/ },
  mix: { options: 'dry-run', verbs: /^hex\.publish$/ },
  ufw: { options: 'dry-run' }, nft: { options: 'c check', values: 'f file I includepath D' },
  visudo: { options: 'c check', values: 'f file' },
  alembic: { options: 'sql', values: 'c config n name x raiseerr tag' },
  flask: { options: 'sql', values: 'd directory tag x x-arg A app e env-file' },
  artisan: { options: 'pretend', values: 'database path step env schema-path' },
  php: { options: 'pretend dry-run', values: 'd c database path step env em conn', verbs: /(artisan|console)$/ },
  console: { options: 'dry-run', values: 'e env em conn configuration' }, symfony: { options: 'dry-run', values: 'e env em conn configuration' },
  'sql-migrate': { options: 'dryrun', values: 'config env limit', singleDash: true },
  rake: { options: 'n dry-run', values: 'f rakefile R rakelibdir I libdir r require e execute p execute-print E execute-continue' },
  phinx: { options: 'x dry-run', values: 'c configuration p parser e environment t target d date' },
  sqlx: { options: 'dry-run', values: 'source D database-url target-version' }, hasura: { options: 'dry-run', values: 'endpoint admin-secret database-name project up down goto version type' },
  'node-pg-migrate': { options: 'dry-run', values: 'd database-url-var m migrations-dir t migrations-table s schema f config-file' },
  'db-migrate': { options: 'dry-run', values: 'e env m migrations-dir t table c count config sql-file' },
  dotnet: { options: 'dry-run', values: 'p project s startup-project c context framework configuration runtime', verbs: /^ef$/ },
  'dotnet-ef': { options: 'dry-run', values: 'p project s startup-project c context framework configuration runtime' },
  kubeadm: { options: 'dry-run', values: 'cert-dir cri-socket kubeconfig config rootfs v' },
  'del-cli': { options: 'dry-run d' },
  'manage.py': { options: 'plan', values: 'database settings pythonpath v verbosity' }, 'django-admin': { options: 'plan', values: 'database settings pythonpath v verbosity' },
  python: { options: 'plan', values: 'm c W X database settings', verbs: /manage\.py$/ },
  python3: { options: 'plan', values: 'm c W X database settings', verbs: /manage\.py$/ },
}; // biome-ignore format: a table

const ALIASES: Readonly<Record<string, string>> = {
  'mkfs.ext3': 'mkfs.ext2', 'mkfs.ext4': 'mkfs.ext2', mke2fs: 'mkfs.ext2', mkntfs: 'mkfs.ntfs', gradlew: 'gradle', mc: 's3cmd',
}; // biome-ignore format: a table

/** Programs that destroy something, but with these options only list, verify or print it. */
const LISTS: Readonly<Record<string, (args: readonly string[]) => boolean>> = {
  wipefs: (args) => !new Options(args, ['t', 'O']).has('a', 'o') && !args.some((arg) => /^--(a|of)/.test(arg)),
  badblocks: (args) => !new Options(args, ['b', 'c', 'e', 'd', 'i', 'o', 'p', 't']).has('w', 'n'),
  fdisk: (args) => new Options(args, ['b', 'C', 'H', 'S', 't', 'o', 'w', 'W']).has('l', 'x', 'list', 'list-details'),
  sfdisk: (args) => !args.some((arg) => /^--(del|act|part|disk|reor|relo|disc|bac)|^-A/.test(arg)) && new Options(args, ['N', 'X', 'Y', 'o', 'w', 'W']).has('l', 'd', 'J', 'F', 'V', 'list', 'dump', 'json', 'verify'),
  gdisk: (args) => new Options(args).has('l'),
  sgdisk: (args) => args.every((arg) => /^(-[pvLEDFf]|--(print|verify|list-types)|-i=?\d*|--info=\d+|\d+|\/.*)$/.test(arg)),
  parted: (args) => /^(unit \S+ )?print( all| free| list| \d+)?$|^$/.test(partedCommands(args)) && (args.includes('print') || args.some((arg) => /^(-l|--list)$/.test(arg))),
  useradd: (args) => args.length === 1 && /^(-D|--defaults)$/.test(args[0] ?? ''),
}; // biome-ignore format: a table

function partedCommands(args: readonly string[]): string {
  return new Options(args, ['a', 'align']).operands.filter((arg) => !arg.startsWith('/')).join(' ');
}

/** Whether a command only says what it would do, or lists what there is. */
export function onlyTells({ name, args }: ShellCommand): boolean {
  const isCompose = (name === 'docker' || name === 'podman') && args[0] === 'compose';
  const dryRun = DRY_RUNS[isCompose ? 'docker-compose' : (ALIASES[name] ?? name)];
  return (dryRun !== undefined && isDryRun(isCompose ? args.slice(1) : args, dryRun)) || LISTS[name]?.(args) === true;
}

const OFF = /^(false|none|no|off|0)$/i;

/** The last option for or against a dry run counts. Values of other options and words behind `--` do not count. */
function isDryRun(args: readonly string[], { options, values = '', verbs, singleDash }: DryRun): boolean {
  const [dry, valued] = [options.split(/\s+/), values.split(/\s+/)];
  let verb: string | undefined;
  let result = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at] ?? '';
    if (arg === '--') break;
    if (arg.length < 2 || arg[0] !== '-') {
      verb ??= arg;
      continue;
    }
    if (arg.startsWith('--') || (singleDash && arg.length > 2)) {
      const [, name = '', value] = /^--?([^=]*)(?:=([\s\S]*))?$/.exec(arg) ?? [];
      if (dry.includes(name)) result = !OFF.test(value ?? args[at + 1] ?? '');
      else if (name.startsWith('no-') && dry.includes(name.slice(3))) result = false;
      else if (value === undefined && valued.some((full) => full.length > 1 && name !== '' && full.startsWith(name)))
        at += 1;
      continue;
    }
    for (let letter = 1; letter < arg.length; letter++) {
      const name = arg[letter] ?? '';
      if (dry.includes(name)) result = true;
      if (!valued.includes(name)) continue;
      if (letter === arg.length - 1) at += 1;
      break;
    }
  }
  return result && (verbs === undefined || verbs.test(verb ?? ''));
}
