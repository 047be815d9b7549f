import { openRegularFile } from '../util/fs/regular-file.js';

/** Claude's first line is within so much of the run's part of the log, whatever entrypoints print before it. */
const HEAD_BYTES = 256 * 1024;

/** Whether a log has a first line of Claude's behind an offset. If so, the run whose part begins there was under way. */
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
