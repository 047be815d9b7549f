import { expect } from 'vitest';
import { OrchestrationError, type OrchestrationErrorCode } from '../../src/core/orchestration/util/errors.js';

/** The error that a call throws, or that a promise rejects with. Fails if the error has another code. */
export async function errorOf(
  work: Promise<unknown> | (() => unknown),
  code: OrchestrationErrorCode,
): Promise<OrchestrationError> {
  let thrown: unknown;
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(OrchestrationError);
  const error = thrown as OrchestrationError;
  expect(error.code, error.message).toBe(code);
  return error;
}
