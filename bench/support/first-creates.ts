import { UnifiedSessionManager } from 'autonomous-orchestration';
import { answer } from './child.js';
import { median } from './stats.js';

/** How long `create()` takes in a process, in milliseconds. */
export interface CreateTimes {
  readonly first: number;
  readonly later: number;
}

const LATER = 9;
const [stateDir, cwd, image = ''] = process.argv.slice(2);
const manager = new UnifiedSessionManager({
  ...(stateDir !== undefined && { stateDir }),
  maxConcurrent: 1,
  docker: { image },
});
const times: number[] = [];
for (let count = 0; count <= LATER; count++) {
  const before = performance.now();
  await manager.create({ prompt: 'x', ...(cwd !== undefined && { cwd }) });
  times.push(performance.now() - before);
}
await manager.close({ sessions: 'cancel' });
const [first = 0, ...later] = times;
answer({ first, later: median(later) } satisfies CreateTimes);
