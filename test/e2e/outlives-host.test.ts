import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { killedWhen } from './hosts.js';
import { bash, docker, scripted, stateFolder, tempFolder } from './support.js';

it('a session continues when its process is killed, and its log is complete', async () => {
  const stateDir = await stateFolder();
  const cwd = await tempFolder();
  const script = scripted(bash('sleep 2; echo still here > proof.txt'), { text: 'Nobody watched.' });
  const id = await killedWhen('session:tool', {
    stateDir,
    session: { ...script, prompt: 'Go on', cwd },
    // By default an agent waits for its process before its next tool call.
    manager: { policy: { onHostLost: 'allow' } },
  });
  expect(await docker('wait', `ao-${id}-1`)).toBe('0');

  expect(await readFile(join(cwd, 'proof.txt'), 'utf8')).toBe('still here\n');
  await expect
    .poll(() => readFile(join(stateDir, 'sessions', id, 'stream.log'), 'utf8'))
    .toContain('"result":"Nobody watched."');
  await docker('rm', `ao-${id}-1`);
});
