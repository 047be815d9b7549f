import { DOCTOR_HINT, messageOf } from '../../core/orchestration/util/errors.js';
import { stripControl } from '../../core/orchestration/util/text.js';

/** What `doctor` examines, in the order of its report. Programs may rely on these names. */
export const CHECKS = [
  'versions',
  'client',
  'engine',
  'image',
  'claude',
  'programs',
  'login',
  'user',
  'mounts',
  'events',
  'session',
  'git',
  'tmux',
  'disk',
  'state',
] as const;

export type CheckId = (typeof CHECKS)[number];

/** The result of one check. */
export interface Finding {
  readonly id: CheckId;
  /** `warning`: sessions can run, but something does not work, or could not be examined. `failure`: no session can run. */
  readonly status: 'ok' | 'warning' | 'failure';
  readonly message: string;
  /** What a person does about it. */
  readonly next?: string;
}

export type Report = Omit<Finding, 'id'>;

export const ok = (message: string): Report => ({ status: 'ok', message });
export const warning = (message: string, next?: string): Report => ({
  status: 'warning',
  message,
  ...(next !== undefined && { next }),
});
export const failure = (message: string, next?: string): Report => ({
  status: 'failure',
  message,
  ...(next !== undefined && { next }),
});

/** The report of a check that depends on something that is missing. */
export const notExamined = (because: string): Report => warning(`not examined, because ${because}`);

/** Runs a check. A check that fails or does not end in time is reported, and never keeps the others from being reported. */
export async function examine(id: CheckId, check: () => Promise<Report>, timeoutMs = 45_000): Promise<Finding> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Report>((resolve) => {
    timer = setTimeout(() => resolve(failure(`no answer within ${timeoutMs / 1000} seconds`)), timeoutMs);
  });
  try {
    const report = await Promise.race([check(), late]).catch((error: unknown) => failure(messageOf(error)));
    return { id, ...report, message: stripControl(report.message.replace(DOCTOR_HINT, '').trim()) };
  } finally {
    clearTimeout(timer);
  }
}

const SIGNS = { ok: 'ok     ', warning: 'warning', failure: 'FAILURE' } as const;

/** One line for each finding, with the next step below it. */
export function inLines(findings: readonly Finding[]): string {
  return findings
    .flatMap(({ id, status, message, next }) => [
      `${SIGNS[status]}  ${id.padEnd(8)}  ${message.replaceAll(/\s*\n\s*/g, ' ')}`,
      ...(next === undefined ? [] : [`${' '.repeat(19)}→ ${next}`]),
    ])
    .join('\n');
}
