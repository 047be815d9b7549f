import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionManagerOptions, SessionMode } from 'autonomous-orchestration';
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { factsUnder, openPage, serveManager, sessionOnBoard } from '../page/support.js';
import { PUSH, WAIT, WORK, wholeCourse } from '../page/whole-course.js';
import { Desk } from './desk.js';
import { go, UNTIL_GO } from './families.js';
import {
  bash,
  casting,
  containersGone,
  containersOf,
  repository,
  scripted,
  tempFolder,
  testManager,
} from './support.js';

it('a person takes a session in Docker through its whole course on the page', async () => {
  const workspace = await tempFolder();
  const { docker } = scripted(bash(PUSH), bash(WAIT), bash(WORK), { history: true });
  const { manager } = await testManager({
    docker,
    policy: { rules: [{ tool: 'Bash', matches: /^git push/, decision: 'ask' }] },
  });
  const { server } = await serveManager(manager, workspace);
  const page = await openPage(server);
  const id = await wholeCourse(page, manager, () => writeFile(join(workspace, 'released'), ''));
  const session = manager.get(id);
  expect(session?.environment.docker).toBe(true);
  expect(session?.result?.text).toContain('Only the notes, please');
  await page.getByText(session?.runs[1]?.containerName ?? 'no container').waitFor();
  await containersGone({ id });
});

/** Claude's terminal takes a while to come up. */
const WITHIN = { timeout: 60_000 };

/** The page of a manager, and a function that starts a session there and leaves the page on that session. */
async function pageOn(options: SessionManagerOptions, workspace: string) {
  const { manager } = await testManager(options);
  const { server } = await serveManager(manager, workspace);
  const page = await openPage(server);
  const start = async (mode: SessionMode, name: string, prompt: string, fill?: () => Promise<void>) => {
    await page.getByRole('button', { name: 'Start a session' }).click();
    await page.getByLabel('What should it do?').fill(prompt);
    await page.getByLabel('Name (optional)').fill(name);
    await page.getByRole('radio', { name: mode }).check();
    await fill?.();
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
    const [session] = manager.list({ taskId: name });
    if (!session) throw new Error('the page started no session');
    return session.id;
  };
  return { manager, page, start, activity: activityOn(page) };
}

function activityOn(page: Page) {
  return page.getByRole('region', { name: 'Activity of the session' });
}

it('an interactive session answers a person on the page and at the terminal that the page names', async () => {
  const { docker } = scripted({ text: 'First.' }, { history: true }, { text: 'Third.' });
  const { manager, page, start, activity } = await pageOn({ docker }, await tempFolder());
  const id = await start('interactive', 'talk', 'Talk with me');
  await page.getByRole('link', { name: 'Board' }).click();
  const card = sessionOnBoard(page, id);
  await card.getByText('waits for you at its terminal').waitFor(WITHIN);
  await page.getByRole('heading', { name: 'Needs you 1' }).waitFor();

  const command = card.getByRole('group', { name: 'Terminal of the session' }).locator('code');
  const desk = await Desk.with(await command.innerText());
  await expect.poll(() => desk.screen(), WITHIN).toContain('First.');

  await card.getByRole('link', { name: 'talk' }).click();
  await page.getByLabel('Message to the waiting agent').fill('And from the page?');
  await page.getByRole('button', { name: 'Steer' }).click();
  await page.getByText('The agent has read this.').waitFor(WITHIN);
  await activity.locator('.person').getByText('And from the page?').waitFor(WITHIN);
  await activity.getByText(/^HISTORY: .*"And from the page\?"/).waitFor(WITHIN);
  await expect.poll(() => desk.screen(), WITHIN).toContain('And from the page?');

  await desk.types('And by hand?');
  await activity.locator('.person').getByText('And by hand?').waitFor(WITHIN);
  await activity.getByText('Third.', { exact: true }).waitFor(WITHIN);

  const session = manager.get(id);
  expect(await containersOf({ id })).toEqual([session?.runs[0]?.containerName]);
  expect(await factsUnder(page, 'Where')).toMatchObject({
    Mode: 'interactive',
    Image: session?.environment.dockerImage,
    Container: session?.runs[0]?.containerName,
    Log: session?.logFile,
  });
  await desk.types('/exit');
  await activity.getByText(/^Completed/).waitFor(WITHIN);
  await page.getByRole('group', { name: 'Terminal of the session' }).waitFor({ state: 'detached' });
});

