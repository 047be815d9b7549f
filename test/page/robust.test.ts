import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createAutonomousApp } from 'autonomous-orchestration/handlers';
import { scriptedRun } from 'autonomous-orchestration/testing';
import { Hono } from 'hono';
import { expect, it, onTestFinished } from 'vitest';
import { DONE, ENDLESS } from '../support/simulate.js';
import { openPage, serveManager, serveSimulation, sessionOnBoard, TOKEN } from './support.js';

it('the page works as a part of another app', async () => {
  const { manager, server } = await serveSimulation(DONE);
  const app = new Hono().route('/agents', createAutonomousApp(manager, { token: TOKEN }));
  const listening = await new Promise<ReturnType<typeof serve>>((resolve) => {
    const starting = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, () => resolve(starting));
  });
  onTestFinished(() => void listening.close());
  const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const { id } = await manager.create({ prompt: 'x' });
  for (const path of ['/agents', '/agents/']) {
    const page = await openPage({ ...server, dashboardUrl: `${url}${path}#token=${TOKEN}` });
    await page.getByText('live', { exact: true }).waitFor();
    await page.getByRole('link', { name: id }).click();
    await page.getByText('Run 1 started').waitFor();
    await page.context().close();
  }
});

it.each([
  ['read only', true, 'read only'],
  ['without access', false, 'no access'],
])('a tab that is %s can act after the link is opened in it', async (_, readWithoutToken, notice) => {
  const { server } = await serveSimulation(DONE, {}, { readWithoutToken });
  const page = await openPage(server, { path: '#/', complains: /401/ });
  await page.getByText(notice).waitFor();
  await page.evaluate((url) => location.assign(url), server.dashboardUrl);
  await page.getByText(notice).waitFor({ state: 'detached' });
  await page.getByText('live', { exact: true }).waitFor();
  expect(page.url()).not.toContain(TOKEN);
  expect(await page.getByRole('button', { name: 'Start a session' }).isEnabled()).toBe(true);
});

it('a token with all kinds of characters works in the link', async () => {
  const { manager, workspace } = await serveSimulation(DONE);
  const { server } = await serveManager(manager, workspace, { token: 'abc+def/ghi~jkl._-==' });
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByLabel('What should it do?').fill('x');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText('Completed', { exact: true }).waitFor();
});

it('a page whose token is no longer valid says so and asks for the link', async () => {
  const { manager, server, workspace } = await serveSimulation(ENDLESS);
  await manager.create({ prompt: 'x', taskId: 'seen' });
  const page = await openPage(server, { complains: /401/ });
  await page.getByRole('link', { name: 'seen' }).waitFor();
  await server.close();
  const port = Number(new URL(server.url).port);
  const next = await serveManager(manager, workspace, { port, token: `${TOKEN}-new` });
  await page.getByText('no access: open the link that the server printed').waitFor();
  expect(await page.getByRole('button', { name: 'Start a session' }).isDisabled()).toBe(true);
  await page.evaluate((url) => location.assign(url), next.server.dashboardUrl);
  await page.getByText('live', { exact: true }).waitFor();
});

it('a page whose token is no longer valid becomes read only if reading needs no token', async () => {
  const { manager, server, workspace } = await serveSimulation(ENDLESS, {}, { readWithoutToken: true });
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server, { complains: /401/ });
  await page.getByRole('link', { name: id }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();
  await server.close();
  const port = Number(new URL(server.url).port);
  await serveManager(manager, workspace, { port, token: `${TOKEN}-new`, readWithoutToken: true });
  await page.getByText('live', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('The token is not valid any more').waitFor();
  await page.getByText('read only').waitFor();
  expect(await page.getByRole('button', { name: 'Pause' }).isDisabled()).toBe(true);
});

it('a message whose session ended before its delivery is shown as not delivered', async () => {
  const { manager, server } = await serveSimulation(() =>
    scriptedRun([{ tool: 'Bash', input: { command: 'sleep 60' }, takesMs: 60_000 }]),
  );
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  await page.getByRole('link', { name: id }).click();
  await page.getByLabel('Message to the working agent').fill('Look left');
  await page.getByRole('button', { name: 'Steer' }).click();
  await page.getByText('The agent will read this after its tool call.').waitFor();
  await manager.cancel(id);
  await page.getByText('The session ended before the agent read this: Look left').waitFor();
  await page.getByText('interrupted').waitFor();
});

it('the page tries again if a session cannot be fetched', async () => {
  const { manager, server } = await serveSimulation(ENDLESS);
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  let refusals = 2;
  await page.route(`**/api/autonomous-sessions/${id}`, (route) => (refusals-- > 0 ? route.abort() : route.continue()));
  await page.getByRole('link', { name: id }).click();
  await page.getByText('Run 1 started').waitFor();
  expect(refusals).toBeLessThan(0);
});

it('a parent that is given by its task id is linked from its child, and its page is live', async () => {
  const { manager, server } = await serveSimulation(ENDLESS);
  const boss = await manager.create({ prompt: 'x', taskId: 'boss' });
  const child = await manager.create({ prompt: 'x', taskId: 'child', parentId: 'boss' });
  const page = await openPage(server);
  await sessionOnBoard(page, child.id).getByRole('link', { name: 'child' }).click();
  await page.getByRole('link', { name: 'boss' }).click();
  await page.getByRole('heading', { level: 1, name: 'boss' }).waitFor();
  await manager.cancel(boss.id);
  await page.getByText('cancelled', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'child' }).click();
  await page.getByRole('heading', { level: 1, name: 'child' }).waitFor();
  expect(page.url()).toContain(child.id);
});

it('a dialog keeps the typed text until a person closes it on purpose', async () => {
  const { server } = await serveSimulation(DONE);
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Start a session' }).click();
  const prompt = page.getByLabel('What should it do?');
  await prompt.fill('A long prompt');
  await page.keyboard.press('Control+k');
  const dialog = await page.getByRole('dialog').boundingBox();
  if (!dialog) throw new Error('the dialog is not there');
  await page.mouse.click(dialog.x + 5, dialog.y + 5); // The padding of the dialog.
  await page.mouse.move(dialog.x + 50, dialog.y + 90);
  await page.mouse.down();
  await page.mouse.move(dialog.x - 50, dialog.y + 90);
  await page.mouse.up(); // A selection that ends outside of the dialog.
  expect(await prompt.inputValue()).toBe('A long prompt');
  await page.mouse.click(dialog.x - 50, dialog.y);
  await prompt.waitFor({ state: 'detached' });
});

it('the skip link moves the focus past the controls and stays on the same page', async () => {
  const { manager, server } = await serveSimulation(ENDLESS);
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  await page.getByRole('link', { name: id }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.evaluate(() => document.querySelector<HTMLElement>('.skip')?.focus());
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  expect(page.url()).toContain(id);
});
