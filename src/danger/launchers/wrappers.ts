import { Options } from '../shell/options.js';

/** A program that runs the command after its own options. */
interface Wrapper {
  /** Options that take a value, without dashes. */
  readonly values?: string;
  /** How many operands of the program itself come before the command. */
  readonly skip?: number;
  /** `NAME=value` may stand before the command. */
  readonly assignments?: true;
  /** With one of these options the program runs nothing. */
  readonly asks?: string;
  /** A lone dash may stand before the command. */
  readonly dash?: true;
}

const SUDO: Wrapper = {
  values: 'u g h p C r t T U D R user group host prompt chdir role type close-from other-user',
  assignments: true,
  asks: 'l list v validate k K',
};

const WRAPPERS = new Map<string, Wrapper>(
  Object.entries({
    sudo: SUDO,
    'sudo-rs': SUDO,
    doas: { values: 'u C', assignments: true, asks: 'L' },
    runuser: { values: 'u g G w s user group', asks: 'c command session-command l login' },
    pkexec: { values: 'user' },
    please: { values: 'u' },
    env: { values: 'u C P a unset chdir argv0', assignments: true, dash: true },
    'cross-env': { assignments: true },
    dotenv: { values: 'e f' },
    command: { asks: 'v V' },
    builtin: {},
    exec: { values: 'a' },
    nohup: {},
    nice: { values: 'n adjustment' },
    ionice: { values: 'c n classdata class', asks: 'p pid' },
    chrt: { values: 'T P D', skip: 1, asks: 'p pid' },
    taskset: { skip: 1, asks: 'p pid' },
    setsid: {},
    stdbuf: { values: 'i o e input output error' },
    unbuffer: {},
    timeout: { values: 's k signal kill-after', skip: 1 },
    gtimeout: { values: 's k signal kill-after', skip: 1 },
    time: { values: 'f o format output' },
    gtime: { values: 'f o format output' },
    strace: { values: 'e o p u s a E S P I O', asks: 'p' },
    ltrace: { values: 'e o p u s a n', asks: 'p' },
    valgrind: {},
    catchsegv: {},
    perf: { values: 'e o', skip: 1 },
    busybox: {},
    toybox: {},
    chroot: { values: 'userspec groups', skip: 1 },
    unshare: { values: 'S G R w setuid setgid root wd propagation map-user map-group' },
    nsenter: { values: 't S G target setuid setgid' },
    setpriv: { values: 'reuid regid groups inh-caps ambient-caps bounding-set securebits' },
    setarch: { skip: 1 },
    linux32: {},
    linux64: {},
    prlimit: { values: 'p', asks: 'p pid' },
    'systemd-run': { values: 'p u E M H unit property setenv uid gid slice working-directory description' },
    'systemd-inhibit': { values: 'what who why mode' },
    'dbus-run-session': {},
    'xvfb-run': { values: 'n s e f w server-num server-args error-file auth-file wait' },
    firejail: {},
    bwrap: { values: 'bind ro-bind dev-bind chdir setenv uid gid' },
    proot: { values: 'r b w q' },
    fakeroot: { values: 'i s l' },
    faketime: { skip: 1 },
    gosu: { skip: 1 },
    'su-exec': { skip: 1 },
    setuidgid: { skip: 1 },
    torsocks: {},
    torify: {},
    proxychains: { values: 'f' },
    proxychains4: { values: 'f' },
    'ssh-agent': { values: 'a t', asks: 's c k D d' },
    rlwrap: {},
    caffeinate: { values: 't w' },
    numactl: { values: 'm N C membind cpunodebind physcpubind' },
    cgexec: { values: 'g' },
    npx: { values: 'p package', asks: 'c call' },
    bunx: {},
    pnpx: {},
    uvx: { values: 'from with python p' },
    rtk: {},
    noglob: {},
    runcon: { values: 't r u l type role user range', skip: 1 },
    'dumb-init': { values: 'r rewrite' },
    tini: { values: 'p e' },
    catatonit: {},
    choom: { values: 'n adjust', asks: 'p pid' },
    uclampset: { values: 'm M', asks: 'p pid' },
    chpst: { values: 'u U b d f o c l e m n p r t' },
    softlimit: { values: 'a c d f l m o p r s t' },
    setlock: { skip: 1 },
    envdir: { skip: 1 },
    envuidgid: { skip: 1 },
    's6-setuidgid': { skip: 1 },
    'with-contenv': {},
    eatmydata: {},
    cpulimit: { values: 'l e c limit exe', asks: 'p pid' },
    daemonize: { values: 'a e E o p l u c' },
    daemon: { values: 'n u o D M O l name user output chdir' },
    chronic: {},
    ifne: {},
    nq: {},
    envchain: { skip: 1 },
    retry: { values: 't d times delay' },
    sem: { values: 'j jobs id' },
    lvm: {},
    'ld.so': {
      values: 'library-path preload audit argv0 inhibit-rpath glibc-hwcaps-prepend glibc-hwcaps-mask',
      asks: 'list verify help version list-tunables list-diagnostics',
    },
    qemu: { values: 'L E U cpu R B s' },
    nocorrect: {},
  } satisfies Record<string, Wrapper>),
);

