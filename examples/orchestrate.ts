/** An agent that leads other agents. Prints what happens to all of them as a tree. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [
  cwd = '.',
  prompt = 'Have one agent look for bugs and one at the tests, wait for both, and sum up what they say.',
] = process.argv.slice(2);
await using manager = new UnifiedSessionManager({ maxConcurrent: 2 });

manager.on('event', (event) => {
  if (!('session' in event)) return;
  const { id, parentId, mode, waitingFor } = event.session;
  const steps = ['created', 'queued', 'started', 'waiting', 'working', 'completed', 'failed', 'cancelled'];
  const step = steps.find((name) => event.type === `session:${name}`);
  if (step === undefined) return;
  const indent = parentId === undefined ? '' : '  ';
  console.log(`${indent}${id} ${mode}: ${step}${waitingFor === undefined ? '' : ` for ${waitingFor}`}`);
});

const limits = { children: 5, costUsd: 10 };
const { id } = await manager.create({ mode: 'orchestration', prompt, cwd, limits });
const { status, result, metadata } = await manager.waitFor(id);

const children = manager.list({ parentId: id });
const costUsd = children.reduce((sum, child) => sum + (child.metadata.costUsd ?? 0), metadata.costUsd ?? 0);
console.log({ status, text: result?.text, children: children.length, costUsd });
