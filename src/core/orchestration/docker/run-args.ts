import { WORKSPACE } from '../git/mounts.js';
import type { DockerOptions } from '../session/docker-options.js';
import type { CheckedMount, Mount } from '../workspace/mount.js';
import { checkedStart } from './checked-start.js';

/** Everything that decides how a container is started. */
export interface ContainerSpec {
  name: string;
  labels: Record<string, string>;
  options: Pick<DockerOptions, 'image' | 'firewall' | 'memory' | 'cpus' | 'pidsLimit' | 'network' | 'user' | 'capAdd'>;
  mounts: readonly CheckedMount[];
  /** One of the mounts, whose source no agent can reach, see `checkedStart`. */
  canary: CheckedMount;
  /** What the image's containers begin with, before their command. */
  entrypoint: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Whether the container gets a terminal. Default `false`. */
  terminal?: boolean;
  /** The command in the container. */
  command: readonly string[];
}

/**
 * Variables that would steer the docker CLI itself (or what the loader puts into it) if they stood in its environment.
 * They are passed by value instead; none of them is a secret.
 */
const CLIENT_VARIABLES =
  /^(PATH|HOME|TMPDIR|LD_(PRELOAD|LIBRARY_PATH|AUDIT|DEBUG|DEBUG_OUTPUT|PROFILE|BIND_NOW|HWCAP_MASK)|DYLD_[A-Z_]+|GLIBC_TUNABLES|GO(DEBUG|GC|MAXPROCS|MEMLIMIT|TRACEBACK|COVERDIR)|XDG_[A-Z_]+_(HOME|DIRS?)|DOCKER_(HOST|CONTEXT|CONFIG|API_VERSION|CERT_PATH|TLS|TLS_VERIFY|CONTENT_TRUST|CONTENT_TRUST_SERVER|DEFAULT_PLATFORM|CLI_[A-Z_]+))$/;

/**
 * Arguments of the docker CLI and the environment it needs. Variables go by name, with their values in the
 * environment of the CLI, so that they do not show in `ps`.
 */
export function dockerRunArgs(spec: ContainerSpec): { args: string[]; env: Record<string, string> } {
  const { options } = spec;
  const args = [
    'run',
    '--name',
    spec.name,
    ...pairs(
      '--label',
      Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`),
    ),
    // No --rm: the exit code and OOMKilled are read after the end, also by another host. A missing image fails at once.
    ...['--pull', 'never', '--interactive', '--init', '--workdir', WORKSPACE],
    ...(spec.terminal ? ['--tty'] : []),
    // The engine keeps a copy of the output, for `docker logs`; the session's own log has all of it.
    ...['--log-driver', 'json-file', '--log-opt', 'max-size=10m'],
    // A signal to the CLI, which shares the host's service unit, is none to the session.
    '--sig-proxy=false',
    ...pairs('--mount', spec.mounts.map(mountArg)),
  ];

  if (options.firewall) {
    // The stock image's firewall is set up through sudo, which does not work under no-new-privileges.
    args.push(...pairs('--cap-add', ['NET_ADMIN', 'NET_RAW']));
  } else {
    args.push('--cap-drop', 'ALL', '--security-opt', 'no-new-privileges');
  }
  args.push(...pairs('--cap-add', options.capAdd ?? []), '--pids-limit', String(options.pidsLimit ?? 512));
  // Without --memory-swap a container may swap as much again as its limit.
  if (options.memory !== undefined) args.push('--memory', options.memory, '--memory-swap', options.memory);
  if (options.cpus !== undefined) args.push('--cpus', String(options.cpus));
  if (options.network !== undefined) args.push('--network', options.network);
  if (options.user !== undefined) args.push('--user', options.user);

  const env: Record<string, string> = {};
  // Said in either case: an image that was committed from a container without a firewall has DISABLE_FIREWALL=true.
  const variables = { ...spec.env, DISABLE_FIREWALL: String(!options.firewall) };
  for (const [key, value] of Object.entries(variables)) {
    if (CLIENT_VARIABLES.test(key)) {
      args.push('--env', `${key}=${value}`);
    } else {
      args.push('--env', key);
      env[key] = value;
    }
  }
  const start = checkedStart(spec.mounts, spec.canary, [...spec.entrypoint, ...spec.command]);
  return { args: [...args, '--entrypoint', start.entrypoint, options.image, ...start.args], env };
}

function pairs(flag: string, values: readonly string[]): string[] {
  return values.flatMap((value) => [flag, value]);
}

/** `--mount` takes comma-separated values, quoted where they have commas or quotes in them. */
function mountArg({ source, target, readonly }: Mount): string {
  const fields = ['type=bind', `source=${source}`, `target=${target}`, ...(readonly ? ['readonly'] : [])];
  return fields.map((field) => (/[",]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',');
}
