import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bash, containersGone, type ModelTurn, scripted, tempFolder, testManager } from './support.js';

const big = (turn: ModelTurn, usage: object): ModelTurn => ({ ...turn, usage });

describe('limits of a session', () => {
  it.each([
    ['durationMs', { durationMs: 1_500 }, [bash('sleep 60')], 'timeout'],
    ['idleMs', { idleMs: 700 }, [{ text: 'Late.', delayMs: 60_000 }], 'idle'],
    [
      'tokens, from the input that is known when a message begins',
      { tokens: 100_000 },
      [
        big(bash('echo one'), { input_tokens: 60_000, output_tokens: 1 }),
        big(bash('sleep 60'), { input_tokens: 60_000, output_tokens: 1 }),
      ],
      'max_tokens',
    ],
    [
      'tokens, from the output that the transcript has when a message has ended',
      { tokens: 25_000 },
      [big(bash('echo one'), { input_tokens: 10, output_tokens: 30_000 }), bash('sleep 60')],
      'max_tokens',
    ],
    [
      'costUsd',
      { costUsd: 0.3 },
      [big(bash('echo one'), { input_tokens: 10, output_tokens: 30_000 }), bash('echo two'), bash('sleep 60')],
      'max_cost',
    ],
  ] as const)('a limit ends the run with its reason and leaves no container: %s', async (_, limits, turns, reason) => {
    const { manager } = await testManager();
    const session = await manager.create({ ...scripted(...turns), prompt: 'Go', cwd: await tempFolder(), limits });
    const ended = await manager.waitFor(session.id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason } });
    await containersGone(session);
    if (reason !== 'max_cost' && reason !== 'max_tokens') return;
    await expect(manager.continue(session.id, 'More')).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
  });

  it('maxTurns ends the run with its reason', async () => {
    const { manager } = await testManager();
    const turns = [bash('echo 1'), bash('echo 2'), bash('echo 3')];
    const { id } = await manager.create({ ...scripted(...turns), prompt: 'Go', cwd: await tempFolder(), maxTurns: 2 });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'max_turns' } });
  });

  it('idleMs does not end a tool call that is within its declared timeout', async () => {
    const { manager } = await testManager();
    const turns = [{ tool: 'Bash', input: { command: 'sleep 17', timeout: 30_000 } }, { text: 'Done.' }];
    const limits = { idleMs: 15_000 };
    const { id } = await manager.create({ ...scripted(...turns), prompt: 'Go', cwd: await tempFolder(), limits });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  });
});

it("a session that reaches the provider's usage limit waits and continues by itself", async () => {
  const { manager, events } = await testManager({ policy: { dangerous: 'allow' } });
  const cwd = await tempFolder();
  const script = join(cwd, 'script.json');
  // The event that only subscriptions get; with an API key, as here, the answer of the model is the only sign.
  const event = JSON.stringify({ type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: 0 } });
  const put = `date +%s > now; echo '${event}' | sed "s/:0}/:$(($(cat now) + 10))}/" > /proc/1/fd/1`;
  const first = { tool: 'Bash', input: { command: put } };
  const limit = {
    error: {
      status: 429,
      type: 'rate_limit_error',
      message: 'You have reached your limit',
      headers: { 'x-should-retry': 'false' },
    },
  };
  await writeFile(script, JSON.stringify([first, limit]));
  const env = { MODEL_SCRIPT_FILE: '/workspace/script.json', CLAUDE_CODE_MAX_RETRIES: '0' };

  const { id } = await manager.create({ prompt: 'Go', cwd, docker: { env } });
  const waiting = await manager.waitFor(id, { status: 'paused' });
  await writeFile(script, JSON.stringify([first, { history: true }, { history: true }, { history: true }]));
  const resetsAt = Number(await readFile(join(cwd, 'now'), 'utf8')) + 10;
  expect(waiting.resumeAt).toBe(resetsAt * 1000 + 5_000);
  expect(waiting.result).toBeUndefined();
  expect(manager.queueStatus().running).toBe(0);

  const ended = await manager.waitFor(id);
  expect(ended).toMatchObject({ status: 'completed', runs: [{ exitCode: 1 }, { exitCode: 0 }] });
  expect(ended.result?.text).toContain('Go');
  expect(ended.resumeAt).toBeUndefined();
  expect(events).toContainEqual(expect.objectContaining({ type: 'session:paused', resumeAt: waiting.resumeAt }));
});
