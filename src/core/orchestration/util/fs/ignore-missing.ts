import { systemCode } from '../errors.js';
/** For `catch`: what is not there is undefined, any other failure stays one. */
export function ignoreMissing(error: unknown): undefined {
  const code = systemCode(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
}
