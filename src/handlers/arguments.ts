import { OrchestrationError, type Sessions } from '../core/index.js';
import { quote } from '../core/orchestration/util/errors.js';

/** What the handlers call on a manager. */
const NEEDED = [
  'create',
  'get',
  'list',
  'cancel',
  'continue',
  'pause',
  'resume',
  'steer',
  'approve',
  'deny',
  'queueStatus',
  'on',
  'off',
] as const satisfies readonly (keyof Sessions)[];

/** @throws OrchestrationError `INVALID_OPTIONS` if the value is not a manager, which would otherwise show at the first request */
export function requireManager(value: unknown): asserts value is Sessions {
  const given = Object(value) as Partial<Record<string, unknown>>;
  const missing = NEEDED.find((name) => typeof given[name] !== 'function');
  if (missing === undefined) return;
  // An object is not shown. If options were given in place of the manager, they may hold the token.
  const received = isObject(value) ? `The given object has no method '${missing}'.` : `Received ${quote(value)}.`;
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    `Argument 'manager': it has to be a manager, as made by 'new UnifiedSessionManager()' or 'openSessions()'. ${received}`,
  );
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function requireId(argument: string, value: unknown): void {
  const problem = idProblem(argument, value);
  if (problem !== undefined) throw new OrchestrationError('INVALID_OPTIONS', problem);
}

/** Says why a value is not an id; undefined if it is one. Without this check, `undefined` would mean any session. */
export function idProblem(argument: string, value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? undefined : argumentProblem(argument, value, 'a text, not empty');
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function requireArgument(argument: string, value: unknown, fits: boolean, needed: string): void {
  if (!fits) throw new OrchestrationError('INVALID_OPTIONS', argumentProblem(argument, value, needed));
}

export function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function argumentProblem(argument: string, value: unknown, needed: string): string {
  return `Argument '${argument}': it has to be ${needed}. Received ${quote(value)}.`;
}
