import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PrivateEngine } from './private-engine.js';
import { engine, quick, tempFolder, testManager } from './support.js';

it('an engine that maps users works for owners that it maps, and refuses others with their numbers', async () => {
  const own = await PrivateEngine.start({ remapsUsers: true });
  process.env.DOCKER_HOST = own.host;
  onTestFinished(async () => {
    process.env.DOCKER_HOST = engine.host;
    await own.remove();
  });
  const { manager } = await testManager();
  const script = 'id -u > /workspace/uid; echo $HOME > $HOME/.claude/projects/home; init; result';

  const run = async (owner: number): Promise<string> => {
    const cwd = await tempFolder(owner);
    const { id } = await manager.create({ ...quick(script), prompt: 'Go', cwd });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
    expect((await stat(join(cwd, 'uid'))).uid).toBe(owner);
    return (await manager.continue(id, 'Go on').then(() => manager.waitFor(id))).status;
  };
  // The image's own user, a user that it does not know, and root of the container.
  expect(await Promise.all([101_000, 101_234, 100_000].map(run))).toEqual(['completed', 'completed', 'completed']);

  const refused = manager.create({ ...quick(script), prompt: 'Go', cwd: await tempFolder(1234) });
  await expect(refused).rejects.toMatchObject({
    code: 'WORKSPACE_NOT_WRITABLE',
    message: expect.stringMatching(/1234:1234 of the machine has no number .*chown 100000:100000/),
  });
});