/** Programs that are wrappers with one of their verbs, such as `poetry run x`. */
interface Runner {
  readonly verbs: readonly string[];
  readonly values?: string;
  /** How many operands of the program itself come between the verb and the command, if there is no `--`. */
  readonly skip?: number;
}

const RUNNERS = new Map<string, Runner>(
  Object.entries({
    poetry: { verbs: ['run'] },
    pipenv: { verbs: ['run'] },
    pdm: { verbs: ['run'] },
    hatch: { verbs: ['run'] },
    rye: { verbs: ['run'] },
    uv: { verbs: ['run'], values: 'with python p project directory extra group' },
    conda: { verbs: ['run'], values: 'n p name prefix' },
    mamba: { verbs: ['run'], values: 'n p name prefix' },
    bundle: { verbs: ['exec'] },
    pnpm: { verbs: ['exec', 'dlx'], values: 'C dir filter' },
    npm: { verbs: ['exec', 'x'], values: 'prefix w workspace package' },
    yarn: { verbs: ['exec', 'dlx'] },
    bun: { verbs: ['x'] },
    mise: { verbs: ['exec', 'x'] },
    rtx: { verbs: ['exec', 'x'] },
    asdf: { verbs: ['exec'] },
    rbenv: { verbs: ['exec'] },
    pyenv: { verbs: ['exec'] },
    direnv: { verbs: ['exec'], skip: 1 },
    doppler: { verbs: ['run'] },
    op: { verbs: ['run'] },
    'aws-vault': { verbs: ['exec'], skip: 1 },
    'aws-okta': { verbs: ['exec'], skip: 1 },
    saml2aws: { verbs: ['exec'], values: 'a exec-profile profile' },
    chamber: { verbs: ['exec'], skip: 1 },
    sops: { verbs: ['exec-env', 'exec-file'], skip: 1 },
    fnm: { verbs: ['exec'], values: 'using' },
    nvm: { verbs: ['exec'], skip: 1 },
    volta: { verbs: ['run'], values: 'node npm yarn' },
    devbox: { verbs: ['run'] },
    flox: { verbs: ['activate'] },
    guix: { verbs: ['shell'] },
    infisical: { verbs: ['run'], values: 'env path projectId' },
    teller: { verbs: ['run'] },
    apptainer: { verbs: ['exec'], values: 'B bind env H home', skip: 1 },
    singularity: { verbs: ['exec'], values: 'B bind env H home', skip: 1 },
    toolbox: { verbs: ['run'], values: 'c container d r' },
    lxc: { verbs: ['exec'], skip: 1 },
    incus: { verbs: ['exec'], skip: 1 },
    multipass: { verbs: ['exec'], skip: 1 },
    limactl: { verbs: ['shell'], skip: 1 },
    rr: { verbs: ['record'] },
    pipx: { verbs: ['run'], values: 'spec python' },
    dotenvx: { verbs: ['run'] },
    vagrant: { verbs: ['exec'] },
    corepack: { verbs: ['pnpm', 'yarn', 'npm'] },
  }),
);

export interface Unwrapped {
  /** Where in the arguments the inner command starts. */
  readonly start: number;
  /** Arguments before it of the form `NAME=value`. */
  readonly assignments: readonly string[];
}

const ASSIGNMENT = /^[A-Za-z_]\w*=/;

/** The command inside a wrapper; `undefined` if the program is no wrapper, or if its options make it run nothing. */
export function unwrap(name: string, args: readonly string[]): Unwrapped | undefined {
  const runner = RUNNERS.get(name);
  if (runner) return unwrapRunner(runner, args);
  const wrapper = WRAPPERS.get(name);
  if (!wrapper) return undefined;
  const options = new Options(args, wrapper.values?.split(' ') ?? [], true);
  if (wrapper.asks && options.has(...wrapper.asks.split(' '))) return undefined;
  let start = options.start;
  if (wrapper.dash && args[start] === '-') start += 1;
  const assignments: string[] = [];
  while (wrapper.assignments && ASSIGNMENT.test(args[start] ?? '')) assignments.push(args[start++] ?? '');
  start += wrapper.skip ?? 0;
  if (args[start] === '--') start += 1;
  return start < args.length ? { start, assignments } : undefined;
}

function unwrapRunner(runner: Runner, args: readonly string[]): Unwrapped | undefined {
  const values = runner.values?.split(' ') ?? [];
  const outer = new Options(args, values, true);
  const verb = args[outer.start];
  if (verb === undefined || !runner.verbs.includes(verb)) return undefined;
  const first = outer.start + 1;
  const inner = new Options(args.slice(first), values, true);
  const dashes = args.indexOf('--', first);
  // Words before `--` name versions, profiles and services, unless the `--` belongs to the command itself.
  const ownWords = dashes < 0 ? args.length : dashes - first - inner.start;
  const start = dashes >= 0 && ownWords <= 1 ? dashes + 1 : first + inner.start + (runner.skip ?? 0);
  return start < args.length ? { start, assignments: [] } : undefined;
}
