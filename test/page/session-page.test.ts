import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { deferred } from '../../src/core/orchestration/util/deferred.js';
import { ASK_TO_PUSH, ENDLESS, heldBefore } from '../support/simulate.js';
import { factsUnder, openPage, serveSimulation, sessionOnBoard } from './support.js';
import { PUSH, WAIT, WORK, wholeCourse } from './whole-course.js';

it('a person takes a session through its whole course on the page', async () => {
  const released = deferred<void>();
  const { manager, server } = await serveSimulation(
    ({ conversationId, feedback }) => {
      if (feedback !== undefined) return scriptedRun([{ text: 'Only the notes.' }], { conversationId });
      const run = scriptedRun([
        { text: 'I push the notes.' },
        { tool: 'Bash', input: { command: PUSH }, output: 'pushed' },
        { tool: 'Bash', input: { command: WAIT }, output: 'released' },
        { tool: 'Bash', input: { command: WORK }, takesMs: 60_000 },
      ]);
      return heldBefore('"content":"released"', released.promise, run);
    },
    { policy: { rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask' }] } },
  );
  const page = await openPage(server);
  await page.getByText('No sessions yet.').waitFor();
  const id = await wholeCourse(page, manager, async () => released.resolve());
  expect(manager.get(id)?.metadata.recentMessages.map(({ text }) => text)).toContain(
    'Understood: Mention the new search',
  );
});

it('a denied call does not run, and the page shows the reason', async () => {
  const { manager, server } = await serveSimulation(
    () => scriptedRun([{ tool: 'Bash', input: { command: 'git push' }, output: 'pushed' }, { text: 'Then not.' }]),
    { policy: ASK_TO_PUSH },
  );
  const { id } = await manager.create({ prompt: 'Push' });
  const page = await openPage(server);
  await page.getByPlaceholder('reason for denying (the agent reads it)').fill('Not on a Friday');
  await page.getByRole('button', { name: 'Deny' }).click();
  const { metadata } = await manager.waitFor(id);
  expect(metadata.toolsUsed).toMatchObject([{ outcome: 'denied' }]);
  await page.getByRole('link', { name: id }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  const denial = activity.getByRole('listitem').filter({ hasText: 'Bash was blocked' });
  await denial.getByText('Not on a Friday').waitFor();
});

it('a call that is too long for the board can be approved only after it is shown in full', async () => {
  const command = `git push # ${'x'.repeat(9_000)} THE END`;
  const { manager, server } = await serveSimulation(
    () => scriptedRun([{ tool: 'Bash', input: { command } }, { text: 'Done.' }]),
    { policy: ASK_TO_PUSH },
  );
  const { id } = await manager.create({ prompt: 'Push' });
  const page = await openPage(server);
  const question = page.getByRole('group', { name: 'Approval of Bash' });
  await question.getByText('This is only the beginning of the input').waitFor();
  expect(await question.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
  expect(await question.innerText()).not.toContain('THE END');
  await question.getByRole('link', { name: 'open the session' }).click();
  await question.getByText('THE END').waitFor();
  await question.locator('.input').press('End');
  await question.getByRole('button', { name: 'Approve' }).click();
  expect((await manager.waitFor(id)).metadata.toolsUsed).toMatchObject([{ outcome: 'ok' }]);
});

it('a tool call is shown with its input, output, duration and error severity', async () => {
  const { manager, server } = await serveSimulation(() =>
    scriptedRun([
      { tool: 'Bash', input: { command: 'npm test' }, output: 'Exit code 1\nassertion failed', isError: true },
      { tool: 'Write', input: { file_path: 'notes.md', content: 'one\ntwo' }, output: 'written' },
      { text: 'Done.' },
    ]),
  );
  const { id } = await manager.create({ prompt: 'Test' });
  await manager.waitFor(id);
  const page = await openPage(server);
  await page.getByRole('link', { name: id }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  const call = activity.getByRole('listitem').filter({ hasText: 'npm test' }).first();
  await call.getByText(/^error \d/).waitFor();
  await call.getByText('npm test').first().click();
  await call.getByText('assertion failed').waitFor();
  const write = activity.getByRole('listitem').filter({ hasText: 'notes.md' });
  await write.getByText('notes.md').first().click();
  expect(await write.locator('.input > div').allInnerTexts()).toEqual(['file_path\nnotes.md', 'content\none\ntwo']);

  await page.getByRole('button', { name: 'Problems' }).click();
  await activity.getByText('warning').waitFor();
  expect(await activity.getByText('Done.').count()).toBe(0);
  await page.getByRole('button', { name: 'Messages' }).click();
  await activity.getByText('Done.').waitFor();
  expect(await activity.getByRole('listitem').count()).toBe(1);

  await page.getByRole('img', { name: /^Cost up to \$0\.03/ }).waitFor();
  await page.getByText('$0.030', { exact: true }).last().waitFor();
});

it('the activity follows new events unless the person has scrolled up', async () => {
  const more = deferred<void>();
  const { manager, server } = await serveSimulation(() => {
    const run = scriptedRun(Array.from({ length: 100 }, (_, index) => ({ text: `message ${index + 1}` })));
    return heldBefore('"message 100"', more.promise, run);
  });
  const { id } = await manager.create({ prompt: 'x' });
  const [following, reading] = [await openPage(server), await openPage(server)];
  const pages = [following, reading].map((page) => page.getByRole('region', { name: 'Activity of the session' }));
  for (const page of [following, reading]) await page.getByRole('link', { name: id }).click();
  for (const activity of pages) await activity.getByText('message 99', { exact: true }).waitFor();
  await pages[1]?.hover();
  await reading.mouse.wheel(0, -10_000);
  await pages[1]?.getByText('message 1', { exact: true }).waitFor();
  more.resolve();
  await manager.waitFor(id);
  await pages[0]?.getByText('message 100', { exact: true }).first().waitFor();
  await reading.getByText('completed', { exact: true }).waitFor();
  expect(await pages[1]?.getByText('message 1', { exact: true }).isVisible()).toBe(true);
});

it('an unknown session is reported as not found', async () => {
  const { server } = await serveSimulation(() => scriptedRun([]));
  const page = await openPage(server, { complains: /404/ });
  await page.getByText('No sessions yet.').waitFor();
  await page.evaluate(() => location.assign('#/sessions/nobody'));
  await page.getByText('Session not found').first().waitFor();
});

it('board and page say which session works on without a process, and what that means', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 2 });
  const options = { prompt: 'x', detached: true };
  const [alone, waits, queued] = [
    await manager.create({ ...options, taskId: 'alone' }),
    await manager.create({ prompt: 'x' }),
    await manager.create(options),
  ];
  const page = await openPage(server);
  for (const { id } of [alone, queued]) await sessionOnBoard(page, id).getByText('detached', { exact: true }).waitFor();
  expect(await sessionOnBoard(page, waits.id).getByText('detached').count()).toBe(0);
  await page.getByRole('link', { name: 'alone' }).click();
  await page.getByRole('heading', { name: 'alone' }).waitFor();
  expect(await page.getByText('detached', { exact: true }).getAttribute('title')).toMatch(
    /^This session works on while no process manages it\. Nobody decides/,
  );
  expect(await factsUnder(page, 'Where')).toMatchObject({ 'Without a process': expect.stringContaining('works on') });
});
