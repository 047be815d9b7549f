import type { Zod } from '../util/zod.js';

/** Git leaves these characters out of names, and refuses a name of nothing else. */
const EMPTY = /^[\s.,:;<>"\\']*$/;

const part = (z: Zod) =>
  z
    .string()
    .max(500)
    .regex(/^[^\p{Cc}<>]*$/u, 'must be one line without < and >')
    .refine((text) => !EMPTY.test(text), 'must not be empty');

/** The option `git`, which managers and sessions have. */
export const gitOptions = (z: Zod) => ({ git: z.strictObject({ name: part(z), email: part(z) }).optional() });
