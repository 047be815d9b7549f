import { constants } from 'node:fs';
import { copyFile, type FileHandle } from 'node:fs/promises';
import { systemCode } from '../../util/errors.js';
import type { CopyBudget } from './copy-budget.js';

/** How much is copied before the time is checked again, in bytes. */
const PART = 1024 * 1024;
/** What file systems say that cannot share the content of two files. */
const CANNOT_SHARE = ['ENOTSUP', 'EXDEV', 'ENOTTY'];

/** Copies the content of open files. An agent may make a file longer at any moment. */
export class ContentCopy {
  readonly #budget: CopyBudget;
  #canShare = process.platform === 'linux';

  constructor(budget: CopyBudget) {
    this.#budget = budget;
  }

  /** @param size what the file has; no more is copied, unless the file system shares it, and then it counts, too. @throws TooMuch */
  async copy(source: FileHandle, target: FileHandle, size: number): Promise<void> {
    this.#budget.content(size);
    if (await this.#share(source, target)) {
      this.#budget.content(Math.max(0, (await target.stat()).size - size));
      return;
    }
    const buffer = Buffer.allocUnsafe(Math.min(size, PART));
    let at = 0;
    while (at < size) {
      this.#budget.goOn();
      const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) return;
      await target.writeFile(buffer.subarray(0, bytesRead)); // At its end.
      at += bytesRead;
    }
  }

  /** @returns false if the file system cannot do that */
  async #share(source: FileHandle, target: FileHandle): Promise<boolean> {
    if (!this.#canShare) return false;
    try {
      // By these paths, they are the very files that were opened.
      const [from, to] = [source, target].map(({ fd }) => `/proc/self/fd/${fd}`) as [string, string];
      await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE);
      return true;
    } catch (error) {
      if (CANNOT_SHARE.includes(systemCode(error) ?? '')) this.#canShare = false;
      return false;
    }
  }
}
