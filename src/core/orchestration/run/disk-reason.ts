import { type OrchestrationErrorCode, systemCode } from '../util/errors.js';

/**
 * The error code for a failure that has none of ours. A run writes to the disk in many places. The system's message says which
 * one has failed.
 */
export function diskReason(error: unknown): OrchestrationErrorCode {
  const full = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'].includes(systemCode(error) ?? '');
  return full ? 'STATE_NOT_WRITABLE' : 'LAUNCH_FAILED';
}
