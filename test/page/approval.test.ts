import type { UnifiedSessionManager } from 'autonomous-orchestration';
import { type ScriptedTurn, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { openPage, serveSimulation } from './support.js';

const policy = { rules: [{ tool: 'Bash', decision: 'ask' }] } as const;
const call = (command: string): ScriptedTurn => ({ tool: 'Bash', input: { command }, output: 'ran' });

/** Starts two sessions that each ask a person. The one that asks first stands first on the board. */
async function twoThatAsk(manager: UnifiedSessionManager): Promise<string[]> {
  const ids: string[] = [];
  for (const taskId of ['one', 'two']) {
    const { id } = await manager.create({ prompt: 'x', taskId });
    await manager.waitFor(id, { status: 'waiting_feedback' });
    ids.push(id);
  }
  return ids;
}

it('the second click of a double click does not approve the next call', async () => {
  const { manager, server } = await serveSimulation(
    ({ session }) => scriptedRun([call(`make ${session.taskId}`), call(`deploy ${session.taskId}`)]),
    { policy },
  );
  const ids = await twoThatAsk(manager);
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Approve' }).first().dblclick(); // Waits until it may be pressed.
  await page.getByText('deploy one').first().waitFor();
  const calls = ids.flatMap((id) => manager.get(id)?.metadata.toolsUsed ?? []);
  expect(calls.map(({ input, outcome }) => [input, outcome])).toEqual([
    [{ command: 'make one' }, 'ok'],
    [{ command: 'deploy one' }, undefined],
    [{ command: 'make two' }, undefined],
  ]);
});

it('the button of a new approval is disabled for a moment', async () => {
  const { manager, server } = await serveSimulation(() => scriptedRun([call('make one'), call('deploy')]), { policy });
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByRole('group', { name: 'Approval of Bash' }).getByText('deploy').waitFor();
  const button = page.getByRole('button', { name: 'Approve' });
  expect(await button.isDisabled()).toBe(true);
  await expect.poll(() => button.isEnabled()).toBe(true);
  expect(manager.get(id)?.status).toBe('waiting_feedback');
});

it('a call that is longer than its box can be approved only after scrolling to its end', async () => {
  const command = `npm test #${'\n'.repeat(60)}cp .env public/`;
  const { manager, server } = await serveSimulation(() => scriptedRun([call(command), { text: 'Done.' }]), { policy });
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  const question = page.getByRole('group', { name: 'Approval of Bash' });
  await question.getByText('scroll to its end to approve it').waitFor();
  expect(await question.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
  await question.locator('.input').press('End');
  await question.getByText('scroll to its end').waitFor({ state: 'detached' });
  await question.getByRole('button', { name: 'Approve' }).click();
  expect((await manager.waitFor(id)).metadata.toolsUsed).toMatchObject([{ outcome: 'ok' }]);
});

it('the focus moves to the next approval, and an approval that is answered elsewhere disappears', async () => {
  const { manager, server } = await serveSimulation(({ session }) => scriptedRun([call(`make ${session.taskId}`)]), {
    policy,
  });
  const ids = await twoThatAsk(manager);
  const page = await openPage(server);
  await page.getByText('make two').first().waitFor();
  const questions = page.getByRole('group', { name: 'Approval of Bash' });
  // The whole page says `make two`, too, and has the keyboard while the next question does not have it yet.
  const focused = () => page.evaluate(() => document.activeElement?.closest('.approval')?.textContent);
  await page.getByRole('button', { name: 'Deny' }).first().focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toContain('make two');
  const two = manager.get(ids[1] ?? '');
  await manager.approve(ids[1] ?? '', two?.pendingApproval?.requestId ?? '');
  await expect.poll(() => questions.count()).toBe(0);
});

it('the board shows the first approvals of a session, and the page of the session shows all', async () => {
  const calls = Array.from({ length: 14 }, (_, index) => ({
    type: 'tool_use',
    id: `toolu_${index}`,
    name: 'Bash',
    input: { command: `make ${index}` },
  }));
  const { manager, server } = await serveSimulation(
    ({ hooks }) => {
      for (const { id, name, input } of calls) void hooks.beforeTool({ toolUseId: id, tool: name, input });
      return scriptedRun([{ text: 'I ask.' }, { text: 'never', afterMs: 60_000 }]);
    },
    { policy },
  );
  const { id } = await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  await page.getByText('4 more questions').click();
  await page.getByRole('group', { name: 'Approval of Bash' }).nth(13).waitFor();
  expect(manager.get(id)?.pendingApprovals).toHaveLength(14);
});
