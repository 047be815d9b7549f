import { createContext, Script } from 'node:vm';

/**
 * Calls a synchronous function and ends it if it takes too long, also within a regular expression.
 *
 * @throws Error with the code `ERR_SCRIPT_EXECUTION_TIMEOUT` if it took longer; whatever the function throws
 */
export function withinTime<T>(ms: number, call: () => T): T {
  return new Script('call()').runInContext(createContext({ call }), { timeout: ms }) as T;
}
