/** Options of a session's container that are named like the flags of `docker run` that they stand for. */
export interface ContainerOptions {
  /**
   * Named volumes of the engine. A volume that is missing is made, and belongs to the session's user. Volumes are yours: the
   * library never removes one (`docker volume rm`), and all sessions that name a volume share it. A volume whose driver or options
   * can lead to a folder of the machine is refused with `UNSAFE_MOUNT`, unless `allowUnsafeMounts` is set.
   */
  volumes?: VolumeOption[];
  /**
   * Folders in memory, which belong to the agent and are empty at the start of each run. What is in them counts against `memory`.
   * They must not hide the home folder, Claude's configuration or Claude Code itself.
   */
  tmpfs?: TmpfsOption[];
  /**
   * Ports of the container that programs on the machine reach, at 127.0.0.1 only. The run in the record says which port of the
   * machine leads there (`runs[].ports`). Sessions that another one leads do not inherit these. Not with the networks `'none'` and
   * `'host'`.
   */
  ports?: PortOption[];
  /**
   * Further names for `/etc/hosts`, each with an IP address or `'host-gateway'`, which stands for the machine:
   * `{ 'host.docker.internal': 'host-gateway' }`.
   */
  extraHosts?: Record<string, string>;
  /** The size of `/dev/shm` as Docker writes it, for example `'1g'`. Browsers need more than Docker's default, 64 MB. */
  shmSize?: string;
  /**
   * Limits of each process, by their names in Docker: `{ nofile: 65536 }`, or `{ nofile: { soft: 1024, hard: 65536 } }`. -1 is no
   * limit.
   */
  ulimits?: Record<string, number | UlimitOption>;
  /** Labels for the container. They are not secret, and must not begin with `autonomous-orchestration.`. */
  labels?: Record<string, string>;
  /**
   * The platform of an image that has several, or that runs in an emulator: `'linux/amd64'`. Default: that of the image which the
   * engine has.
   */
  platform?: string;
  /**
   * Graphics cards of NVIDIA: all, how many, or which (indexes or ids). The engine needs NVIDIA's container toolkit. The agent
   * then talks to a driver in the machine's kernel, so this needs `allowUnsafeGpus`.
   */
  gpus?: 'all' | number | string[];
  /**
   * What is done on a machine with SELinux, which otherwise denies a container every file of the machine. Other machines ignore
   * it.
   *
   * - `'z'`: the engine labels all files of the session's mounts, so that every container may use them. The files keep the label.
   * - `'Z'`: labels them for this container only. Two sessions with a folder in common lock each other out.
   * - `'disable'`: SELinux does not confine the container. No file is changed. Needs `allowUnsafeSelinux`.
   *
   * The labels `'z'` and `'Z'` are refused together with `ssh` (with such a label, sshd may not read `~/.ssh` any more) and with
   * `allowUnsafeMounts` (a system folder with such a label breaks the machine), unless `allowUnsafeSelinux` is set.
   */
  selinux?: 'z' | 'Z' | 'disable';
  /**
   * Allows `ports` at other addresses than 127.0.0.1 and ::1. Then other machines reach the servers that the agent starts. Default
   * `false`.
   */
  allowUnsafePorts?: boolean;
  /** Allows `gpus`. Default `false`. */
  allowUnsafeGpus?: boolean;
  /** Allows what `selinux` names. Default `false`. */
  allowUnsafeSelinux?: boolean;
}

/** A named volume of the engine. */
export interface VolumeOption {
  /** Letters, digits, `_`, `.` and `-`; the first is a letter or a digit. */
  name: string;
  /** An absolute path in the container. */
  target: string;
  /** Default `false`. */
  readonly?: boolean;
}

/** A folder in memory. */
export interface TmpfsOption {
  /** An absolute path in the container. */
  target: string;
  /** As Docker writes it, for example `'256m'`. Default: half of the machine's memory, or less if `memory` is less. */
  size?: string;
  /** The mode of the folder, in octal: `'1777'` (default), which lets everybody write. */
  mode?: string;
}

/** A port of the container that the machine reaches. */
export interface PortOption {
  /** The port in the container. */
  container: number;
  /** The port on the machine. Only one session at a time can have it. Default: the engine chooses a free one. */
  host?: number;
  /** Default `'tcp'`. */
  protocol?: 'tcp' | 'udp';
  /** The IP address of the machine at which the port is reached. Default `'127.0.0.1'`. */
  address?: string;
}

/** A port of a run's container, and where the machine reaches it. */
export interface PublishedPort {
  readonly container: number;
  readonly host: number;
  readonly protocol: 'tcp' | 'udp';
  /** The IP address on the machine. */
  readonly address: string;
}

/** What a process may use without asking (`soft`), and what it may raise that to (`hard`). */
export interface UlimitOption {
  soft: number;
  hard: number;
}

/** The beginning of the labels by which the library recognizes what belongs to it. */
export const OWN_LABELS = 'autonomous-orchestration.';
