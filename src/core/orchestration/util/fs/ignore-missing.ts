import { systemCode } from '../errors.js';
/** For `catch`: returns undefined if the file or folder does not exist. Rethrows any other error. */
export function ignoreMissing(error: unknown): undefined {
  const code = systemCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