it('the page shows a leader above its child session, and both can be opened while they work', async () => {
  const workspace = await tempFolder();
  const { docker } = casting({
    Lead: [bash('orchestrate create --task-id helper Child'), bash('orchestrate wait'), { text: 'All is done.' }],
    Child: [UNTIL_GO, { text: 'I have helped.' }],
  });
  const { manager, page, start, activity } = await pageOn({ docker }, workspace);
  const id = await start('orchestration', 'leader', 'Lead');
  await page.getByRole('link', { name: 'Board' }).click();
  const card = sessionOnBoard(page, id).first();
  await card.getByText('waits for its children').waitFor(WITHIN);
  const members = card.getByRole('list', { name: 'Sessions below this one' }).getByRole('listitem');
  await members.filter({ hasText: 'helper' }).getByText('running', { exact: true }).waitFor(WITHIN);
  expect(await members.count()).toBe(1);
  expect(await page.getByText('Needs you').count()).toBe(0);

  await members.getByRole('link', { name: 'helper' }).click();
  await page.getByRole('heading', { level: 1, name: 'helper' }).waitFor();
  await activity.getByRole('listitem').filter({ hasText: 'until [' }).getByText('running').waitFor(WITHIN);
  await go(workspace);
  await activity.getByText('Completed I have helped.', { exact: true }).waitFor(WITHIN);

  await page.getByRole('link', { name: 'leader', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'leader' }).waitFor();
  await activity.getByText('Completed All is done.', { exact: true }).waitFor(WITHIN);
  const below = page.getByRole('region', { name: 'Sessions below this one' }).getByRole('listitem');
  expect((await below.innerText()).split(/\s*\n\s*/).filter(Boolean)).toEqual([
    'helper',
    expect.stringContaining('completed'),
    expect.stringMatching(/^\$0\.\d+$/),
  ]);
  expect(manager.list({ parentId: id })).toMatchObject([{ taskId: 'helper', result: { text: 'I have helped.' } }]);
});

const PLAN = '# Plan\n\n1. Say "hello" to {name} & \'others\' — $HOME\n2. Done: 漢字 🙂';

it('a plan is shown on the page, and a session that is started from there receives it unchanged', async () => {
  const workspace = await tempFolder();
  const { docker } = casting({
    'How do we': [{ text: PLAN }],
    '# Plan': [bash('touch /workspace/done'), { prompt: 'sha256' }],
  });
  const { page, start, activity } = await pageOn({ docker }, workspace);
  await start('planning', 'plan', 'How do we say hello?');
  const plan = page.getByRole('region', { name: 'Plan' });
  await plan.waitFor(WITHIN);
  expect(await plan.locator('pre').innerText()).toBe(PLAN);
  await plan.getByRole('button', { name: 'Carry it out …' }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('link', { name: 'plan', exact: true }).waitFor();
  const hash = createHash('sha256').update(PLAN).digest('hex');
  await activity.getByText(`Completed SHA256: ${hash}`, { exact: true }).waitFor(WITHIN);
  expect(existsSync(join(workspace, 'done'))).toBe(true);
});

it('the page shows the worktree and the changes of a session on its own branch', async () => {
  const cwd = await repository();
  const commit = 'git -c user.name=Claude -c user.email=claude@example.invalid commit -qm Work';
  const { docker } = scripted(bash(`seq 3 > file; git add file; ${commit}; touch loose`), { text: 'Done.' });
  // The repository belongs to root, so the agent runs as root, too.
  const { manager, page, start } = await pageOn({ docker: { ...docker, user: '0:0' } }, cwd);
  const id = await start('worktree', 'branching', 'Work', () => page.getByLabel('Branch (optional)').fill('fix/it'));
  await page.getByRole('region', { name: 'Changes' }).waitFor(WITHIN);
  const { worktree, base = '' } = manager.get(id)?.environment ?? {};
  expect(existsSync(join(worktree ?? '', 'loose'))).toBe(true);
  expect(await factsUnder(page, 'Changes')).toEqual({
    Branch: 'fix/it',
    Since: base.slice(0, 12),
    Commits: '1',
    Files: '1',
    Lines: '+3 −0',
    Uncommitted: '1 file',
  });
  expect(await factsUnder(page, 'Where')).toMatchObject({ Workspace: cwd, Worktree: worktree, Branch: 'fix/it' });
  await page.getByRole('link', { name: 'Board' }).click();
  await sessionOnBoard(page, id).getByText('1 commit, +3 −0, 1 uncommitted').waitFor();
});
