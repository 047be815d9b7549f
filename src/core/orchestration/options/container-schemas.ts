import { isIP } from 'node:net';
import { OWN_LABELS } from '../session/container-options.js';
import type { Zod } from '../util/zod.js';

/** Docker takes no container with less. */
const LEAST_MEMORY = 6 * 1024 ** 2;
/** No machine has more memory, and the engine takes the number. */
const MOST_MEMORY = 1024 ** 5;
const FACTORS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** The bytes of a size as Docker writes it. */
function bytesOf(text: string): number {
  return Number.parseInt(text, 10) * (FACTORS[text.slice(-1).toLowerCase()] ?? 1);
}

/** Real-time limits are missing: with them, an agent could keep the machine's processors from all other programs. */
const ULIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nofile',
  'nproc',
  'rss',
  'sigpending',
  'stack',
] as const;
/** A container that may open fewer files does not start. */
const LEAST_FILES = 16;
const MOST_FILES = 1024 ** 2;
const MOST_LABEL_BYTES = 64 * 1024;

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** The schemas of the options of a container. */
export function containerSchemas(z: Zod) {
  const sizeLike = (example: string) =>
    z
      .string()
      .regex(/^[1-9]\d*[bkmg]?$/i, `must read like ${example}`)
      .refine((text) => bytesOf(text) <= MOST_MEMORY, `must be at most '${MOST_MEMORY / 1024 ** 3}g'`);
  const size = sizeLike("'1g' or '256m'");

  /** The limits of a container. */
  const resourceOptions = {
    memory: sizeLike("'4g' or '512m'")
      .refine((text) => bytesOf(text) >= LEAST_MEMORY, "must be at least '6m', the least that Docker takes")
      .optional(),
    cpus: z.number().min(0.01, 'must be at least 0.01, the least that Docker takes').max(100_000).optional(),
    /** The kernel has no more processes. */
    pidsLimit: z
      .int()
      .positive()
      .max(2 ** 22, `must be at most ${2 ** 22}, the most that Linux has`)
      .optional(),
  };
  /** Where something is mounted. `workspace/volumes.ts` checks the place. */
  const target = z.string().min(1);
  const port = z.int().min(1).max(65_535);

  const most = z.int().min(-1);
  const label = z
    .string()
    .regex(/^[A-Za-z0-9][\w./-]*$/, 'must be the name of a label: letters, digits and ._/-')
    .refine(
      (name) => !name.startsWith(OWN_LABELS),
      `must not begin with '${OWN_LABELS}', like the library's own labels`,
    );
  const plain = z.string().refine((value) => !/[\0\r\n]/.test(value), 'must not hold NUL or line ends');

  /** The options of `ContainerOptions`. What they mean together is checked in `container-rules.ts`. */
  const containerOptions = {
    volumes: z
      .array(
        z.strictObject({
          name: z
            .string()
            .max(128)
            .regex(/^[A-Za-z0-9][\w.-]*$/, 'must be the name of a volume, not a path: letters, digits and _.-')
            .min(2, 'must have two characters or more'),
          target,
          readonly: z.boolean().optional(),
        }),
      )
      .optional(),
    tmpfs: z
      .array(
        z.strictObject({
          target,
          size: size.optional(),
          mode: z
            .string()
            .regex(/^[01]?[0-7]{3}$/, "must be a mode in octal, like '1777' or '700'")
            .optional(),
        }),
      )
      .optional(),
    ports: z
      .array(
        z.strictObject({
          container: port,
          host: port.optional(),
          protocol: z.enum(['tcp', 'udp']).optional(),
          address: z
            .string()
            .refine((text) => isIP(text) !== 0 && !text.includes('%'), 'must be an IP address without a zone')
            .optional(),
        }),
      )
      .optional(),
    extraHosts: z
      .record(
        z.string().regex(HOST_NAME, 'must be the name of a host'),
        z
          .string()
          .refine((text) => text === 'host-gateway' || isIP(text) !== 0, "must be an IP address or 'host-gateway'"),
      )
      .optional(),
    shmSize: size.optional(),
    ulimits: z
      .partialRecord(
        z.enum(ULIMITS),
        z.union([
          most,
          z
            .strictObject({ soft: most, hard: most })
            .refine(
              ({ soft, hard }) => hard === -1 || (soft !== -1 && soft <= hard),
              'needs a soft limit up to the hard one',
            ),
        ]),
      )
      // The kernel has a limit of its own for open files, so that there is no unlimited number of them.
      .refine(
        ({ nofile }) =>
          [nofile]
            .flatMap((limit) => (typeof limit === 'object' ? [limit.soft, limit.hard] : (limit ?? [])))
            .every((files) => files >= LEAST_FILES && files <= MOST_FILES),
        { path: ['nofile'], message: `must be ${LEAST_FILES} to ${MOST_FILES}, the most that Linux has by default` },
      )
      .optional(),
    labels: z
      .record(label, plain)
      // They go to the docker command as arguments, which the system takes up to 128 KiB each.
      .refine(
        (labels) => Buffer.byteLength(Object.entries(labels).flat().join('')) <= MOST_LABEL_BYTES,
        `must not be longer than ${MOST_LABEL_BYTES / 1024} KiB together`,
      )
      .optional(),
    platform: z
      .string()
      .regex(/^[a-z0-9]+\/[a-z0-9_]+(\/[a-z0-9]+)?$/, "must read like 'linux/amd64' or 'linux/arm/v7'")
      .optional(),
    gpus: z
      .union([
        z.literal('all'),
        z.int().positive().max(64),
        z.array(z.string().regex(/^[A-Za-z0-9:-]+$/, 'must be the index or the id of a graphics card')).min(1),
      ])
      .optional(),
    selinux: z.enum(['z', 'Z', 'disable']).optional(),
    allowUnsafePorts: z.boolean().optional(),
    allowUnsafeGpus: z.boolean().optional(),
    allowUnsafeSelinux: z.boolean().optional(),
  };

  return { resourceOptions, containerOptions };
}
