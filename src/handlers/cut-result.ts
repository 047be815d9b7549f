import type { SessionResult } from '../core/index.js';
import { jsonProblem } from '../core/orchestration/util/json-size.js';
import { truncate } from '../core/orchestration/util/text.js';

/**
 * Cuts the texts of a result to at most `most` characters, because Claude may have said any of them at its end. A typed result
 * that is longer is left out: no part of it would fit its schema. The details of a session have it.
 */
export function cutResult({ text, error, output, ...rest }: SessionResult, most: number): SessionResult {
  return {
    ...rest,
    ...(text !== undefined && { text: truncate(text, most) }),
    ...(error !== undefined && { error: truncate(error, most) }),
    ...(output !== undefined && !jsonProblem(output, most) && { output }),
  };
}
