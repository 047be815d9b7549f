import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  bash,
  engine,
  type ModelTurn,
  nextEvent,
  RELEASES,
  scripted,
  steerHeld,
  tempFolder,
  testManager,
  UNTIL_RELEASED,
} from './support.js';

/** A session that logs the requests to its model, so that a test can check what the model received. */
async function recordedOn(image: string, ...turns: ModelTurn[]) {
  const cwd = await tempFolder();
  const { docker } = scripted(...turns);
  const options = {
    prompt: 'Go',
    cwd,
    docker: { image, env: { ...docker.env, MODEL_REQUEST_LOG: '/workspace/requests.jsonl' } },
  };
  const requests = async (): Promise<string> => readFile(join(cwd, 'requests.jsonl'), 'utf8');
  return { cwd, options, requests };
}

describe.each(RELEASES)('the guard and steering, with Claude Code $version', ({ image }) => {
  const recorded = (...turns: ModelTurn[]) => recordedOn(image, ...turns);

  it('a denied command does not delete its file, and the model receives the reason', async () => {
    const { manager, events } = await testManager();
    const { cwd, options, requests } = await recorded(bash('rm -rf /workspace/src'), { text: 'I let it be.' });
    await writeFile(join(cwd, 'src'), 'precious');

    const { id } = await manager.create(options);
    const ended = await manager.waitFor(id);

    expect(ended).toMatchObject({ status: 'completed', result: { text: 'I let it be.' } });
    expect(await readFile(join(cwd, 'src'), 'utf8')).toBe('precious');
    expect(ended.metadata.toolsUsed).toMatchObject([
      { name: 'Bash', outcome: 'denied', danger: { level: 'critical' } },
    ]);
    expect(ended.metadata.dangers).toMatchObject([{ tool: 'Bash', level: 'critical' }]);
    const denied = events.find(({ type }) => type === 'session:denied');
    expect(denied).toMatchObject({
      denial: { tool: 'Bash', by: 'policy', input: { command: 'rm -rf /workspace/src' } },
    });
    const reason = denied?.type === 'session:denied' ? denied.denial.reason : '';
    expect(reason).toContain('Denied by policy: ');
    // Some releases put their own words around the reason.
    expect(await requests()).toContain(JSON.stringify(reason).slice(1, -1));
  });

  it('an approved command runs, a denied one does not, and each question is in the record until answered', async () => {
    const { manager, events } = await testManager({ policy: { rules: [{ tool: 'Bash', decision: 'ask' }] } });
    const { cwd, options, requests } = await recorded(bash('touch first'), bash('touch second'), { text: 'Done.' });

    const { id } = await manager.create(options);
    const asked = await manager.waitFor(id, { status: 'waiting_feedback' });
    expect(asked.pendingApproval).toMatchObject({ tool: 'Bash', input: { command: 'touch first' } });
    expect(existsSync(join(cwd, 'first'))).toBe(false);
    const approved = await manager.approve(id, asked.pendingApproval?.requestId ?? '', 'fine');
    expect(approved.status).toBe('running');
    expect(approved.pendingApproval).toBeUndefined();

    const again = await manager.waitFor(id, { status: 'waiting_feedback' });
    expect(again.pendingApproval).toMatchObject({ input: { command: 'touch second' } });
    await manager.deny(id, again.pendingApproval?.requestId ?? '', 'Not that one');

    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed' });
    expect(ended.metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'denied']);
    expect([existsSync(join(cwd, 'first')), existsSync(join(cwd, 'second'))]).toEqual([true, false]);
    expect(await requests()).toContain('Denied by the user: Not that one');
    const approvals = events.flatMap((event) => (event.type === 'session:approval' ? [event] : []));
    expect(approvals).toMatchObject([
      { state: 'asked' },
      { state: 'approved', by: 'person', note: 'fine' },
      { state: 'asked' },
      { state: 'denied', by: 'person', note: 'Not that one' },
    ]);
  });

  it('a call without a decision is denied when its approval time is over', async () => {
    const policy = { rules: [{ tool: 'Bash', decision: 'ask' as const }], approvalTimeoutMs: 300 };
    const { manager, events } = await testManager({ policy });
    const { cwd, options } = await recorded(bash('touch it'), { text: 'Done.' });
    const { id } = await manager.create(options);
    const ended = await manager.waitFor(id);
    expect(ended.metadata.toolsUsed).toMatchObject([{ outcome: 'denied' }]);
    expect(existsSync(join(cwd, 'it'))).toBe(false);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'session:approval', state: 'denied', by: 'timeout' }),
    );
  });

  it('parallel calls wait together, the oldest first, and can be answered in any order', async () => {
    const { manager } = await testManager({ policy: { rules: [{ tool: 'Read', decision: 'ask' }] } });
    const names = ['one', 'two', 'three'];
    const calls = names.map((name) => ({ name: 'Read', input: { file_path: `/workspace/${name}` } }));
    const { cwd, options, requests } = await recorded({ tools: calls }, { text: 'Done.' });
    for (const name of names) await writeFile(join(cwd, name), `content of ${name}`);

    const { id } = await manager.create(options);
    await nextEvent(manager, ({ type }) => type === 'session:started');
    while ((manager.get(id)?.pendingApprovals ?? []).length < names.length) {
      await nextEvent(manager, ({ type }) => type === 'session:approval');
    }
    const waiting = manager.get(id)?.pendingApprovals ?? [];
    expect(manager.get(id)?.pendingApproval).toBe(waiting[0]);
    const denied = String((waiting[1]?.input as { file_path?: string } | undefined)?.file_path).replace(
      '/workspace/',
      '',
    );
    await manager.deny(id, waiting[1]?.requestId ?? '');
    await manager.approve(id, waiting[2]?.requestId ?? '');
    await manager.approve(id, waiting[0]?.requestId ?? '');
    await expect(manager.approve(id, waiting[0]?.requestId ?? '')).rejects.toMatchObject({ code: 'REQUEST_NOT_FOUND' });

    const ended = await manager.waitFor(id);
    expect(ended.metadata.toolsUsed.map((tool) => tool.outcome).sort()).toEqual(['denied', 'ok', 'ok']);
    const heard = await requests();
    expect(names.filter((name) => !heard.includes(`content of ${name}`))).toEqual([denied]);
  });

  it('cancel() denies a waiting call, and the call does not run', async () => {
    const { manager, events } = await testManager({ policy: { rules: [{ tool: 'Bash', decision: 'ask' }] } });
    const { cwd, options } = await recorded(bash('touch it'), { text: 'Done.' });
    const { id } = await manager.create(options);
    await manager.waitFor(id, { status: 'waiting_feedback' });
    const cancelled = await manager.cancel(id);
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect(cancelled.pendingApproval).toBeUndefined();
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:approval', state: 'denied', by: 'end' }));
    expect(existsSync(join(cwd, 'it'))).toBe(false);
  });

  it('steered messages reach the agent once, in order, and before its next step', async () => {
    const { manager, events } = await testManager();
    const { options, requests } = await recorded(bash(`${UNTIL_RELEASED}; echo one`), bash('echo two'), {
      text: 'Done.',
    });
    const { id } = await manager.create(options);
    await nextEvent(manager, ({ type }) => type === 'session:tool');
    const long = `STEER-B: ${'and hurry '.repeat(790)}to the END-OF-B`;
    await steerHeld(manager, id, 'STEER-A: use pnpm', long);
    expect(manager.get(id)?.status).toBe('running');
    await manager.waitFor(id);
    const steered = events.flatMap((event) => (event.type === 'session:steered' ? [event.message] : []));
    expect(steered).toEqual(['STEER-A: use pnpm', long]);
    const last = (await requests()).trimEnd().split('\n').at(-1) ?? '';
    expect(last.match(/STEER-A/g)).toHaveLength(1);
    expect(last.indexOf('STEER-A')).toBeLessThan(last.indexOf('STEER-B'));
    expect(last.indexOf('END-OF-B')).toBeGreaterThan(last.indexOf('STEER-B'));
    expect(last.indexOf('END-OF-B')).toBeLessThan(last.indexOf('echo two'));
  });

  it('a message that is steered just before the end gives the agent another turn', async () => {
    const { manager } = await testManager();
    const { options, requests } = await recorded({ text: 'Finished.', delayMs: 3_000 }, { text: 'And now the rest.' });
    const { id } = await manager.create(options);
    // The model has its prompt, and thinks about its last answer.
    await expect.poll(requests, { interval: 20 }).toContain('/v1/messages');
    await manager.steer(id, 'One more thing');
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { text: 'And now the rest.' } });
    expect((await requests()).trimEnd().split('\n').at(-1)).toContain('One more thing');
  });
});

