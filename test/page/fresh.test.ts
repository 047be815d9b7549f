import { type SimulatedRun, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { DONE } from '../support/simulate.js';
import { openPage, serveSimulation } from './support.js';

const OLD = '11111111-2222-4333-8444-555555555555';
const run = (...lines: object[]): SimulatedRun => ({ steps: lines.map((line) => ({ line })), exitCode: 1 });
const FULL = run(
  { type: 'system', subtype: 'init', session_id: OLD, model: 'simulated' },
  { type: 'result', subtype: 'success', is_error: true, result: 'Prompt is too long' },
);

it.each([
  ['whose conversation is full', FULL, 'context_full'],
  ['in which Claude began no conversation', run(), undefined],
])('a session %s is continued with a new conversation, and only so', async (_, first, reason) => {
  const { manager, server } = await serveSimulation((request) => (request.run === 1 ? first : DONE(request)));
  const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
  const ended = await manager.waitFor(id);
  if (reason !== undefined) expect(ended.result?.reason).toBe(reason);
  const page = await openPage(server);
  await page.getByRole('link', { name: 'mine' }).click();
  const box = page.getByRole('checkbox', { name: 'Begin a new conversation' });
  expect(await box.isChecked()).toBe(true);
  expect(await box.isDisabled()).toBe(true);
  await page.getByLabel('Feedback to continue with').fill('Go on');
  await page.getByRole('button', { name: 'Continue' }).click();
  await expect.poll(() => manager.get(id)?.status).toBe('completed');
  expect(manager.get(id)?.runs[1]).toMatchObject({ feedback: 'Go on', fresh: true });
  expect(manager.get(id)?.conversationId).not.toBe(OLD);
});

it('a session that has ended goes on with its conversation, or with a new one if the person says so', async () => {
  const { manager, server } = await serveSimulation(DONE);
  const { id } = await manager.create({ prompt: 'x', taskId: 'mine' });
  const { conversationId } = await manager.waitFor(id);
  const page = await openPage(server);
  await page.getByRole('link', { name: 'mine' }).click();
  const box = page.getByRole('checkbox', { name: 'Begin a new conversation' });
  expect(await box.isChecked()).toBe(false);
  const goOn = async (number: number) => {
    await page.getByLabel('Feedback to continue with').fill('Go on');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText(`Run ${number} started`).waitFor();
    return manager.waitFor(id);
  };
  const second = await goOn(2);
  expect(second.conversationId).toBe(conversationId);
  expect(second.runs[1]).not.toHaveProperty('fresh');
  await box.check();
  const third = await goOn(3);
  expect(third.runs[2]).toMatchObject({ fresh: true });
  expect(third.conversationId).not.toBe(conversationId);
  // The choice holds for one run.
  await expect.poll(() => box.isChecked()).toBe(false);
});

it('a session that works, and one with a terminal, have no such choice', async () => {
  const { manager, server } = await serveSimulation(({ session }) =>
    scriptedRun([{ text: 'x' }, ...(session.taskId === 'works' ? [{ text: 'y', afterMs: 600_000 }] : [])]),
  );
  const works = await manager.create({ prompt: 'x', taskId: 'works' });
  const terminal = await manager.create({ prompt: 'x', taskId: 'terminal', mode: 'interactive' });
  await Promise.all([manager.waitFor(works.id, { status: 'running' }), manager.waitFor(terminal.id)]);
  const page = await openPage(server);
  for (const [name, label] of [
    ['works', 'Message to the working agent'],
    ['terminal', 'Feedback to continue with'],
  ] as const) {
    await page.goto(`${server.url}/#/`);
    await page.getByRole('link', { name }).click();
    await page.getByLabel(label).waitFor();
    expect(await page.getByRole('checkbox', { name: 'Begin a new conversation' }).count()).toBe(0);
  }
});
