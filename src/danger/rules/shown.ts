import { ANY, isBlank, SEGMENT } from '../shell/value.js';

/** A path as people read it: unknown parts as an ellipsis, and at most 80 characters. */
export function shown(path: string): string {
  const readable = isBlank(path)
    ? '…'
    : path
        .replaceAll(ANY, '…')
        .replaceAll(SEGMENT, '*')
        .replace(/[\uFDD0-\uFDD2]/g, '?');
  return readable.length > 80 ? `${readable.slice(0, 77)}…` : readable;
}
