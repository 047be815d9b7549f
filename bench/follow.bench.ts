import { answer, ask } from './support/child.js';
import { type Figure, shownPeers, withUnit } from './support/figure.js';
import type { FollowerName, FollowReport } from './support/follow-rounds.js';

const ROUNDS_MODULE = new URL('./support/follow-rounds.js', import.meta.url);
const OTHERS = ['monitorLog', 'tail', 'chokidar'] as const satisfies readonly FollowerName[];

const reports = {} as Record<FollowerName, FollowReport>;
for (const name of ['ours', ...OTHERS] as const) reports[name] = await ask<FollowReport>(ROUNDS_MODULE, [name]);

const figure = (what: string, key: 'p50Ms' | 'p99Ms' | 'cpuMs'): Figure => {
  const others = Object.fromEntries(OTHERS.map((name) => [name, reports[name][key]]));
  const peers = { unit: 'ms', ours: reports.ours[key], others };
  return {
    what: `following: 13 growing files, 16 lines a second each, ${what}`,
    measured: `${reports.ours.lines} lines, ${withUnit(peers.ours, 'ms')}`,
    reference: shownPeers(peers),
    value: peers.ours,
    unit: 'ms',
    peers,
  };
};
answer([
  figure('line written → parsed object, p50', 'p50Ms'),
  figure('line written → parsed object, p99', 'p99Ms'),
  figure('CPU for 1,000 lines, child processes included', 'cpuMs'),
] satisfies Figure[]);
