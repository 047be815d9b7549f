import { lazily, type Zod } from '../util/zod.js';

const A_DAY_MS = 86_400_000;
/** The options about accounts that a manager and a session have in common. */
export const accountOptions = (z: Zod) => ({
  account: z
    .string()
    .min(1)
    .max(200)
    .refine((label) => !/\p{Cc}/u.test(label), 'must not hold control characters')
    .optional(),
  retry: z
    .union([
      z.literal(false),
      z.strictObject({
        attempts: z.int().min(0).max(100).optional(),
        initialMs: z.int().positive().max(A_DAY_MS).optional(),
        maxMs: z.int().positive().max(A_DAY_MS).optional(),
        on: z.array(z.enum(['provider', 'oom', 'lost', 'error'])).optional(),
      }),
    ])
    .optional(),
  onOverage: z.enum(['continue', 'wait', 'end']).optional(),
});

/** The arguments of `holdQueue` and `releaseQueue`. */
export const holdSchema = lazily((z) =>
  z.object({
    reason: z
      .string()
      .max(2_000)
      .refine((reason) => reason.trim() !== '', 'must not be empty'),
  }),
);
export const releaseSchema = lazily((z) => z.object({ account: z.string().min(1).optional() }));
