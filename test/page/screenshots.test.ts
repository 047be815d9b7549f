import { existsSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { demoExecutors, MODE_SESSIONS } from '../../examples/support/demo-modes.js';
import { DEMO_POLICY, DEMO_SESSIONS } from '../../examples/support/demo-sessions.js';
import { tempFolder } from '../support/temp-folder.js';
import { openPage, serveSimulation } from './support.js';

const DOCS = join(import.meta.dirname, '../../docs');
/** `npm run screenshots` renews the screenshots in the documentation; otherwise they are taken and thrown away. */
const isRenewing = process.env.RENEW_SCREENSHOTS === 'true';

/** The demonstration, four times as fast. */
const script: SimulatedScript = ({ session, conversationId }) => {
  const known = DEMO_SESSIONS.find(({ taskId }) => taskId === session.taskId);
  const quick = (ms: number | undefined): number => (ms ?? 0) / 4;
  const turns = (known?.turns ?? []).map((turn) => ({
    ...turn,
    afterMs: quick(turn.afterMs),
    ...('takesMs' in turn && { takesMs: quick(turn.takesMs) }),
  }));
  const costUsd = 0.02 * turns.length;
  return scriptedRun(turns, { conversationId, costUsd, ...(known?.subtype && { subtype: known.subtype }) });
};

const SHOTS = [
  'board',
  'board-dark',
  'board-narrow',
  'session',
  'session-dark',
  'timeline',
  'find',
  'start',
  'lost',
  'modes',
  'plan',
] as const;

async function shot(page: Page, name: (typeof SHOTS)[number]): Promise<void> {
  const checkedIn = join(DOCS, `images/${name}.png`);
  const path = isRenewing ? checkedIn : join(tempFolder(), `${name}.png`);
  await page.screenshot({ path });
  expect({ name, size: sizeOf(readFileSync(path)) }).toEqual({ name, size: sizeOf(readFileSync(checkedIn)) });
}

/** Width and height out of the header of a PNG. */
function sizeOf(png: Buffer): [number, number] {
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

it('the screenshots of the documentation can be taken again', async () => {
  const { manager, server, workspace: cwd } = await serveSimulation(script, { policy: DEMO_POLICY });
  for (const { taskId, prompt, branch } of DEMO_SESSIONS)
    await manager.create({ taskId, prompt, cwd, worktree: branch });
  const named = (name: string): string => manager.list({ taskId: name })[0]?.id ?? '';
  const parser = named('Speed up the parser');
  await manager.waitFor(named('Fix the flaky login test'));
  await manager.pause(parser);
  await manager.waitFor(named('Upgrade the database driver'));
  await manager.resume(parser);
  await manager.waitFor(named('Remove the old importer'), { status: 'waiting_feedback' });
  for (const taskId of ['Sort the imports', 'Document the API']) await manager.create({ taskId, prompt: 'x', cwd });

  const page = await openPage(server);
  await page.getByText('rm -rf src/importer').last().waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Approve' }).last().isEnabled()).toBe(true);
  await shot(page, 'board');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot(page, 'board-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  await page.getByRole('link', { name: 'Speed up the parser' }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  await activity.getByText('Resumed').waitFor();
  await activity.getByRole('listitem').filter({ hasText: 'npm run bench' }).last().locator('summary').click();
  await page.getByRole('img', { name: /^Cost (unknown|up to)/ }).waitFor();
  await shot(page, 'session');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shot(page, 'session-dark');
  await page.emulateMedia({ colorScheme: 'light' });

  await page.getByRole('link', { name: 'Time line' }).click();
  await page.getByRole('region', { name: 'Time line of the sessions' }).getByRole('listitem').last().waitFor();
  await shot(page, 'timeline');

  await page.keyboard.press('Control+k');
  await page.keyboard.type('the');
  await page.getByRole('dialog').getByRole('option').first().waitFor();
  await shot(page, 'find');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByLabel('What should it do?').fill('Make the tests of the importer pass.');
  await page.getByLabel('Workspace', { exact: true }).fill('/home/me/project');
  await shot(page, 'start');
  await page.keyboard.press('Escape');

  await page.getByRole('link', { name: 'Board' }).click();
  await page.context().setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await page.getByText('connection lost').waitFor();
  await expect.poll(() => page.getByRole('button', { name: 'Approve' }).last().isEnabled()).toBe(true);
  await shot(page, 'lost');
  await page.context().setOffline(false);
  await page.getByText('live', { exact: true }).waitFor();

  await page.setViewportSize({ width: 400, height: 800 });
  await expect.poll(() => page.getByRole('button', { name: 'Approve' }).last().isEnabled()).toBe(true);
  await shot(page, 'board-narrow');
});

it('the screenshots of the other modes can be taken again', async () => {
  const {
    manager,
    server,
    workspace: cwd,
  } = await serveSimulation(script, {
    executors: demoExecutors(),
    maxConcurrent: 6,
  });
  for (const options of MODE_SESSIONS) await manager.create({ ...options, cwd });
  const named = (taskId: string): string => manager.list({ taskId })[0]?.id ?? '';
  for (const taskId of ['Redesign the sign-up form', 'Ship version 2.5'])
    await manager.waitFor(named(taskId), { status: 'waiting_feedback' });
  for (const taskId of ['Move to the new queue', 'Drop support for Node 18', 'Translate the mails'])
    await manager.waitFor(named(taskId));
  const page = await openPage(server);
  await page.getByText('$0.020 with its children').waitFor();
  await page.getByText('Round 1: a little faster.').waitFor();
  await shot(page, 'modes');

  await page.getByRole('link', { name: 'Move to the new queue' }).click();
  await page.getByRole('button', { name: 'Carry it out …' }).waitFor();
  await page.getByRole('region', { name: 'Activity of the session' }).getByText('Run 1 started').waitFor();
  await shot(page, 'plan');
});

it('the documentation shows exactly the screenshots that are taken here', async () => {
  const review = await readFile(join(DOCS, 'ui-review.md'), 'utf8');
  for (const name of SHOTS) {
    expect(existsSync(join(DOCS, `images/${name}.png`)), name).toBe(true);
    expect(review).toContain(`images/${name}.png`);
  }
  const pages = ['../README.md', 'ui-review.md', 'guide.md'].map((name) => readFileSync(join(DOCS, name), 'utf8'));
  const shown = pages.flatMap((text) => [...text.matchAll(/images\/([\w-]+)\.png/g)].map(([, name]) => name));
  expect(shown.filter((name) => !(SHOTS as readonly unknown[]).includes(name))).toEqual([]);
});
