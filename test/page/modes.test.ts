import type { CreateSessionOptions, SessionMode } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it, vi } from 'vitest';
import { demoExecutors, MODE_SESSIONS } from '../../examples/support/demo-modes.js';
import { DONE, ENDLESS, everyMode } from '../support/simulate.js';
import { openPage, serveSimulation, sessionOnBoard } from './support.js';

/** A server with the session of the demonstration that has this mode. */
async function serveMode(mode: SessionMode) {
  const served = await serveSimulation(DONE, { executors: demoExecutors(), maxConcurrent: 6 });
  const options = MODE_SESSIONS.find((known) => known.mode === mode);
  if (!options) throw new Error(`there is no session of mode ${mode}`);
  return { ...served, id: (await served.manager.create(options)).id };
}

it('an interactive session that waits for a person needs attention, but shows no approval', async () => {
  const { manager, server, id } = await serveMode('interactive');
  await manager.waitFor(id, { status: 'waiting_feedback' });
  const page = await openPage(server);
  await page.getByRole('heading', { name: 'Needs you 1' }).waitFor();
  const card = sessionOnBoard(page, id);
  await card.getByText('waits for you at its terminal').waitFor();
  await card.getByText('interactive', { exact: true }).waitFor();
  await expect.poll(() => card.getByRole('img').getAttribute('aria-label')).toMatch(/running .*waiting /);
  expect(await page.title()).toBe('(1) Sessions');
  await page.getByText('1 session waiting for you').waitFor();
  expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
});

