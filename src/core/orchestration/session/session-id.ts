import { customAlphabet } from 'nanoid';

/** Only characters that container names allow. With 12 of 36 characters, it is unthinkable that an id repeats. */
export const newSessionId = customAlphabet('0123456789abcdefghijklmnopqrstuvwxyz', 12);

/** True for an id as `newSessionId` makes it. Ids are parts of paths and names. */
export function isSessionId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-z]{12}$/.test(value);
}
