import { scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { DONE } from '../support/simulate.js';
import { openPage, serveSimulation } from './support.js';

const DAY = 86_400_000;
const KEY = { docker: { env: { ANTHROPIC_API_KEY: 'x' } } };

it('a hold of the whole queue says why, and is released with the keyboard', async () => {
  const { manager, server } = await serveSimulation(DONE);
  await manager.holdQueue('The line is\u202e being repaired');
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  const hold = page.getByRole('region', { name: 'Accounts' }).getByRole('alert');
  await hold.getByText('The queue is held.').waitFor();
  // Nothing on the page can turn the text around.
  expect(await hold.innerText()).toContain('The line is⟨U+202E⟩ being repaired');
  expect(await hold.innerText()).not.toContain('by itself');
  expect(manager.get(id)?.status).toBe('queued');
  await hold.getByRole('button', { name: 'Release the queue' }).press('Enter');
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  await hold.waitFor({ state: 'detached' });
});

it('the page of a session that waits says when it goes on, and what failed', async () => {
  const text = 'API Error: 500 Internal server error';
  const init = { type: 'system', subtype: 'init', session_id: 'c' };
  const end = { type: 'result', subtype: 'success', is_error: true, result: text };
  const { manager, server } = await serveSimulation(() => ({
    ...scriptedRun([]),
    steps: [{ line: init }, { line: end }],
    exitCode: 1,
  }));
  const { id } = await manager.create({ prompt: 'x', taskId: 'waits' });
  await manager.waitFor(id, { status: 'paused' });
  const page = await openPage(server);
  await page.getByRole('link', { name: 'waits' }).click();
  const said = page.getByText(/^Goes on by itself at \d\d:\d\d/);
  await said.waitFor();
  expect(await said.innerText()).toContain(`after attempt 1 failed (provider_error): ${text}`);
});

it('holds of accounts say which account, until when, and what is left; the button releases only its own', async () => {
  const resetsAt = (Math.floor(Date.now() / 1_000) + 3 * 86_400) * 1_000;
  const info = { status: 'rejected', rateLimitType: 'seven_day', resetsAt: resetsAt / 1_000, utilization: 1 };
  const { manager, server } = await serveSimulation(
    ({ conversationId, session: { taskId }, run }) => {
      if (run > 1 || taskId === 'other') return scriptedRun([{ text: 'Done.' }], { conversationId });
      const error = taskId === 'limit' ? 'rate_limit' : 'authentication_failed';
      const text = taskId === 'limit' ? "You've hit your limit" : 'OAuth token has expired';
      const said = { id: 'e', model: '<synthetic>', content: [{ type: 'text', text }] };
      const window = { type: 'rate_limit_event', rate_limit_info: info };
      const end = { type: 'result', subtype: 'success', is_error: true, result: text };
      const lines = [...(taskId === 'limit' ? [window] : []), { type: 'assistant', message: said, error }, end];
      return {
        ...scriptedRun([]),
        steps: [{ type: 'system', subtype: 'init', session_id: conversationId ?? 'c' }, ...lines].map((line) => ({
          line,
        })),
        exitCode: 1,
      };
    },
    { maxConcurrent: 3 },
  );
  const limited = await manager.create({ prompt: 'x', taskId: 'limit', account: 'team' });
  const refused = await manager.create({ prompt: 'x', taskId: 'login', account: 'mine', ...KEY });
  await Promise.all([manager.waitFor(limited.id, { status: 'paused' }), manager.waitFor(refused.id)]);
  const page = await openPage(server);
  const accounts = page.getByRole('region', { name: 'Accounts' });
  const team = accounts.getByRole('alert').filter({ hasText: '"team"' });
  const mine = accounts.getByRole('alert').filter({ hasText: '"mine"' });
  const until = manager.queueStatus().holds?.find(({ account }) => account === 'team')?.until ?? 0;
  expect(until).toBeGreaterThan(Date.now() + 2 * DAY);
  const date = await page.evaluate((at) => new Date(at).toLocaleDateString('en-GB'), until);
  expect(await team.innerText()).toMatch(new RegExp(`It goes on by itself at \\d\\d:\\d\\d.* on ${date}`));
  expect(await mine.innerText()).toContain('OAuth token has expired');
  expect(await mine.innerText()).not.toContain('by itself');
  expect(await accounts.getByRole('listitem').allInnerTexts()).toEqual([
    expect.stringContaining('team, seven day: 100 % used, used up, reset at'),
  ]);
  await mine.getByRole('button', { name: 'Release the queue' }).click();
  await mine.waitFor({ state: 'detached' });
  expect(manager.queueStatus().holds?.map(({ account }) => account)).toEqual(['team']);
});

it('a page without the token shows a hold, and cannot release it', async () => {
  const { manager, server } = await serveSimulation(DONE, {}, { readWithoutToken: true });
  await manager.holdQueue('later');
  const page = await openPage(server, { path: '#/' });
  const hold = page.getByRole('region', { name: 'Accounts' }).getByRole('alert');
  await hold.getByText('later').waitFor();
  expect(await hold.getByRole('button', { name: 'Release the queue' }).isDisabled()).toBe(true);
});
