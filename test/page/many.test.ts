import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { DONE } from '../support/simulate.js';
import { tempFolder } from '../support/temp-folder.js';
import { openPage, serveSimulation } from './support.js';

it('of 1,000 sessions only the visible ones are drawn, and all can be reached', { timeout: 120_000 }, async () => {
  const { manager, server } = await serveSimulation(DONE, { maxConcurrent: 50, maxQueued: 1_000 });
  const cwd = tempFolder(); // Not a repository, because each session would look into it.
  const sessions = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => manager.create({ prompt: 'x', cwd, taskId: `session ${index}` })),
  );
  await Promise.all(sessions.map(({ id }) => manager.waitFor(id)));
  const page = await openPage(server);
  const list = page.getByRole('region', { name: 'Ended sessions' });
  await list.getByRole('listitem').first().waitFor();
  expect(await list.getByRole('listitem').count()).toBeLessThan(60);
  await list.press('End');
  const oldest = list.locator('[aria-posinset="1000"]');
  await oldest.waitFor();
  expect(await list.getByRole('listitem').count()).toBeLessThan(60);
});

it('of nearly 100,000 events only the visible ones are drawn, the latest first', { timeout: 240_000 }, async () => {
  // Together with the events that the manager adds, this is how many events the page keeps.
  const count = 99_990;
  const { manager, server } = await serveSimulation(() =>
    scriptedRun(Array.from({ length: count }, (_, index) => ({ text: `message ${index + 1}` }))),
  );
  const page = await openPage(server);
  await page.getByText('No sessions yet.').waitFor();
  const { id } = await manager.create({ prompt: 'x' });
  await page.getByRole('link', { name: id }).click();
  const list = page.getByRole('region', { name: 'Activity of the session' });
  await manager.waitFor(id);
  await list.getByText(`message ${count}`, { exact: true }).first().waitFor({ timeout: 120_000 });
  expect(await list.getByRole('listitem').count()).toBeLessThan(80);
  await list.press('Home');
  await list.getByText('Created').waitFor();
});
