import { messageOf, quote, systemCode } from '../errors.js';
import { LinkFreePaths } from './link-free-paths.js';

const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'this process may not do that',
  EPERM: 'this process may not do that',
  EBUSY: 'it is in use',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'something is there already',
  EISDIR: 'it is a folder',
  ELOOP: 'it is a link, or a folder on the way to it is one',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the machine has too many files open',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'it does not exist',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is no folder',
  ENOTEMPTY: 'it is not empty',
  EROFS: 'it is on a file system that is read-only',
  EXDEV: 'it is on another file system',
  EIO: 'the disk cannot be read or written',
};

/** The failure of a system call as people say it, with the path. Any other error has its own message. */
export function inWords(error: unknown): string {
  const code = systemCode(error);
  const { path, dest } = (error ?? {}) as { path?: string; dest?: string };
  const message = LinkFreePaths.plain(messageOf(error));
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code) || !message.startsWith(code)) return message;
  const words = WORDS[code] ?? message.replace(/^\w+: /, '');
  const place = dest ?? path;
  return place === undefined ? words : `${quote(LinkFreePaths.plain(place))} cannot be used: ${words}`;
}
