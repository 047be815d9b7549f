import type { Observation } from '../session/observation.js';
import { readApiRetry } from './claude-failures.js';
import type { Json } from './content-blocks.js';

/** What a `system` event reports, other than the beginning of the conversation. By its `subtype`. */
const NOTICES = new Map<unknown, (event: Json) => Observation[]>([['api_retry', readApiRetry]]);

/** What a `system` event reports, other than the beginning of the conversation. Unknown ones report nothing. */
export function readNotice(event: Json): Observation[] {
  return NOTICES.get(event.subtype)?.(event) ?? [];
}
