import { isIP } from 'node:net';
import { z } from 'zod';
import { OWN_LABELS } from '../session/container-options.js';

const size = z.string().regex(/^[1-9]\d*[bkmg]?$/i, "must read like '1g' or '256m'");
/** Where something is mounted. `workspace/volumes.ts` checks the place. */
const target = z.string().min(1);
const port = z.int().min(1).max(65_535);

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
const most = z.int().min(-1);

const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const label = z
  .string()
  .regex(/^[A-Za-z0-9][\w./-]*$/, 'must be the name of a label: letters, digits and ._/-')
  .refine((name) => !name.startsWith(OWN_LABELS), `must not begin with '${OWN_LABELS}', like the library's own labels`);
const plain = z.string().refine((value) => !/[\0\r\n]/.test(value), 'must not hold NUL or line ends');

/** The options of `ContainerOptions`. What they mean together is checked in `container-rules.ts`. */
export const containerOptions = {
  volumes: z
    .array(
      z.strictObject({
        name: z
          .string()
          .max(128)
          .regex(/^[A-Za-z0-9][\w.-]+$/, 'must be the name of a volume, not a path: letters, digits and _.-'),
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
          .refine((text) => isIP(text) !== 0, 'must be an IP address')
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
    .optional(),
  labels: z.record(label, plain).optional(),
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