it('a message to an interactive session is delivered, and shown apart from messages of the agent', async () => {
  const { manager, server, id } = await serveMode('interactive');
  const page = await openPage(server);
  await page.getByRole('link', { name: 'Redesign the sign-up form' }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  await activity.getByText('Waits for your message').waitFor();
  await page.getByLabel('Message to the waiting agent').fill('Only the address');
  await page.getByRole('button', { name: 'Steer' }).click();
  await page.getByText('The agent has read this.').waitFor();
  await activity.getByText('Then I ask for the e-mail address first').waitFor();
  await page.getByRole('button', { name: 'Messages' }).click();
  const said = activity.getByRole('listitem').locator('.text');
  expect(await said.allInnerTexts()).toEqual([
    'person Redesign the sign-up form with me.',
    expect.stringMatching(/^The form asks for nine things/),
    'person Only the address',
    expect.stringMatching(/^Then I ask/),
  ]);
  await manager.waitFor(id, { status: 'waiting_feedback' });
});

it('the attach command of an interactive session can be copied, also without a clipboard', async () => {
  const { manager, server, id } = await serveMode('interactive');
  await manager.waitFor(id, { status: 'waiting_feedback' });
  const command = manager.get(id)?.runs[0]?.attachCommand ?? '';
  expect(command).toContain(id);
  const page = await openPage(server, { permissions: ['clipboard-read', 'clipboard-write'] });
  const terminal = page.getByRole('group', { name: 'Terminal of the session' });
  await terminal.getByText(command, { exact: true }).waitFor();
  await terminal.getByRole('button', { name: 'Copy' }).click();
  await terminal.getByText('Copied.').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(command);

  // If a page has no clipboard, a person can still copy the command.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await terminal.getByRole('button', { name: 'Copy' }).click();
  await terminal.getByText('Selected').waitFor();
  expect(await page.evaluate(() => String(getSelection()))).toBe(command);

  await manager.cancel(id);
  await terminal.waitFor({ state: 'detached' });
});

it('a leader is shown above its child sessions, with their cost, and does not wait for a person', async () => {
  const { manager, server, id } = await serveMode('orchestration');
  await manager.waitFor(id, { status: 'waiting_feedback' });
  const [done] = manager.list({ taskId: 'Translate the mails' });
  const [open] = manager.list({ taskId: 'Start faster' });
  await manager.waitFor(done?.id ?? '');
  const page = await openPage(server);
  const card = sessionOnBoard(page, id).first();
  await card.getByText('waits for its children').waitFor();
  expect(await page.getByText('Needs you').count()).toBe(0);
  expect(await page.title()).toBe('Sessions');
  const members = card.getByRole('list', { name: 'Sessions below this one' }).getByRole('listitem');
  expect((await members.allInnerTexts()).map((text) => text.split(/\s*\n\s*/).filter(Boolean))).toEqual([
    ['Translate the mails', expect.stringContaining('completed'), '$0.020'],
    ['Start faster', 'worktree', expect.stringContaining('running')],
  ]);
  await card.getByText('$0.020 with its children').waitFor();
  await sessionOnBoard(page, open?.id ?? '').waitFor();

  await card.getByRole('link', { name: 'Ship version 2.5' }).click();
  await page.getByText('$0.020 with its children').waitFor();
  const below = page.getByRole('region', { name: 'Sessions below this one' });
  await below.getByRole('link', { name: 'Start faster' }).click();
  await page.getByRole('heading', { level: 1, name: 'Start faster' }).waitFor();
  await page.getByRole('link', { name: 'Ship version 2.5' }).click();
  await page.getByRole('heading', { level: 1, name: 'Ship version 2.5' }).waitFor();
});

it('the changes of a worktree session are shown in numbers', async () => {
  const { manager, server, id } = await serveMode('worktree');
  await manager.waitFor(id);
  const page = await openPage(server);
  await sessionOnBoard(page, id).getByText('3 commits, +84 −132, 1 uncommitted').waitFor();
  await page.getByRole('link', { name: 'Drop support for Node 18' }).click();
  const changes = page.getByRole('region', { name: 'Changes' });
  expect((await changes.locator('dl').innerText()).split(/\s*\n\s*/)).toEqual([
    ...['Branch', 'chore/drop-node-18', 'Since', '8c0f4e7d2a91', 'Commits', '3', 'Files', '7'],
    ...['Lines', '+84 −132', 'Uncommitted', '1 file'],
  ]);
});

/** A plan that is longer than its part in lists, with an invisible character. */
const PLAN = `1. Look.\u200b\n${'2. Do.\n'.repeat(1_000)}3. The end.`;

class PlanningExecutor extends SimulatedExecutor {
  override async finalResult() {
    return { planFile: '/state/plan.md' };
  }
}

async function servePlan() {
  const prompts: unknown[] = [];
  const executor = new SimulatedExecutor(({ spec }) => {
    prompts.push(spec.prompt);
    return scriptedRun([{ text: 'Done.' }]);
  });
  const planning = new PlanningExecutor(() => scriptedRun([{ text: PLAN }]));
  const served = await serveSimulation(DONE, { executors: { ...everyMode(executor), planning } });
  const { id } = await served.manager.create({
    prompt: 'How?',
    mode: 'planning',
    taskId: 'plan',
    cwd: served.workspace,
  });
  await served.manager.waitFor(id);
  const page = await openPage(served.server);
  await page.getByRole('link', { name: 'plan', exact: true }).click();
  await page.getByRole('region', { name: 'Plan' }).getByText('3. The end.').waitFor();
  await page.getByRole('button', { name: 'Carry it out …' }).click();
  return { ...served, id, page, prompts, prompt: page.getByLabel('What should it do?') };
}

it('a plan that is started on the page is the unchanged prompt of a child session', async () => {
  const { manager, workspace, id, page, prompts, prompt } = await servePlan();
  expect(await prompt.inputValue()).toBe(PLAN.replace('\u200b', '⟨U+200B⟩'));
  expect(await page.getByRole('radio', { name: 'autonomous' }).isChecked()).toBe(true);
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('link', { name: 'plan', exact: true }).waitFor();
  await page.getByText('Done.', { exact: true }).first().waitFor();
  expect(manager.list({ parentId: id })).toMatchObject([{ mode: 'autonomous', environment: { cwd: workspace } }]);
  expect(prompts).toEqual([{ text: PLAN }]);
});

it('a plan that a person edits on the page is the prompt of a child session as edited', async () => {
  const { manager, id, page, prompts, prompt } = await servePlan();
  await prompt.fill('Only look.');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('link', { name: 'plan', exact: true }).waitFor();
  await page.getByText('Done.', { exact: true }).first().waitFor();
  expect(manager.list({ parentId: id })).toHaveLength(1);
  expect(prompts).toEqual([{ text: 'Only look.' }]);
});

it('a session can be started in every mode, and the form shows only the fields of its mode', async () => {
  const asked: CreateSessionOptions[] = [];
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 10 });
  const create = manager.create.bind(manager);
  manager.create = (options) => {
    asked.push(options);
    return create(options);
  };
  const page = await openPage(server);
  const [branch, children] = [page.getByLabel('Branch (optional)'), page.getByLabel('Sessions it may lead')];
  for (const mode of ['autonomous', 'worktree', 'planning', 'interactive', 'orchestration']) {
    await page.getByRole('button', { name: 'Start a session' }).click();
    await page.getByLabel('What should it do?').fill('x');
    await page.getByRole('radio', { name: mode }).check();
    expect([await branch.count(), await children.count()]).toEqual([
      Number(mode === 'worktree'),
      Number(mode === 'orchestration'),
    ]);
    if (mode === 'worktree') await branch.fill('fix/it');
    if (mode === 'orchestration') await children.fill('0');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  }
  expect(asked.map(({ mode, worktree, limits }) => ({ mode, worktree, limits }))).toEqual([
    { mode: 'autonomous', limits: {} },
    { mode: 'worktree', worktree: 'fix/it', limits: {} },
    { mode: 'planning', limits: {} },
    { mode: 'interactive', limits: {} },
    { mode: 'orchestration', limits: { children: 0 } },
  ]);
});

