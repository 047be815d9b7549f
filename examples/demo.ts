/**
 * Runs five sessions, three at a time. Shows a live table in a terminal, and plain lines elsewhere. Runs in Docker if an
 * engine and the image are available, otherwise as a simulation. Ctrl-C cancels everything.
 *
 *   npm run demo
 *   npm run demo -- --simulate
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { IMAGE, whyNotDocker } from './support/docker-available.js';
import { showProgress } from './support/progress.js';

const TOPICS = ['the sea', 'an old bridge', 'a compiler', 'first snow', 'a long queue'];

const { values } = parseArgs({ options: { simulate: { type: 'boolean', default: false } } });
const folder = await mkdtemp(join(tmpdir(), 'autonomous-orchestration-demo-'));
const unavailable = values.simulate
  ? '--simulate was given'
  : await whyNotDocker(join(folder, 'state'), await workspace());
console.log(
  unavailable === undefined
    ? `Five sessions in Docker (${IMAGE}), three at a time. They use the account that the image is logged in with.`
    : `Five simulated sessions, three at a time: ${unavailable}`,
);

const manager = new UnifiedSessionManager({
  stateDir: join(folder, 'state'),
  ...(unavailable !== undefined && { executors: { autonomous: new SimulatedExecutor(simulation) } }),
});
const progress = showProgress(manager);

let interrupted = false;
process.once('SIGINT', () => {
  interrupted = true;
  void manager.close({ sessions: 'cancel' });
});

try {
  const workspaces = await Promise.all(TOPICS.map(() => workspace()));
  const sessions = await Promise.all(
    TOPICS.map((topic, index) =>
      manager.create({
        prompt: `Write a haiku about ${topic} to haiku.md, show it with cat, and answer with one short sentence.`,
        cwd: workspaces[index] ?? folder,
        taskId: topic,
      }),
    ),
  );
  const ended = await Promise.all(sessions.map(({ id }) => manager.waitFor(id)));
  progress.finish();
  const completed = ended.filter(({ status }) => status === 'completed').length;
  const cost = ended.reduce((sum, { metadata }) => sum + (metadata.costUsd ?? 0), 0);
  console.log(`${completed} of ${ended.length} sessions completed, $${cost.toFixed(4)} in all.`);
  process.exitCode = interrupted ? 130 : completed === ended.length ? 0 : 1;
} catch (error) {
  progress.finish();
  if (!interrupted) throw error;
  process.exitCode = 130;
} finally {
  await manager.close({ sessions: 'cancel' });
  await rm(folder, { recursive: true, force: true });
}

/** A folder that the image's user can write to. The uid of that user is not known. */
async function workspace(): Promise<string> {
  const path = await mkdtemp(join(folder, 'workspace-'));
  await chmod(path, 0o777);
  return path;
}

function simulation(request: { session: { taskId?: string } }): ReturnType<typeof scriptedRun> {
  const topic = request.session.taskId ?? 'nothing';
  const think = (): { afterMs: number } => ({ afterMs: 300 + Math.random() * 900 });
  return scriptedRun([
    { text: `I write a haiku about ${topic}.`, ...think() },
    { tool: 'Write', input: { file_path: '/workspace/haiku.md' }, output: 'File created', ...think(), takesMs: 100 },
    { tool: 'Bash', input: { command: 'cat haiku.md' }, output: `${topic} at dawn`, ...think(), takesMs: 200 },
    { text: `The haiku about ${topic} is in haiku.md.`, ...think() },
  ]);
}
