import { type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { openPage, serveSimulation } from './support.js';

const COMMAND = 'make everything';
const WORDS = 'Only the library, please';

/** A call that does not end by itself; after feedback, a message that quotes the feedback. */
const WORKS: SimulatedScript = ({ conversationId, feedback }) =>
  feedback === undefined
    ? scriptedRun([{ tool: 'Bash', input: { command: COMMAND }, takesMs: 600_000 }], { conversationId })
    : scriptedRun([{ text: `I was told: ${feedback}` }], { conversationId });

/** The page of a session that is in the middle of a call. */
async function atWork() {
  const { manager, server } = await serveSimulation(WORKS);
  const { id } = await manager.create({ prompt: 'Make it', taskId: 'making' });
  const page = await openPage(server);
  await page.getByRole('link', { name: 'making' }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  const call = activity.getByRole('listitem').filter({ hasText: COMMAND });
  await call.getByText('running').waitFor();
  return { manager, id, page, activity, call };
}

type AtWork = Awaited<ReturnType<typeof atWork>>;

/** Record and page show that the first run was ended and a second run received the typed text. */
async function expectContinued({ manager, id, page, activity, call }: AtWork, field: ReturnType<Page['getByLabel']>) {
  await activity.getByText('Run 2 started').waitFor();
  await activity.getByText('Completed', { exact: true }).waitFor();
  const { status, runs, result } = manager.get(id) ?? {};
  expect({ status, result, runs }).toMatchObject({
    status: 'completed',
    result: { text: `I was told: ${WORDS}` },
    runs: [
      { number: 1, exitCode: 143, endedAt: expect.any(Number) },
      { number: 2, exitCode: 0, feedback: WORDS },
    ],
  });
  expect(runs).toHaveLength(2);
  expect(runs?.[0]).not.toHaveProperty('feedback');

  await activity.getByText(`Continued with feedback ${WORDS}`, { exact: true }).waitFor();
  await call.getByText('interrupted').waitFor();
  const listed = page.locator('.runs').getByRole('listitem');
  expect(await listed.allInnerTexts()).toEqual([
    expect.stringMatching(/^Run 1 · .* · exit 143$/),
    expect.stringMatching(/^Run 2 · .* · exit 0\s*.*Only the library, please/),
  ]);
  // The text was not sent to the first run as a message.
  expect(await activity.getByText('Delivered to the agent').count()).toBe(0);
  expect(await page.getByText('The agent will read this').count()).toBe(0);
  expect(await field.inputValue()).toBe('');
}

it('a running session is stopped and continues with the given feedback', async () => {
  const session = await atWork();
  const { page } = session;
  const [button, field] = [page.getByRole('button', { name: 'Stop and continue' }), page.locator('textarea')];
  expect(await button.isDisabled()).toBe(true);
  await page.getByLabel('Message to the working agent').fill(WORDS);
  await button.click();
  await expectContinued(session, field);
});

it('a paused session is stopped and continues with feedback, and cannot be steered', async () => {
  const session = await atWork();
  const { manager, id, page } = session;
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('paused', { exact: true }).waitFor();
  expect(await page.getByRole('button', { name: 'Steer' }).count()).toBe(0);
  const [button, field] = [page.getByRole('button', { name: 'Stop and continue' }), page.locator('textarea')];
  expect(await button.isDisabled()).toBe(true);
  await page.getByLabel('Feedback to continue with').fill(WORDS);
  await button.click();
  await expectContinued(session, field);
  const { pausedAt, pauses = [] } = manager.get(id)?.runs[1] ?? {};
  expect({ pausedAt, pauses }).toEqual({ pausedAt: undefined, pauses: [] });
});
