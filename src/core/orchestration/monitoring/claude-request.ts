import type { Json } from './content-blocks.js';
import { clipped, isCount } from './event-fields.js';

/** What a message about a failed request says of the request. Older releases only have a name for the error. */
export function readRequest({ error, api_error_status: status }: Json): { type?: string; status?: number } {
  return {
    ...(typeof error === 'string' && { type: clipped(error) }),
    ...(isCount(status) && { status }),
  };
}
