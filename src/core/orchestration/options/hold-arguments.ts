import { stripControl } from '../util/text.js';
import { holdSchema, releaseSchema } from './account-schemas.js';
import { check } from './check.js';

/** Why a person holds the queue. @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveHoldReason(reason = 'held by a person'): string {
  check(holdSchema(), { reason });
  return stripControl(reason);
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveAccount(account: string | undefined): string | undefined {
  check(releaseSchema(), { account });
  return account;
}
