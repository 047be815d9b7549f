/**
 * Serves the dashboard with a few sessions. They run in Docker if an engine and the image are available, otherwise as a
 * simulation. Prints the address to open. Ctrl-C cancels everything.
 *
 *   npm run dashboard
 *   npm run dashboard -- --simulate --port 8080
 */
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { type AutonomousServer, serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { demoExecutors, MODE_SESSIONS } from './support/demo-modes.js';
import { DEMO_POLICY, DEMO_SESSIONS } from './support/demo-sessions.js';
import { IMAGE, whyNotDocker } from './support/docker-available.js';

const { values } = parseArgs({
  options: { simulate: { type: 'boolean', default: false }, port: { type: 'string', default: '4300' } },
});
const folder = await mkdtemp(join(tmpdir(), 'autonomous-orchestration-dashboard-'));
const [stateDir, workspace] = [join(folder, 'state'), join(folder, 'workspace')];
await mkdir(workspace);
await chmod(workspace, 0o777); // The image's user writes here. Its uid is not known.
const unavailable = values.simulate ? '--simulate was given' : await whyNotDocker(stateDir, workspace);
console.log(
  unavailable === undefined
    ? `Sessions in Docker (${IMAGE}). They use the account that the image is logged in with.`
    : `Simulated sessions: ${unavailable}`,
);

await using manager = new UnifiedSessionManager({
  stateDir,
  policy: DEMO_POLICY,
  ...(unavailable !== undefined && { maxConcurrent: 5, executors: demoExecutors() }),
});
let server: AutonomousServer | undefined;
try {
  server = await serveAutonomousApp(manager, { port: Number(values.port), workspaces: [workspace] });
  // The sessions of the other modes are only simulated: real ones need tmux, a repository, or money for child sessions.
  if (unavailable !== undefined)
    for (const options of MODE_SESSIONS) await manager.create({ ...options, cwd: workspace });
  for (const { taskId, prompt, branch } of DEMO_SESSIONS) {
    // A real worktree needs a repository, and the workspace is none. A simulated session needs no repository.
    await manager.create({ taskId, prompt, cwd: workspace, ...(unavailable !== undefined && { worktree: branch }) });
  }
  console.log(`Open ${server.dashboardUrl}\nCtrl-C ends it.`);
  await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
} finally {
  await server?.close();
  await manager.close({ sessions: 'cancel' });
  await rm(folder, { recursive: true, force: true });
}
