import { classifyError } from '../session/error-classifier.js';
import { causeOfFailure } from '../session/failure-cause.js';
import type { Observation } from '../session/observation.js';
import { stripControl, truncate } from '../util/text.js';
import { readRequest } from './claude-request.js';
import type { Json } from './content-blocks.js';
import { clipped, isCount, primitiveOf } from './event-fields.js';

const TEXT_LENGTH = 1_000;

/** Claude tries a request again for minutes, even if that is useless. A refused login is known at the first attempt. */
export function readApiRetry(event: Json): Observation[] {
  const why = clipped(String(primitiveOf(event.error) ?? primitiveOf(event.error_status) ?? 'unknown error'));
  const failed = requestFailed(event, why, isCount(event.error_status) ? event.error_status : undefined, false);
  const { code, severity } =
    failed.cause === 'auth' ? { code: 'auth', severity: 'critical' as const } : classifyError(why, 'api');
  const known = code === 'api_error' ? { code: 'retry', severity } : { code, severity };
  return [{ kind: 'error', ...known, message: `The request is tried again: ${stripControl(why)}` }, failed];
}

/** Claude reports a request that failed for good as a message of a model that does not exist, "<synthetic>". */
export function readFailedRequest(event: Json, text: string): Observation[] {
  const status = isCount(event.api_error_status) ? event.api_error_status : undefined;
  const failed = requestFailed(event, text, status, true);
  const { code, severity, message } = classifyError(text, 'api');
  const known = failed.cause === 'auth' ? { code: 'auth', severity: 'critical' as const } : { code, severity };
  return [{ kind: 'error', ...known, message, request: readRequest(event) }, failed];
}

/** Claude says that it could not log in. */
export function readAuthStatus({ error }: Json): Observation[] {
  if (typeof error !== 'string' || error === '') return [];
  const text = stripControl(truncate(error, TEXT_LENGTH));
  const { message } = classifyError(text, 'api');
  return [
    { kind: 'error', severity: 'critical', code: 'auth', message },
    { kind: 'request-failed', cause: 'auth', final: true, text },
  ];
}

function requestFailed(
  { error }: Json,
  text: string,
  status: number | undefined,
  final: boolean,
): Extract<Observation, { kind: 'request-failed' }> {
  const type = typeof error === 'string' ? { type: clipped(error) } : {};
  const cause = causeOfFailure({ ...type, text, ...(status !== undefined && { status }) });
  return { kind: 'request-failed', ...(cause && { cause }), final, text: stripControl(truncate(text, TEXT_LENGTH)) };
}
