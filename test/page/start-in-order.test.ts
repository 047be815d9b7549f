import { expect, it } from 'vitest';
import { ENDLESS } from '../support/simulate.js';
import { openPage, serveSimulation } from './support.js';

it('the form to start a session takes a priority, a time and another session to wait for', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 1 });
  const { id } = await manager.create({ prompt: 'x', taskId: 'before' });
  const over = await manager.create({ prompt: 'x', taskId: 'over' });
  await manager.cancel(over.id);
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Start a session' }).click();
  const form = page.getByRole('dialog');
  await form.getByLabel('What should it do?').fill('Do it');
  await form.getByLabel('Name (optional)').fill('next');
  const after = form.getByLabel('When this one has completed');
  // Only sessions that have not ended can be waited for.
  expect(await after.getByRole('option').allInnerTexts()).toEqual(['does not wait for a session', 'before']);
  await form.getByLabel('Priority').selectOption('high');
  await form.getByLabel('Not before').fill('2099-01-02T03:04');
  await after.selectOption('before');
  await form.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('heading', { name: 'next' }).waitFor();
  const notBefore = await page.evaluate(() => new Date('2099-01-02T03:04').getTime());
  const [next] = manager.list({ taskId: 'next' });
  expect(next).toMatchObject({ status: 'queued', priority: 'high', notBefore, after: [{ id, on: 'completed' }] });
});

it('a session that is started with nothing chosen has no priority, no time and nothing to wait for', async () => {
  const { manager, server } = await serveSimulation(ENDLESS);
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByRole('dialog').getByLabel('What should it do?').fill('Do it');
  await page.getByRole('dialog').getByLabel('Name (optional)').fill('alone');
  await page.getByRole('dialog').getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('heading', { name: 'alone' }).waitFor();
  const [alone] = manager.list({ taskId: 'alone' });
  for (const option of ['priority', 'notBefore', 'after']) expect(alone).not.toHaveProperty(option);
});
