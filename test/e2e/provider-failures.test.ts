import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bash, endedGone, type ModelTurn, RELEASES, tempFolder, testManager } from './support.js';

const ANSWERS: ModelTurn[] = [{ history: true }, { history: true }, { history: true }];

/** A workspace whose file is the model's script. A later run can find another script there. */
async function scriptedWorkspace(...turns: ModelTurn[]) {
  const cwd = await tempFolder();
  const write = (script: ModelTurn[]): Promise<void> => writeFile(join(cwd, 'script.json'), JSON.stringify(script));
  await write(turns);
  return { cwd, write, env: { MODEL_SCRIPT_FILE: '/workspace/script.json', CLAUDE_CODE_MAX_RETRIES: '1' } };
}

it('a session goes on with its conversation when the provider has failed, in both releases', async () => {
  const cases = RELEASES.map(async ({ image }) => {
    const { manager } = await testManager({ retry: { initialMs: 3_600_000, maxMs: 3_600_000 } });
    const first = bash('echo ran >> ran.txt');
    const error = { status: 500, type: 'api_error', message: 'Internal server error' };
    const { cwd, write, env } = await scriptedWorkspace(first, { error });
    const { id } = await manager.create({ prompt: 'Go', cwd, docker: { image, env } });
    const waiting = await manager.waitFor(id, { status: 'paused' });
    expect(waiting).toMatchObject({
      pausedFor: 'retry',
      runs: [{ failure: { reason: 'provider_error', attempt: 1 } }],
    });
    expect(manager.queueStatus().running).toBe(0);

    await write([first, ...ANSWERS]);
    await manager.resume(id);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', runs: [{ exitCode: 1 }, { exitCode: 0 }] });
    expect(ended.result?.text).toContain(
      'Continue from where you left off. The last run was interrupted by a failure.',
    );
    expect(await readFile(join(cwd, 'ran.txt'), 'utf8')).toBe('ran\n');
  });
  await Promise.all(cases);
});

it('a refused login ends the run at its first refusal and holds the queue, in both releases', async () => {
  const cases = RELEASES.map(async ({ image }) => {
    const { manager } = await testManager({ maxConcurrent: 1 });
    const { cwd, write, env } = await scriptedWorkspace({
      error: { status: 401, type: 'authentication_error', message: 'OAuth token has expired' },
    });
    const docker = { image, env: { ...env, CLAUDE_CODE_MAX_RETRIES: '10' } };
    const { id } = await manager.create({ prompt: 'Go', cwd, docker });
    const next = await manager.create({ prompt: 'Go', cwd, docker });
    const failed = await manager.waitFor(id);
    expect(failed).toMatchObject({ status: 'failed', result: { reason: 'auth' } });
    // Claude Code would try ten times in three minutes. The container gets a moment to end.
    expect(failed.metadata.errors.filter(({ code }) => code === 'auth').length).toBeLessThanOrEqual(3);
    expect(manager.get(next.id)?.status).toBe('queued');
    await endedGone(manager);
    expect(manager.queueStatus()).toMatchObject({ running: 0, held: { reason: 'auth', sessionId: id } });

    await write(ANSWERS);
    await manager.releaseQueue();
    await manager.continue(id, 'The login works again');
    const ended = await Promise.all([manager.waitFor(id), manager.waitFor(next.id)]);
    expect(ended).toMatchObject([{ status: 'completed', runs: [{}, { exitCode: 0 }] }, { status: 'completed' }]);
    expect(ended[0].result?.text).toContain('The login works again');
  });
  await Promise.all(cases);
});
