import { OrchestrationError } from '../util/errors.js';

/** @throws OrchestrationError `ENV_MISSING` */
export function requireEnv(id: string, missing: readonly string[] | undefined): void {
  if (!missing) return;
  throw new OrchestrationError(
    'ENV_MISSING',
    `Session ${id} needs variables that are not kept on disk: ${missing.join(', ')}. Give them to recover({ env }).`,
  );
}