it('an approved call runs even if Claude Code changes its input before the hook asks', async () => {
  const { manager } = await testManager({ policy: { rules: [{ tool: '*', decision: 'ask' }] } });
  manager.on('session:approval', ({ sessionId, state, request }) => {
    if (state === 'asked') void manager.approve(sessionId, request.requestId);
  });
  const { cwd, options } = await recordedOn(
    engine.image,
    // Fields in another order than the schema's, numbers as text, paths that are not absolute, an old name for a tool.
    { tool: 'TodoWrite', input: { todos: [{ activeForm: 'x', status: 'pending', content: 'x' }] } },
    { tool: 'Read', input: { file_path: '/workspace/../workspace//note.md', limit: '5', offset: '1' } },
    { tool: 'Edit', input: { file_path: 'note.md', old_string: 'one', new_string: 'two' } },
    { tool: 'Write', input: { file_path: './new.md', content: 'with blanks   \n' } },
    { tool: 'Grep', input: { pattern: 'two', path: 'note.md', '-n': 'true', head_limit: '3' } },
    {
      tool: 'Task',
      input: { description: 'Look', prompt: 'Look closely', subagent_type: 'general-purpose' },
      script: [bash('ls'), { text: 'Looked.' }],
    },
    { tool: 'Bash', input: { command: 'cat note.md', timeout: '5000' } },
    { text: 'All of it.' },
  );
  await writeFile(join(cwd, 'note.md'), 'one\n');
  await chmod(join(cwd, 'note.md'), 0o666);

  const { id } = await manager.create(options);
  const ended = await manager.waitFor(id);

  expect(ended.result).toMatchObject({ reason: 'success', text: 'All of it.' });
  expect(ended.metadata.toolsUsed.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
    'TodoWrite ok',
    'Read ok',
    'Edit ok',
    'Write ok',
    'Grep ok',
    'Task ok',
    'Bash ok',
    'Bash ok',
  ]);
  expect(await readFile(join(cwd, 'note.md'), 'utf8')).toBe('two\n');
});

it('a rule for the old name of a tool also applies to its current name', async () => {
  const { manager } = await testManager({ policy: { rules: [{ tool: 'Task', decision: 'deny', reason: 'Alone.' }] } });
  const input = { description: 'Look', prompt: 'Look here', subagent_type: 'general-purpose' };
  const { options } = await recordedOn(
    engine.image,
    { tool: 'Agent', input, script: [bash('ls')] },
    { text: 'Alone, then.' },
  );
  const { id } = await manager.create(options);
  const ended = await manager.waitFor(id);
  expect(ended.result).toMatchObject({ reason: 'success', text: 'Alone, then.' });
  expect(ended.metadata.toolsUsed).toMatchObject([{ name: 'Agent', outcome: 'denied' }]);
});
