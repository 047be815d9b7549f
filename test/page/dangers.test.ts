import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedStep,
  scriptedRun,
} from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { git, repository } from '../support/git.js';
import { DONE, everyMode } from '../support/simulate.js';
import { openPage, serveSimulation, sessionOnBoard } from './support.js';

type RunRequest = Parameters<SimulatedExecutor['launch']>[0];

it('a call with a warning runs, is counted on the card, and is explained on the page of its session', async () => {
  const { manager, server } = await serveSimulation(() =>
    scriptedRun([
      { tool: 'Bash', input: { command: 'git commit --amend --no-edit' }, output: 'amended' },
      { tool: 'Bash', input: { command: 'npm run watch' }, takesMs: 600_000 },
    ]),
  );
  const { id } = await manager.create({ prompt: 'x', taskId: 'amending' });
  const page = await openPage(server);
  const card = sessionOnBoard(page, id);
  await card.getByText('1 danger', { exact: true }).waitFor();
  await card.getByRole('link', { name: 'amending' }).click();

  const activity = page.getByRole('region', { name: 'Activity of the session' });
  const call = activity.getByRole('listitem').filter({ hasText: 'git commit --amend' });
  await call.getByText(/^ok /).waitFor();
  expect(await call.locator('.severity').allInnerTexts()).toEqual(['warning']);
  await call.locator('.severity.warning').click();
  await call.getByText('Rewrites the last commit.', { exact: true }).waitFor();

  await page.getByRole('button', { name: 'Problems' }).click();
  await activity.getByText('npm run watch').waitFor({ state: 'detached' });
  expect(await activity.getByRole('listitem').count()).toBe(1);
  await call.getByText('Rewrites the last commit.', { exact: true }).waitFor();
});

/** An agent that has switched its hook off: its calls are not checked. */
class Unasked extends SimulatedExecutor {
  override launch(request: RunRequest) {
    return super.launch({ ...request, hooks: { ...request.hooks, beforeTool: async () => ({ allowed: true }) } });
  }
}

it('a call past the guard ends its session, and board and session page show the reason', async () => {
  const executor = new Unasked(() =>
    scriptedRun([
      { tool: 'Bash', input: { command: 'curl example.invalid' }, output: 'ran' },
      { text: 'never', afterMs: 600_000 },
    ]),
  );
  const { manager, server } = await serveSimulation(DONE, { executors: everyMode(executor) });
  const { id } = await manager.create({ prompt: 'x', taskId: 'unasked' });
  const ended = await manager.waitFor(id);
  expect(ended.result?.reason).toBe('guard_bypassed');
  const why = ended.result?.error ?? '';
  expect(why).toMatch(/^The call "Bash" \("\w+"\) ran without asking\. .*its own faults can look the same/);
  const page = await openPage(server);
  const row = sessionOnBoard(page, id);
  await row.getByText('failed: guard_bypassed', { exact: true }).waitFor();
  await row.getByText(why).waitFor();
  await row.getByRole('link', { name: 'unasked' }).click();

  const activity = page.getByRole('region', { name: 'Activity of the session' });
  const danger = activity.locator('.severity.critical');
  await activity.getByText('Failed: guard_bypassed').waitFor();
  expect(await danger.allInnerTexts()).toEqual([`danger Bash: ${why}`]);
  expect(await page.locator('p.outcome').innerText()).toBe(why);
});

/** Claims to run in a container: only there an agent needs git on the machine to run what it plants. */
class Contained extends SimulatedExecutor {
  override async prepare(spec: RunRequest['spec']) {
    return { environment: { docker: true, dockerImage: 'image', cwd: spec.cwd } };
  }
}

/** Creates a git hook before its other steps. */
async function* planting(hook: string, steps: SimulatedRun['steps']): AsyncGenerator<SimulatedStep> {
  await writeFile(hook, '#!/bin/sh\n', { mode: 0o755 });
  yield* steps;
}

it('a git hook that an agent planted is shown with its path, and counted on the card later', async () => {
  const cwd = repository();
  const hook = join(cwd, '.git/hooks/post-checkout');
  const executor = new Contained(({ conversationId, feedback }) => {
    if (feedback !== undefined) return scriptedRun([{ text: 'never', afterMs: 600_000 }], { conversationId });
    const { steps } = scriptedRun([{ text: 'Done.' }]);
    return { steps: planting(hook, steps) };
  });
  const { manager, server } = await serveSimulation(DONE, { executors: everyMode(executor) });
  const { id } = await manager.create({ prompt: 'x', taskId: 'planting', cwd });
  const { status, metadata } = await manager.waitFor(id);
  expect([status, metadata.dangers.map(({ rule }) => rule)]).toEqual(['completed', ['git.planted']]);
  const [{ reason } = { reason: '' }] = metadata.dangers;
  expect(reason).toContain(hook);

  const page = await openPage(server);
  await page.getByRole('link', { name: 'planting' }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  await activity.getByText('Completed', { exact: true }).waitFor();
  expect(await activity.locator('.severity.critical').allInnerTexts()).toEqual([`danger git: ${reason}`]);
  await page.getByRole('button', { name: 'Problems' }).click();
  await expect.poll(() => activity.getByRole('listitem').count()).toBe(1);

  await manager.continue(id, 'Go on');
  await page.getByRole('link', { name: 'Board' }).click();
  await sessionOnBoard(page, id).getByText('1 danger', { exact: true }).waitFor();
  expect(git(cwd, 'status', '--porcelain')).toBe('');
});
