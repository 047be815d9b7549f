import type { DockerOptions } from '../session/docker-options.js';
import type { CheckedMount, Mount } from '../workspace/mount.js';
import { checkedStart } from './checked-start.js';
import { PREPARING_CAPABILITIES, type Preparation } from './home-preparation.js';
import { cacheArgs, fields, labelledMount, moreArgs, tmpfsWords, userLabels } from './more-args.js';

/** Everything that determines how a container is started. */
export interface ContainerSpec {
  name: string;
  labels: Record<string, string>;
  options: Omit<DockerOptions, 'env' | 'mounts' | 'ssh' | 'allowUnsafeMounts'>;
  mounts: readonly CheckedMount[];
  /** One of the mounts. No agent can reach its source, see `checkedStart`. */
  canary: CheckedMount;
  /** The image's entrypoint, which containers run before their command. */
  entrypoint: readonly string[];
  env: Readonly<Record<string, string>>;
  /** The user to whom folders in memory are given. Absent if the engine cannot give them to anybody. */
  owner?: { readonly uid: number; readonly gid: number };
  /** Absent if the container starts with the agent's user. */
  preparation?: Preparation;
  /** The absolute path of the folder in which the command begins. */
  workdir: string;
  /** True if the container gets a terminal. Default `false`. */
  terminal?: boolean;
  /** Volumes that are not filled with what the image has at their places. Default none. */
  cacheMounts?: readonly { readonly volume: string; readonly target: string }[];
  /** Words in front of the command, which run something before it. Default none. */
  before?: readonly string[];
  /** The command in the container. */
  command: readonly string[];
}

/**
 * Variables that would influence the docker CLI itself (or the code that the loader puts into it) if they were in its
 * environment. They are passed by value instead. None of them is a secret.
 */
const CLIENT_VARIABLES =
  /^(PATH|HOME|TMPDIR|LD_(PRELOAD|LIBRARY_PATH|AUDIT|DEBUG|DEBUG_OUTPUT|PROFILE|BIND_NOW|HWCAP_MASK)|DYLD_[A-Z_]+|GLIBC_TUNABLES|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK|COVERDIR)|XDG_[A-Z_]+_(HOME|DIRS?)|DOCKER_(HOST|CONTEXT|CONFIG|API_VERSION|CERT_PATH|TLS|TLS_VERIFY|CONTENT_TRUST|CONTENT_TRUST_SERVER|DEFAULT_PLATFORM|CLI_[A-Z_]+))$/;

/**
 * The arguments of the docker CLI and the environment that it needs. Variables are passed by name, with their values in the
 * environment of the CLI, so that the values do not show in `ps`.
 */
export function dockerRunArgs(spec: ContainerSpec): { args: string[]; env: Record<string, string> } {
  const { options } = spec;
  const args = [
    'run',
    '--name',
    spec.name,
    ...pairs(
      '--label',
      Object.entries({ ...userLabels(options), ...spec.labels }).map(([key, value]) => `${key}=${value}`),
    ),
    // No --rm, because the exit code and OOMKilled are read after the end, also by a later process. With `--pull never`, a
    // missing image fails at once.
    ...['--pull', 'never', '--interactive', '--init', '--workdir', spec.workdir],
    ...(spec.terminal ? ['--tty'] : []),
    // The engine keeps a limited copy of the output, for `docker logs`. The session's own log has the whole output.
    ...['--log-driver', 'json-file', '--log-opt', 'max-size=10m'],
    // Don't forward signals: the CLI shares the service unit of our process, and stopping the service must not stop the
    // session.
    '--sig-proxy=false',
    ...spec.mounts.flatMap((mount) => mountArgs(mount, options.selinux)),
    ...moreArgs(options, spec.owner),
    ...cacheArgs(spec.cacheMounts ?? []),
  ];

  if (options.firewall) {
    // The stock image sets its firewall up through sudo, which does not work under no-new-privileges.
    args.push(...pairs('--cap-add', ['NET_ADMIN', 'NET_RAW']));
  } else {
    args.push('--cap-drop', 'ALL', '--security-opt', 'no-new-privileges');
    if (spec.preparation) args.push(...pairs('--cap-add', PREPARING_CAPABILITIES));
  }
  args.push(...pairs('--cap-add', options.capAdd ?? []), '--pids-limit', String(options.pidsLimit ?? 512));
  // Without --memory-swap, a container may use as much swap as its memory limit, in addition to it.
  if (options.memory !== undefined) args.push('--memory', options.memory, '--memory-swap', options.memory);
  if (options.cpus !== undefined) args.push('--cpus', String(options.cpus));
  if (options.network !== undefined) args.push('--network', options.network);
  const user = spec.preparation ? '0:0' : options.user;
  if (user !== undefined) args.push('--user', user);

  const env: Record<string, string> = {};
  // Set in either case, because an image that was committed from a container without a firewall has DISABLE_FIREWALL=true.
  const variables = { ...spec.env, DISABLE_FIREWALL: String(!options.firewall) };
  for (const [key, value] of Object.entries(variables)) {
    if (CLIENT_VARIABLES.test(key)) {
      args.push('--env', `${key}=${value}`);
    } else {
      args.push('--env', key);
      env[key] = value;
    }
  }
  const command = [
    ...(spec.owner ? tmpfsWords(options) : []),
    ...spec.entrypoint,
    ...(spec.before ?? []),
    ...spec.command,
  ];
  const start = checkedStart(spec.mounts, spec.canary, command, spec.preparation);
  return { args: [...args, '--entrypoint', start.entrypoint, options.image, ...start.args], env };
}

function pairs(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value]);
}

function mountArgs(mount: Mount, selinux: DockerOptions['selinux']): string[] {
  if (selinux === 'z' || selinux === 'Z') return ['--volume', labelledMount(mount, selinux)];
  const { source, target, readonly } = mount;
  return ['--mount', fields(['type=bind', `source=${source}`, `target=${target}`, ...(readonly ? ['readonly'] : [])])];
}
