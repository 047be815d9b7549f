import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionResult } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { everyMode } from '../support/simulate.js';
import { factsUnder, openPage, serveSimulation, sessionOnBoard } from './support.js';

const ATTACKS = [
  '<script>window.hit = true</script>',
  '<img src=x onerror="window.hit = true">',
  '"><svg onload=window.hit=true>',
  "'-window.hit=true-'",
  'javascript:window.hit=true',
  '{{constructor.constructor("window.hit=true")()}}',
  '[a](javascript:window.hit=true) ![x](http://127.0.0.1:9/x.png)',
  '</pre></details><iframe srcdoc="<script>parent.hit=true</script>">',
];

it('texts of agents and names are shown as text everywhere', async () => {
  const { manager, server } = await serveSimulation(
    () =>
      scriptedRun([
        ...ATTACKS.map((text) => ({ text })),
        ...ATTACKS.map((text) => ({ tool: text, input: { command: text, [text]: text }, output: text, isError: true })),
        { tool: 'Bash', input: { command: `git push # ${ATTACKS.join(' ')}` } },
        { text: ATTACKS.join('\n') },
      ]),
    { policy: { rules: [{ tool: 'Bash', decision: 'ask', reason: 'asked' }], dangerous: 'allow' }, maxConcurrent: 20 },
  );
  const branches = ['x\'"><svg/onload=window.hit=true>', '<img/src=x/onerror=window.hit=true>'];
  const sessions = [];
  for (const [index, taskId] of ATTACKS.entries()) {
    const worktree = branches[index];
    sessions.push(await manager.create({ prompt: 'x', taskId, parentId: taskId, ...(worktree && { worktree }) }));
  }
  const requests: string[] = [];
  const page = await openPage(server);
  page.on('request', (request) => requests.push(request.url()));
  await Promise.all(sessions.map(({ id }) => manager.waitFor(id, { status: 'waiting_feedback' })));

  for (const [index, branch] of branches.entries()) {
    const card = sessionOnBoard(page, sessions[index]?.id ?? '').first();
    await card.locator('.branch').getByText(branch, { exact: true }).waitFor();
  }
  for (const [index, { id, taskId = '' }] of sessions.entries()) {
    await page.goto(`${server.url}/#/sessions/${id}`);
    const activity = page.getByRole('region', { name: 'Activity of the session' });
    await page.getByRole('heading', { level: 1, name: taskId }).waitFor();
    expect((await factsUnder(page, 'Where')).Branch).toBe(branches[index]);
    await activity.locator('summary').first().waitFor();
    // All at once, because an opened one moves others out of sight.
    await activity.locator('summary').evaluateAll((summaries) => {
      for (const summary of summaries) (summary as HTMLElement).click();
    });
    await activity.locator('details[open] .input').first().waitFor();
    await manager.cancel(id);
  }
  await page.goto(`${server.url}/#/`);
  for (const [index, branch] of branches.entries()) {
    const row = sessionOnBoard(page, sessions[index]?.id ?? '').last();
    await row.getByText('cancelled', { exact: true }).waitFor();
    await row.locator('.branch').getByText(branch, { exact: true }).waitFor();
  }
  await page.goto(`${server.url}/#/timeline`);
  await page
    .getByText(ATTACKS[0] ?? '')
    .first()
    .waitFor();
  await page.keyboard.press('Control+k');
  await page.keyboard.type('<img');
  await page.getByRole('dialog').getByRole('option').first().waitFor();

  expect(await page.evaluate(() => 'hit' in window)).toBe(false);
  expect(await page.locator('script:not([src]), iframe, img, svg, a[href^="javascript"]').count()).toBe(0);
  expect(requests.filter((url) => !url.startsWith(server.url))).toEqual([]);
});

/** Sessions with attacks in every text: their places, messages, plan and changes. */
class HostileExecutor extends SimulatedExecutor {
  constructor() {
    super(({ hooks, spec }) => ({ steps: words(textOf(spec), spec.mode === 'interactive' ? hooks : undefined) }));
  }

  override async launch(request: RunRequest) {
    const { spec } = request;
    const [text, worktree] = [textOf(spec), worktreeOf(spec)];
    await mkdir(worktree, { recursive: true }); // The manager looks at this folder.
    const environment = { docker: true, dockerImage: text, branch: text, base: text, worktree };
    const attachCommand = text;
    const onPlaced: RunRequest['onPlaced'] = (placement) =>
      request.onPlaced({
        ...placement,
        containerName: text,
        environment,
        ...(spec.mode === 'interactive' && { attachCommand }),
      });
    const handle = await super.launch({ ...request, onPlaced });
    return spec.mode === 'interactive' ? { ...handle, transcript: { copy: { conversationId: CONVERSATION } } } : handle;
  }

