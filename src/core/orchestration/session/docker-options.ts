import type { ContainerOptions } from './container-options.js';

/**
 * How containers are started. Given to the manager as defaults and to `create()` as overrides. `env` is merged with the
 * manager's, variable by variable. Every other option replaces the manager's, including lists such as `mounts` or `capAdd`.
 */
export interface DockerOptions extends ContainerOptions {
  /** The engine must already have the image; nothing is pulled. Default `'my-claude:authenticated'`. */
  image: string;
  /**
   * Variables for the container. Values never appear in `ps`, records, events or errors. Variables that would undo the guard
   * are refused with `INVALID_OPTIONS`: those that the library sets, and those that load code into the hook's shell. The
   * folders of `HOME` and `CLAUDE_CONFIG_DIR` are made if they are missing. They must not lie in `/workspace`.
   */
  env?: Record<string, string>;
  /** Additional bind mounts. A string has the form `source:target[:ro]`. */
  mounts?: (string | MountOption)[];
  /**
   * SSH for git inside the container. `'agent'` mounts the socket of `SSH_AUTH_SOCK`, `'keys'` mounts `~/.ssh`
   * read-only, `{ keyFile }` mounts one key read-only. Default `false`.
   */
  ssh?: false | 'agent' | 'keys' | { keyFile: string };
  /**
   * For ChannelCoder's stock image. `true` adds NET_ADMIN and NET_RAW and lets the image's entrypoint start the firewall
   * through sudo (`DISABLE_FIREWALL=false`). If the entrypoint cannot start it, the session fails. `false` (default) sets
   * `DISABLE_FIREWALL=true`, drops all capabilities and sets `no-new-privileges`. Other images have no such firewall.
   */
  firewall?: boolean;
  /** Memory limit as Docker writes it, for example `'4g'`. Default none. */
  memory?: string;
  /** CPU limit, for example `1.5`. Default none. */
  cpus?: number;
  /** Maximum number of processes and threads in the container. Default 512. */
  pidsLimit?: number;
  /**
   * Docker network, for example `'none'`. Default: the sessions' own bridge, which is made if it is missing. Its containers
   * reach the outside and the machine's address on that bridge, but not each other. `'bridge'` is the engine's own
   * bridge, on which containers reach each other. With `'host'` the agent reaches whatever listens on the machine's 127.0.0.1.
   */
  network?: string;
  /**
   * `user[:group]`, names or ids. A user id that the image's `/etc/passwd` does not have gets the group 0 if none is given
   * (`'1234'` means `'1234:0'`), as in Docker. Default on Linux: the user who works in the workspace, which is the user of this process, or the
   * workspace's owner if this process is root. If that user has no home folder in the image, it gets that of the image's own user,
   * with Claude's settings and login. Default elsewhere: the image's own user.
   */
  user?: string;
  /** Capabilities to add, for example `['NET_ADMIN']`. */
  capAdd?: string[];
  /**
   * Allows mounts, volumes and a workspace that hand over the machine: engine sockets, `/proc`, `/etc`, home folders, keys and
   * everything else that docs/security.md lists. Default `false`: they are refused with `UNSAFE_MOUNT`.
   */
  allowUnsafeMounts?: boolean;
}

/** One bind mount. */
export interface MountOption {
  /** An absolute path on the machine. It has to exist. */
  source: string;
  /** An absolute path in the container. */
  target: string;
  /** Default `false`. */
  readonly?: boolean;
}

/** The image that a session runs in by default. */
export const DEFAULT_IMAGE = 'my-claude:authenticated';
