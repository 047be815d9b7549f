import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** Claude's first line is within this, entrypoints and all. */
const HEAD_BYTES = 256 * 1024;

/** Whether Claude has begun to speak behind an offset of a log: a run was under way there. */
export async function hasBegun(log: string, offset: number): Promise<boolean> {
  const file = await open(log, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, offset);
    return buffer.toString('utf8', 0, bytesRead).includes('"subtype":"init"');
  } finally {
    await file.close();
  }
}
