import http from 'node:http';
import Docker from 'dockerode';
import { DockerEngine } from '../src/core/orchestration/docker/engine.js';
import { run } from '../test/e2e/engine/run.mjs';
import { answer } from './support/child.js';
import { openBench, requireEngine } from './support/engine.js';
import { type Figure, withUnit } from './support/figure.js';
import { inScratch } from './support/scratch.js';
import { median, percentile } from './support/stats.js';

const CALLS = 200;
const CLI_CALLS = 10;
const PAUSES = 20;
const WAITING = 10;
/** The time limit for operations on the queue, as the project's plan sets it. */
const QUEUE_OPERATION_MS = 100;
const LONG_RUN = [{ tool: 'Bash', input: { command: 'sleep 60', description: 'Wait' } }];

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The reference: one plain request to the engine on a connection that is kept open, with its body parsed. */
function bareInspect(socketPath: string, agent: http.Agent, container: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.get({ socketPath, agent, path: `/containers/${container}/json`, headers: { host: 'docker' } });
    request.on('error', reject).on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => {
        body += text;
      });
      response.on('end', () => resolve(JSON.parse(body)));
    });
  });
}

async function inspectFigure(socketPath: string, container: string): Promise<Figure> {
  const agent = new http.Agent({ keepAlive: true });
  const engine = new DockerEngine(async () => ({ socketPath }));
  const dockerode = new Docker({ socketPath }).getContainer(container);
  const ours: number[] = [];
  const bare: number[] = [];
  const theirs: number[] = [];
  for (let call = -20; call < CALLS; call++) {
    const pair = [
      await timed(() => engine.inspect(container)),
      await timed(() => bareInspect(socketPath, agent, container)),
      await timed(() => dockerode.inspect()),
    ] as const;
    if (call < 0) continue; // Warm-up calls are not counted.
    ours.push(pair[0]);
    bare.push(pair[1]);
    theirs.push(pair[2]);
  }
  const cli: number[] = [];
  for (let call = 0; call < CLI_CALLS; call++) cli.push(await timed(() => run('docker', ['inspect', container])));
  engine.close();
  agent.destroy();
  return {
    what: 'control: inspect, over a bare request to the engine',
    measured: `${withUnit(median(ours), 'ms')} (p99 ${withUnit(percentile(ours, 0.99), 'ms')})`,
    reference: `node:http ${withUnit(median(bare), 'ms')}, docker CLI ${withUnit(median(cli), 'ms')}`,
    value: median(ours) - median(bare),
    unit: 'ms',
    target: { most: 5 },
    peers: {
      unit: 'ms',
      ours: median(ours),
      others: { dockerode: median(theirs), 'docker CLI': median(cli), 'node:http, bare': median(bare) },
    },
  };
}

/** Freezes and unfreezes a container. */
async function pauseFigure(socketPath: string, container: string): Promise<Figure> {
  const engine = new DockerEngine(async () => ({ socketPath }));
  const dockerode = new Docker({ socketPath }).getContainer(container);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let call = 0; call < PAUSES; call++) {
    ours.push(await timed(() => engine.pause(container).then(() => engine.unpause(container))));
    theirs.push(await timed(() => dockerode.pause().then(() => dockerode.unpause())));
  }
  engine.close();
  return {
    what: 'control: pause and unpause',
    measured: withUnit(median(ours), 'ms'),
    reference: `dockerode ${withUnit(median(theirs), 'ms')}`,
    value: median(ours),
    unit: 'ms',
    peers: { unit: 'ms', ours: median(ours), others: { dockerode: median(theirs) } },
  };
}

const queueFigure = (what: string, measured: readonly number[]): Figure => ({
  what: `queue of the manager: ${what}, the slowest`,
  measured: `median ${withUnit(median(measured), 'ms')}`,
  reference: '',
  value: Math.max(...measured),
  unit: 'ms',
  target: { below: QUEUE_OPERATION_MS },
});

const { socket } = await requireEngine();

await inScratch(async (folder) => {
  await using bench = await openBench(folder, LONG_RUN, 1);
  const { manager, workspace } = bench;
  const options = { prompt: 'Wait.', cwd: workspace };
  const { id } = await manager.create(options);
  const running = await manager.waitFor(id, { status: 'running' });

  const queued: string[] = [];
  const creates: number[] = [];
  const statuses: number[] = [];
  const cancels: number[] = [];
  for (let turn = 0; turn < WAITING; turn++) {
    creates.push(await timed(async () => queued.push((await manager.create(options)).id)));
    statuses.push(await timed(() => manager.queueStatus()));
  }
  const container = running.runs[0]?.containerName ?? '';
  const inspect = await inspectFigure(socket, container);
  const pause = await pauseFigure(socket, container);
  for (const waiting of queued) cancels.push(await timed(() => manager.cancel(waiting)));
  const cancelRunning = await timed(() => manager.cancel(id));

  answer([
    inspect,
    pause,
    queueFigure('create() of a session that waits', creates),
    queueFigure('queueStatus()', statuses),
    queueFigure('cancel() of a session that waits', cancels),
    {
      what: 'control: cancel() of a running tool call, until its container is gone',
      measured: withUnit(cancelRunning, 'ms'),
      reference: '',
      value: cancelRunning,
      unit: 'ms',
    },
  ] satisfies Figure[]);
});
