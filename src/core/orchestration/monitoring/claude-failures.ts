import { classifyError } from '../session/error-classifier.js';
import { type ErrorCode, severityOf } from '../session/error-codes.js';
import { causeOfFailure, type FailureCause } from '../session/failure-cause.js';
import type { ErrorSeverity } from '../session/metadata.js';
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
  const { code, severity } = codeOf(failed.cause, why);
  const known = code === 'api_error' ? { code: 'retry', severity } : { code, severity };
  return [{ kind: 'error', ...known, message: `The request is tried again: ${stripControl(why)}` }, failed];
}

/** Claude reports a request that failed for good as a message of a model that does not exist, "<synthetic>". */
export function readFailedRequest(event: Json, text: string): Observation[] {
  const status = isCount(event.api_error_status) ? event.api_error_status : undefined;
  const failed = requestFailed(event, text, status, true);
  const { message } = classifyError(text, 'api');
  return [{ kind: 'error', ...codeOf(failed.cause, text), message, request: readRequest(event) }, failed];
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

/** The causes that have a code of their own. */
const BY_CAUSE: Readonly<Partial<Record<FailureCause, ErrorCode>>> = {
  auth: 'auth',
  unknown_model: 'unknown_model',
  spend_limit: 'spend_limit',
  context_full: 'context_full',
  usage_limit: 'rate_limit',
};

function codeOf(cause: FailureCause | undefined, text: string): { code: string; severity: ErrorSeverity } {
  const own = cause && BY_CAUSE[cause];
  if (own) return { code: own, severity: severityOf(own) };
  const { code, severity } = classifyError(text, 'api');
  // The words of a fault may tell of a login that is not the cause.
  return cause !== undefined && (code === 'auth' || code === 'unknown_model')
    ? { code: 'api_error', severity: severityOf('api_error') }
    : { code, severity };
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
