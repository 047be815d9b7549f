import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it, vi } from 'vitest';
import { DONE, ENDLESS } from '../support/simulate.js';
import { openPage, serveSimulation, sessionOnBoard, TOKEN } from './support.js';

it('the board shows running, queued and ended sessions, and updates their order without a reload', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 2 });
  const sessions = [];
  for (const taskId of ['one', 'two', 'three', 'four']) sessions.push(await manager.create({ prompt: 'x', taskId }));
  const [one, , three, four] = sessions.map(({ id }) => id);
  const page = await openPage(server);
  await page.getByText('2 of 2').waitFor();
  await sessionOnBoard(page, three ?? '')
    .getByText('queued #1')
    .waitFor();
  await sessionOnBoard(page, four ?? '')
    .getByText('queued #2')
    .waitFor();

  // Without a reload: a session whose place in the queue changes has no event of its own, and still moves.
  await manager.cancel(one ?? '');
  await sessionOnBoard(page, one ?? '')
    .getByText('cancelled', { exact: true })
    .waitFor();
  await sessionOnBoard(page, three ?? '')
    .getByText('running', { exact: true })
    .waitFor();
  await sessionOnBoard(page, four ?? '')
    .getByText('queued #1')
    .waitFor();
});

it('the title of the page shows how many sessions wait for a person', async () => {
  const { manager, server } = await serveSimulation(
    () => scriptedRun([{ tool: 'Bash', input: { command: 'rm -rf /' } }, { text: 'Done.' }]),
    { policy: { dangerous: 'ask' } },
  );
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  await page.getByText('critical:').waitFor();
  expect(await page.title()).toBe('(1) Sessions');
  await page.getByRole('button', { name: 'Deny' }).click();
  await manager.waitFor(id);
  await expect.poll(() => page.title()).toBe('Sessions');
});

it('Ctrl-K finds any session by the keyboard alone', async () => {
  const { manager, server } = await serveSimulation(DONE);
  for (const taskId of ['alpha', 'beta', 'gamma']) {
    const { id } = await manager.create({ prompt: 'x', taskId, worktree: `fix/${taskId}` });
    await manager.waitFor(id);
  }
  const page = await openPage(server);
  await page.getByText('Ended 3').waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('fix/bet');
  const found = page.getByRole('dialog').getByRole('option');
  await expect.poll(() => found.allTextContents()).toEqual([expect.stringMatching(/^beta/)]);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'beta' }).waitFor();
});

it('the time line shows when each session was queued, running and paused', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 1 });
  const first = await manager.create({ prompt: 'x', taskId: 'first' });
  const second = await manager.create({ prompt: 'x', taskId: 'second' });
  const { startedAt = 0 } = await manager.waitFor(first.id, { status: 'running' });
  await vi.waitUntil(() => Date.now() > startedAt); // The time line does not show a piece without length.
  await manager.pause(first.id);
  const page = await openPage(server);
  await page.getByRole('link', { name: 'Time line' }).click();
  const bar = (id: string) => sessionOnBoard(page, id).getByRole('img');
  await expect.poll(() => bar(first.id).getAttribute('aria-label')).toMatch(/running .*paused /);
  await expect.poll(() => bar(second.id).getAttribute('aria-label')).toMatch(/^Time: queued /);
  for (const kind of ['running', 'paused']) await bar(first.id).locator(`.${kind}`).waitFor();
  await bar(second.id).locator('.queued').waitFor();
});

it('a page without the token shows no session', async () => {
  const { manager, server } = await serveSimulation(ENDLESS);
  const { id } = await manager.create({ prompt: 'x', taskId: 'secret-name' });
  for (const path of ['#/', '#/timeline', `#/sessions/${id}`]) {
    const page = await openPage(server, { path, complains: /401/ });
    await page.getByText('no access: open the link that the server printed').waitFor();
    expect(await page.getByRole('button', { name: 'Start a session' }).isDisabled()).toBe(true);
    expect(await page.content()).not.toContain('secret-name');
  }
});

it('a page without the token shows sessions but cannot act if reading needs no token', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, {}, { readWithoutToken: true });
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server, { path: '#/' });
  await page.getByText('read only').waitFor();
  expect(await page.getByRole('button', { name: 'Start a session' }).isDisabled()).toBe(true);
  await page.getByRole('link', { name: id }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  for (const name of ['Pause', 'Cancel …', 'Steer', 'Stop and continue']) {
    expect(await page.getByRole('button', { name }).isDisabled()).toBe(true);
  }
});

it('the page removes the token from its address', async () => {
  const { server } = await serveSimulation(DONE);
  const page = await openPage(server);
  await page.getByText('No sessions yet.').waitFor();
  expect(page.url()).not.toContain(TOKEN);
  await page.reload();
  expect(await page.getByRole('button', { name: 'Start a session' }).isEnabled()).toBe(true);
});

it('a refused request is shown in its form, and the typed text is kept', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 1, maxQueued: 0 });
  await manager.create({ prompt: 'x' });
  const page = await openPage(server, { complains: /429|400/ });
  await page.getByRole('button', { name: 'Start a session' }).click();
  const prompt = page.getByLabel('What should it do?');
  await prompt.fill('One too many');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('alert').getByText('The queue is full').waitFor();
  expect(await prompt.inputValue()).toBe('One too many');
  await page.getByLabel('Workspace', { exact: true }).fill('/etc');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('alert').getByText("Option 'cwd'").waitFor();
  expect(manager.list()).toHaveLength(1);
});
