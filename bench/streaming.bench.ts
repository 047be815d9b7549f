import { answer, ask } from './support/child.js';
import { type Figure, quote, type Target, withUnit } from './support/figure.js';
import type { StreamingReport } from './support/streaming-sessions.js';

const SESSIONS_MODULE = new URL('./support/streaming-sessions.js', import.meta.url);
const COUNTS = [13, 50, 200];
const RATES = [8, 32];
/** Twice what the version of commit 6a79754 reached with 200 sessions. */
const EVENTS_A_CPU_SECOND = 2 * 5_585;
const P99_MS = 10;

function figuresOf(sessions: number, rate: number, report: StreamingReport): Figure[] {
  const what = `streaming: ${sessions} sessions, ${rate} lines a second each`;
  const efficiency: Target | undefined = sessions === 200 ? { least: EVENTS_A_CPU_SECOND } : undefined;
  const latency: Target | undefined = sessions === 50 ? { most: P99_MS } : undefined;
  return [
    {
      what: `${what}, events per second of CPU`,
      measured: `${quote(report.events)} events in ${withUnit(report.cpuSeconds, 's')} of CPU and ${withUnit(report.seconds, 's')} on the clock`,
      reference: '',
      value: report.events / report.cpuSeconds,
      unit: 'a second',
      ...(efficiency && { target: efficiency }),
    },
    {
      what: `${what}, line written → event, p50`,
      measured: withUnit(report.p50Ms, 'ms'),
      reference: '',
      value: report.p50Ms,
      unit: 'ms',
    },
    {
      what: `${what}, line written → event, p99`,
      measured: withUnit(report.p99Ms, 'ms'),
      reference: '',
      value: report.p99Ms,
      unit: 'ms',
      ...(latency && { target: latency }),
    },
  ];
}

const figures: Figure[] = [];
for (const sessions of COUNTS)
  for (const rate of RATES)
    figures.push(...figuresOf(sessions, rate, await ask<StreamingReport>(SESSIONS_MODULE, [sessions, rate])));
answer(figures);
