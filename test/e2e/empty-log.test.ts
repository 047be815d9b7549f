import { describe, expect, it, onTestFinished } from 'vitest';
import { docker, engine, scripted, tempFolder, testManager } from './support.js';

/** An image that is another one with changed settings. It is removed after the test. */
async function changed(image: string, name: string, ...changes: string[]): Promise<string> {
  const container = await docker('create', image);
  const tag = `autonomous-orchestration-test:${name}-${container.slice(0, 12)}`;
  await docker('commit', ...changes.flatMap((change) => ['--change', change]), container, tag);
  await docker('rm', container);
  onTestFinished(() => docker('rmi', '--force', tag).then(() => {}));
  return tag;
}

describe('a session whose log stays empty although its container exits with 0', () => {
  it.each([
    [
      'its entrypoint does not execute its arguments',
      async () => ({ image: await changed(engine.quickImage, 'deaf', 'ENTRYPOINT ["true"]') }),
    ],
    ['its claude prints nothing', async () => ({ image: engine.quickImage, env: { QUICK_SCRIPT: 'true' } })],
  ])('a session fails as incomplete with the likely causes if %s', async (_, options) => {
    const { manager } = await testManager();
    const given = await options();
    const { id } = await manager.create({
      prompt: 'Go',
      cwd: await tempFolder(),
      docker: given,
    });
    const { status, result } = await manager.waitFor(id);
    expect({ status, ...result }).toEqual({
      status: 'failed',
      reason: 'incomplete',
      exitCode: 0,
      error: expect.stringContaining(`the entrypoint of the image '${given.image}' does not execute its arguments`),
    });
  });

  it.each([
    ['an image that does not know the user', async () => engine.image],
    ['an image that sets HOME to a folder', () => changed(engine.image, 'home', 'ENV HOME=/tmp')],
  ])('a session of a user without a home folder completes in %s', async (_, imageOf) => {
    const { manager } = await testManager();
    const docker = { image: await imageOf(), user: '4321:4321', ...scripted({ text: 'Done.' }).docker };
    const { id } = await manager.create({ prompt: 'Go', cwd: await tempFolder(4321), docker });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  });
});
