import type { UnifiedSessionManager } from 'autonomous-orchestration';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** What the agent does in {@link wholeCourse}: it pushes, waits until it is released, and then works for long. */
export const PUSH = 'git push origin main > pushed 2>&1; true';
export const WAIT = 'until test -e released; do sleep 0.1; done';
// Claude forgets a call that was interrupted, so the model makes it again.
export const WORK = 'test -e begun || { touch begun; sleep 300; }';

/**
 * A session from its start to its second run, by what a person clicks and types: start, watch, approve, steer, pause,
 * resume, cancel, continue. `release` ends the call in which the agent waits.
 */
export async function wholeCourse(page: Page, manager: UnifiedSessionManager, release: () => Promise<void>) {
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByLabel('What should it do?').fill('Publish the notes');
  await page.getByLabel('Name (optional)').fill('notes');
  await page.getByRole('button', { name: 'Start', exact: true }).click();

  const activity = page.getByRole('region', { name: 'Activity of the session' });
  await activity.getByText('Run 1 started').waitFor();
  const [session] = manager.list({ taskId: 'notes' });
  if (!session) throw new Error('the page started no session');
  const { id } = session;

  // The board has the question, with what would be run.
  await page.getByRole('link', { name: 'Board' }).click();
  const question = page.getByRole('group', { name: 'Approval of Bash' });
  await question.getByText(PUSH).waitFor();
  expect(manager.get(id)?.status).toBe('waiting_feedback');
  await question.getByRole('button', { name: 'Approve' }).click();
  await question.waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'notes', exact: true }).click();
  const call = activity.getByRole('listitem').filter({ hasText: WAIT });
  await call.getByText('running').waitFor();

  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByText('paused', { exact: true }).waitFor();
  expect(manager.get(id)?.status).toBe('paused');
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause' }).waitFor();

  const words = page.getByLabel('Message to the working agent');
  await words.fill('Mention the new search');
  await page.getByRole('button', { name: 'Steer' }).click();
  await page.getByText('The agent will read this after its tool call.').waitFor();
  await release();
  await activity
    .getByRole('listitem')
    .filter({ hasText: 'Delivered to the agent' })
    .getByText('Mention the new search')
    .waitFor();
  await call.getByText(/^ok /).waitFor();
  await activity.getByRole('listitem').filter({ hasText: WORK }).getByText('running').waitFor();

  await page.getByRole('button', { name: 'Cancel …' }).click();
  await page.getByRole('button', { name: 'Cancel it' }).click();
  await activity.getByText('Cancelled', { exact: true }).waitFor();
  expect(manager.get(id)).toMatchObject({ status: 'cancelled', result: { error: 'cancelled on the dashboard' } });

  await page.getByLabel('Feedback to continue with').fill('Only the notes, please');
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  await activity.getByText('Run 2 started').waitFor();
  await activity.getByText('Completed', { exact: true }).waitFor();
  expect(manager.get(id)).toMatchObject({ status: 'completed', runs: [{}, { feedback: 'Only the notes, please' }] });
  await page.getByText('Run 2 ·').waitFor();
  return id;
}
