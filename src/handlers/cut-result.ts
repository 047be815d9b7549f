import type { SessionResult } from '../core/index.js';
import { truncate } from '../core/orchestration/util/text.js';

/** Cuts both texts of a result to at most `most` characters, because either may be what Claude said at its end. */
export function cutResult({ text, error, ...rest }: SessionResult, most: number): SessionResult {
  return {
    ...rest,
    ...(text !== undefined && { text: truncate(text, most) }),
    ...(error !== undefined && { error: truncate(error, most) }),
  };
}
