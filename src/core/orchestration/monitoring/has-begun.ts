import { openRegularFile } from '../util/fs/regular-file.js';

/** Claude's first line is in this part of the run's log, whatever entrypoints print before it. */
const HEAD_BYTES = 256 * 1024;

/** True if the log holds Claude's first line after an offset. If it does, the run whose part begins there was started. */
export async function hasBegun(log: string, offset: number): Promise<boolean> {
  const file = await openRegularFile(log).catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, offset);
    return buffer.toString('utf8', 0, bytesRead).includes('"subtype":"init"');
  } finally {
    await file.close();
  }
}
