import type { ContinueOptions } from '../session/sessions.js';
import { check } from './check.js';
import { optionSchemas } from './schemas.js';

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveContinue(options: ContinueOptions): { fresh?: true } {
  check(optionSchemas().continueSchema, options);
  return options.fresh ? { fresh: true } : {};
}
