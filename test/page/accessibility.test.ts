import { scriptedRun } from 'autonomous-orchestration/testing';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { demoExecutors, MODE_SESSIONS } from '../../examples/support/demo-modes.js';
import { DEMO_POLICY, DEMO_SESSIONS } from '../../examples/support/demo-sessions.js';
import { ENDLESS } from '../support/simulate.js';
import { axeViolations } from './axe.js';
import { openPage, serveSimulation } from './support.js';

/** The sessions of the demonstration without delays. Two of them wait for a person. */
async function busyServer() {
  const served = await serveSimulation(
    ({ session }) => {
      const known = DEMO_SESSIONS.find(({ taskId }) => taskId === session.taskId);
      return scriptedRun((known?.turns ?? []).map((turn) => ({ ...turn, afterMs: 0, takesMs: 0 })));
    },
    { policy: DEMO_POLICY },
  );
  for (const { taskId, prompt, branch } of DEMO_SESSIONS)
    await served.manager.create({ taskId, prompt, worktree: branch });
  for (const taskId of ['Release notes for 2.4', 'Remove the old importer']) {
    const [asks] = served.manager.list({ taskId });
    await served.manager.waitFor(asks?.id ?? '', { status: 'waiting_feedback' });
  }
  return served;
}

const LOOKS = [
  { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { colorScheme: 'light', viewport: { width: 400, height: 800 } },
  { colorScheme: 'dark', viewport: { width: 400, height: 800 } },
] as const;

/** How much wider than the window the page is: nobody should have to scroll sideways. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
}

it.each(LOOKS)('no view breaks a rule of axe: $colorScheme, $viewport.width px', async (look) => {
  const { server } = await busyServer();
  const page = await openPage(server, look);
  const check = async (what: string): Promise<void> => {
    expect({ what, violations: await axeViolations(page) }).toEqual({ what, violations: [] });
    expect({ what, overflow: await overflow(page) }).toEqual({ what, overflow: 0 });
  };
  await page.getByRole('group', { name: 'Approval of Bash' }).first().waitFor();
  await check('board');
  await page.getByRole('link', { name: 'Time line' }).click();
  await page.getByRole('region', { name: 'Time line of the sessions' }).waitFor();
  await check('time line');
  await page.keyboard.press('Control+k');
  await page.getByRole('dialog').getByRole('option').first().waitFor();
  await check('find');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByLabel('What should it do?').waitFor();
  await check('start');
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Release notes for 2.4' }).click();
  await page.getByRole('region', { name: 'Activity of the session' }).getByText('Asks to run Bash').waitFor();
  await check('session');
});

it.each(LOOKS)('no view of other modes breaks a rule of axe: $colorScheme, $viewport.width px', async (look) => {
  const { manager, server } = await serveSimulation(ENDLESS, { executors: demoExecutors(), maxConcurrent: 6 });
  const [leader, terminal, plan, worktree] = await Promise.all(MODE_SESSIONS.map((options) => manager.create(options)));
  await manager.waitFor(leader?.id ?? '', { status: 'waiting_feedback' });
  await manager.waitFor(terminal?.id ?? '', { status: 'waiting_feedback' });
  for (const session of [plan, worktree]) await manager.waitFor(session?.id ?? '');
  const page = await openPage(server, look);
  const check = async (what: string): Promise<void> => {
    expect({ what, violations: await axeViolations(page) }).toEqual({ what, violations: [] });
    expect({ what, overflow: await overflow(page) }).toEqual({ what, overflow: 0 });
  };
  const open = async (id = ''): Promise<void> => {
    await page.evaluate((hash) => location.assign(hash), `#/sessions/${id}`);
    await page.getByRole('region', { name: 'Activity of the session' }).getByText('Run 1 started').waitFor();
  };
  await page.getByText('waits for you at its terminal').waitFor();
  await page.getByRole('list', { name: 'Sessions below this one' }).getByText('Start faster').waitFor();
  await check('board');
  await page.getByRole('button', { name: 'Start a session' }).click();
  for (const mode of ['worktree', 'orchestration']) {
    await page.getByRole('radio', { name: mode }).check();
    await check(`start, ${mode}`);
  }
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Time line' }).click();
  await page.getByRole('region', { name: 'Time line of the sessions' }).getByRole('listitem').last().waitFor();
  await check('time line');
  await open(leader?.id);
  await page.getByRole('region', { name: 'Sessions below this one' }).getByText('Translate the mails').waitFor();
  await check('leader');
  await open(terminal?.id);
  await page.getByRole('button', { name: 'Copy' }).click();
  await check('terminal');
  await open(worktree?.id);
  await page.getByRole('region', { name: 'Changes' }).getByText('+84 −132').waitFor();
  await check('worktree');
  await open(plan?.id);
  await check('plan');
  await page.getByRole('button', { name: 'Carry it out …' }).click();
  await check('carry out');
});

it('a person can answer an approval by keyboard alone', async () => {
  const { manager, server } = await busyServer();
  const page = await openPage(server);
  let approved = 0;
  manager.on('session:approval', ({ state }) => {
    if (state === 'approved') approved += 1;
  });
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? '');
  // The sessions are at work. If the button moves under the key, it cannot be pressed, and the person tries again.
  await expect
    .poll(async () => {
      await page.getByRole('button', { name: 'Approve', disabled: false }).first().waitFor();
      for (let presses = 0; (await focused()) !== 'Approve' && presses < 40; presses++)
        await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      return approved;
    })
    .toBeGreaterThan(0);
});
