/**
 * The parts of a manager on their own: a queue, an executor and a monitor. `npx tsx examples/parts.ts --simulate` costs nothing.
 * Without `--simulate`, the sessions are real.
 */
import { AutonomousExecutor, SimpleQueue, StreamMonitor } from 'autonomous-orchestration';
import { fakeChannelCoder } from 'autonomous-orchestration/testing';

const fake = fakeChannelCoder([{ tool: 'Bash', input: { command: 'ls' }, output: 'a.txt' }, { text: 'Done.' }]);
const options = process.argv.includes('--simulate') ? { channelCoder: fake.module } : {};

const executor = new AutonomousExecutor(options);
const monitor = new StreamMonitor();
monitor.on('session:tool', ({ tool }) => console.log(tool.name, tool.input));
monitor.on('session:error', ({ error }) => console.log(error.severity, error.message));
monitor.on('monitor-error', ({ logFile, error }) => console.log(logFile, error));

async function run(prompt: string): Promise<void> {
  const session = await executor.create({ prompt, docker: true });
  const reported = new Promise((resolve) => monitor.once('session:result', resolve).once('monitor-error', resolve));
  const cleanup = monitor.monitorSession(session);
  const { status, result } = await executor.sessions.waitFor(session.id);
  if (status === 'completed') await reported; // The monitor reads by itself, and may be a moment later.
  cleanup();
  console.log(prompt, status, result?.text);
}

const queue = new SimpleQueue({ maxConcurrent: 1, maxQueued: 5 });
const prompts = ['List the files', 'Count the files'];
const runs = prompts.map(
  (prompt) =>
    new Promise<void>((resolve) => {
      const item = { id: prompt, run: () => run(prompt).finally(resolve) };
      void queue.enqueue(item).then((admission) => console.log(prompt, admission));
    }),
);
await Promise.all(runs);
await executor.sessions.close();
