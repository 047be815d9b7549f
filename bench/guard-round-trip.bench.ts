import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { answer } from './support/child.js';
import { openBench, requireEngine } from './support/engine.js';
import { type Figure, withUnit } from './support/figure.js';
import { inScratch } from './support/scratch.js';
import { median, percentile } from './support/stats.js';

const ROUNDS = 200;
const IDLE_WINDOWS = 5;

/** In a session's container: calls the hook as Claude Code does, and in turn a shell that only reads its input. */
const MEASURE = `
hook() {
  /bin/sh -c "'/usr/bin/env' '-i' 'PATH=$PATH' '/bin/sh' /etc/claude-code/autonomous-orchestration.sh $1 /run/autonomous-orchestration || exit 2"
}
cd /workspace; i=0
while [ $i -lt ${ROUNDS} ]; do
  i=$((i+1))
  a=$(date +%s%N); hook PreToolUse < request.json
  b=$(date +%s%N); /bin/sh -c 'cat > /dev/null' < request.json
  c=$(date +%s%N); hook PostToolUse < request.json
  d=$(date +%s%N); echo "$((b-a)) $((c-b)) $((d-c))" >> times
done`;

const REQUEST = {
  hook_event_name: 'PreToolUse',
  session_id: 'bench',
  tool_name: 'Bash',
  tool_use_id: 'bench',
  tool_input: { command: 'npm test -- --run && git add -A && git commit -m "Fix the parser"', description: 'Test' },
};

/** CPU time of this process in ms a second. The median of some windows, because garbage collection can fall into any window. */
async function idleCpu(): Promise<number> {
  const windows: number[] = [];
  for (let window = 0; window < IDLE_WINDOWS; window++) {
    const [before, start] = [process.cpuUsage(), performance.now()];
    await delay(1_000);
    const { user, system } = process.cpuUsage(before);
    windows.push((user + system) / (performance.now() - start));
  }
  return median(windows);
}

await requireEngine();

await inScratch(async (folder) => {
  const script = [{ tool: 'Bash', input: { command: 'sh measure.sh', timeout: 600_000 } }, { text: 'Measured.' }];
  await using bench = await openBench(folder, script, 4);
  const { manager, workspace } = bench;
  await writeFile(join(workspace, 'measure.sh'), MEASURE);
  await writeFile(join(workspace, 'request.json'), JSON.stringify(REQUEST));
  const { id } = await manager.create({ prompt: 'Measure.', cwd: workspace });
  const { status, result } = await manager.waitFor(id);
  if (status !== 'completed') throw new Error(`The session ended as ${status}: ${result?.error}`);
  const rows = (await readFile(join(workspace, 'times'), 'utf8')).trim().split('\n');
  const column = (index: number): number[] => rows.map((row) => Number(row.split(' ')[index]) / 1e6);
  const [before, bare, after] = [column(0), column(1), column(2)];

  const cpuWithout = await idleCpu();
  const idle = { env: { MODEL_SCRIPT: JSON.stringify([{ tool: 'Bash', input: { command: 'sleep 60' } }]) } };
  for (let count = 0; count < 3; count++) {
    const session = await manager.create({ prompt: 'Sleep.', cwd: workspace, docker: idle });
    for await (const event of manager.events({ sessionId: session.id })) if (event.type === 'session:tool') break;
  }
  await delay(1_000); // By then the hooks of the calls that have just begun are answered.
  const cpuWith = await idleCpu();

  const shell = `a shell that reads the same ${withUnit(median(bare), 'ms')}`;
  answer([
    {
      what: `guard: round trip of the hook in its container, p50 of ${rows.length}`,
      measured: `median ${withUnit(median(before), 'ms')}`,
      reference: shell,
      value: median(before),
      unit: 'ms',
      target: { most: 25 },
    },
    {
      what: 'guard: round trip of the hook in its container, p99',
      measured: `slowest ${withUnit(Math.max(...before), 'ms')}`,
      reference: '',
      value: percentile(before, 0.99),
      unit: 'ms',
      target: { most: 100 },
    },
    {
      what: 'guard: after a call, with nothing to say to the agent',
      measured: `p99 ${withUnit(percentile(after, 0.99), 'ms')}`,
      reference: shell,
      value: median(after),
      unit: 'ms',
    },
    {
      what: 'guard: CPU of this process with three guarded sessions that ask nothing, a second',
      measured: withUnit(cpuWith, 'ms'),
      reference: `without sessions ${withUnit(cpuWithout, 'ms')}`,
      value: cpuWith,
      unit: 'ms',
      target: { most: 5 },
    },
  ] satisfies Figure[]);
});