  override async finalResult({ spec }: EndedRun): Promise<Partial<SessionResult>> {
    const text = textOf(spec);
    const changes = { branch: text, base: text, commits: 1, files: 1, insertions: 1, deletions: 1, uncommitted: 1 };
    return { planFile: text, changes };
  }
}

const CONVERSATION = '00000000-0000-4000-8000-000000000000';

type RunRequest = Parameters<SimulatedExecutor['launch']>[0];
type EndedRun = Parameters<SimulatedExecutor['finalResult']>[0];

function textOf({ prompt }: RunRequest['spec']): string {
  return 'text' in prompt ? prompt.text : '';
}

function worktreeOf(spec: RunRequest['spec']): string {
  return join(spec.cwd, textOf(spec));
}

/** With hooks, it ends its turn as in the transcript of Claude Code, and waits forever for a person. */
async function* words(text: string, hooks: RunRequest['hooks'] | undefined): AsyncGenerator<SimulatedStep> {
  if (!hooks) {
    yield* scriptedRun([{ text }]).steps;
    return;
  }
  yield { line: { type: 'user', sessionId: CONVERSATION, message: { role: 'user', content: text } } };
  await hooks.afterTurn();
  await new Promise(() => {});
}

it('texts of sessions in other modes are shown as text everywhere', async () => {
  const executors = everyMode(new HostileExecutor());
  const {
    manager,
    server,
    workspace: cwd,
  } = await serveSimulation(() => scriptedRun([]), {
    executors,
    maxConcurrent: 50,
  });
  const page = await openPage(server);
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  for (const prompt of ATTACKS) {
    const { id: terminal } = await manager.create({ prompt, mode: 'interactive', cwd });
    const { id: plan } = await manager.create({ prompt, mode: 'planning', parentId: terminal, cwd });
    await manager.waitFor(terminal, { status: 'waiting_feedback' });
    await manager.waitFor(plan);
    await page.goto(`${server.url}/#/`);
    await page.getByRole('group', { name: 'Terminal of the session' }).getByText(prompt).waitFor();
    await sessionOnBoard(page, terminal).first().locator('.branch').getByText(prompt, { exact: true }).waitFor();
    await page.goto(`${server.url}/#/sessions/${terminal}`);
    const activity = page.getByRole('region', { name: 'Activity of the session' });
    await activity.locator('.person').getByText(prompt).waitFor();
    expect(await factsUnder(page, 'Where')).toMatchObject({
      Worktree: join(cwd, prompt),
      Branch: prompt,
      Base: prompt,
      Image: prompt,
      Container: prompt,
    });
    await page.goto(`${server.url}/#/sessions/${plan}`);
    await page.getByRole('region', { name: 'Plan' }).getByText(prompt).waitFor();
    await page.getByRole('region', { name: 'Changes' }).getByText(prompt).waitFor();
    await page.getByRole('button', { name: 'Carry it out …' }).click();
    expect(await page.getByLabel('What should it do?').inputValue()).toBe(prompt);
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => 'hit' in window)).toBe(false);
    expect(await page.locator('script:not([src]), iframe, img, svg, a[href^="javascript"]').count()).toBe(0);
    await manager.cancel(terminal);
  }
  expect(requests.filter((url) => !url.startsWith(server.url))).toEqual([]);
});

it('characters that are invisible or change the text direction are shown as code points', async () => {
  const { manager, server } = await serveSimulation(
    () => scriptedRun([{ tool: 'Bash', input: { command: 'echo safe \u202e# fr- mr\u202c\u200b\u001b[8m; rm x' } }]),
    { policy: { rules: [{ tool: 'Bash', decision: 'ask' }] } },
  );
  await manager.create({ prompt: 'x' });
  const page = await openPage(server);
  const command = await page.getByRole('group', { name: 'Approval of Bash' }).locator('pre').innerText();
  expect(command).toBe('echo safe ⟨U+202E⟩# fr- mr⟨U+202C⟩⟨U+200B⟩⟨U+001B⟩[8m; rm x');
});

it('the content security policy allows only the scripts of the page itself', async () => {
  const { server } = await serveSimulation(() => scriptedRun([]));
  const policy = (await fetch(server.url)).headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "script-src 'self'", "require-trusted-types-for 'script'"]) {
    expect(policy).toContain(part);
  }
});
