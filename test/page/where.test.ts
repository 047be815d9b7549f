import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { DONE, ENDLESS, everyMode } from '../support/simulate.js';
import { factsUnder, openPage, serveSimulation } from './support.js';

type RunRequest = Parameters<SimulatedExecutor['launch']>[0];

/** Claims to run in a container with a worktree. */
class InContainer extends SimulatedExecutor {
  override async prepare({ cwd, worktree }: RunRequest['spec']) {
    const branch = worktree?.branch ?? '';
    return { environment: { docker: true, dockerImage: 'agents:stable', cwd, branch, base: 'main' } };
  }

  override async launch(request: RunRequest) {
    const { spec, run } = request;
    const worktree = join(spec.cwd, 'beside');
    await mkdir(worktree, { recursive: true });
    const containerName = `container-${run}`;
    const onPlaced: RunRequest['onPlaced'] = (placement) =>
      request.onPlaced({ ...placement, containerName, environment: { worktree } });
    return super.launch({ ...request, onPlaced });
  }
}

it('the page of a session shows its worktree, branch, image, latest container and log', async () => {
  const executors = everyMode(new InContainer(DONE));
  const { manager, server, workspace: cwd } = await serveSimulation(DONE, { executors });
  const options = { mode: 'worktree', prompt: 'x', taskId: 'placed', cwd, worktree: 'fix/it' } as const;
  const { id } = await manager.create(options);
  await manager.waitFor(id);
  await manager.continue(id, 'Once more');
  const { channelCoderSession, logFile } = await manager.waitFor(id);
  expect(logFile).toContain(id);
  const page = await openPage(server);
  await page.getByRole('link', { name: 'placed' }).click();
  await page.getByText('container-2').waitFor();
  expect(await factsUnder(page, 'Where')).toEqual({
    Session: id,
    Mode: 'worktree',
    Workspace: cwd,
    Worktree: join(cwd, 'beside'),
    Branch: 'fix/it',
    Base: 'main',
    Image: 'agents:stable',
    Container: 'container-2',
    Model: 'simulated',
    Conversation: channelCoderSession,
    Log: logFile,
  });
});

it('the page of a queued session shows no container, worktree or log', async () => {
  const { manager, server, workspace: cwd } = await serveSimulation(ENDLESS, { maxConcurrent: 1 });
  await manager.create({ prompt: 'x', cwd });
  const { id, status } = await manager.create({ prompt: 'x', taskId: 'next', cwd });
  expect(status).toBe('queued');
  const page = await openPage(server);
  await page.getByRole('link', { name: 'next' }).click();
  expect(await factsUnder(page, 'Where')).toEqual({
    Session: id,
    Mode: 'autonomous',
    Workspace: cwd,
    Image: 'none: no container',
  });
});