it('a session can be started with a model, an effort and the form of its result, which its page shows', async () => {
  const { manager, server } = await serveSimulation(({ conversationId }) =>
    scriptedRun([{ text: 'Done.' }], { conversationId, output: { city: 'Oslo' } }),
  );
  const page = await openPage(server);
  await page.getByRole('button', { name: 'Start a session' }).click();
  await page.getByLabel('What should it do?').fill('Which city?');
  await page.getByText('Model and form of the result').click();
  await page.getByLabel('Model', { exact: true }).fill('opus');
  await page.getByLabel('Models to fall back to (optional)').fill('sonnet, haiku');
  await page.getByLabel('Effort').selectOption('low');
  const form = page.getByLabel('Form of the result (optional)');
  await form.fill('{"type": ');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByText('The form of the result has to be a JSON Schema.').waitFor();
  await form.fill('{"type": "object", "required": ["city"]}');
  await page.getByLabel('How often a result that does not fit is asked for again').fill('1');
  const create = vi.spyOn(manager, 'create');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByRole('region', { name: 'Result' }).getByText('"city": "Oslo"').waitFor();
  await page.getByText('sonnet, haiku').waitFor();
  expect(create).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ outputRetries: 1 }));
});

it('a card shows the first child sessions, and the page of the leader draws the visible ones', async () => {
  const { manager, server } = await serveSimulation(ENDLESS, { maxConcurrent: 2, maxQueued: 300 });
  const { id } = await manager.create({ prompt: 'x', taskId: 'parent' });
  for (let count = 0; count < 200; count++)
    await manager.create({ prompt: 'x', parentId: id, taskId: `child ${count}` });
  const page = await openPage(server);
  const card = sessionOnBoard(page, id);
  await card.getByRole('link', { name: 'child 5' }).waitFor();
  expect(await card.getByRole('listitem').count()).toBe(7);
  await card.getByRole('link', { name: '194 more' }).click();
  const below = page.getByRole('region', { name: 'Sessions below this one' });
  await below.getByText('child 0', { exact: true }).waitFor();
  expect(await below.getByRole('listitem').count()).toBeLessThan(40);
  await below.press('End');
  await below.getByText('child 199').waitFor();
});
