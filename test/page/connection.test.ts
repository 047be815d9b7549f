import { UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { deferred } from '../../src/core/orchestration/util/deferred.js';
import { tempFolder } from '../support/temp-folder.js';
import { openPage, serveManager } from './support.js';

/** An agent whose messages the test gives, one after another. */
function talker() {
  let more = deferred<string>();
  async function* steps(): AsyncGenerator<SimulatedStep> {
    const { steps } = scriptedRun([]);
    for await (const step of steps) {
      yield step;
      break; // Only the first step, which starts the conversation.
    }
    for (let number = 0; ; number++) {
      const text = await more.promise;
      more = deferred();
      const content = [{ type: 'text', text }];
      yield { line: { type: 'assistant', message: { id: `msg_${number}`, model: 'simulated', content } } };
    }
  }
  return {
    executor: new SimulatedExecutor(() => ({ steps: steps() })),
    say: (text: string) => more.resolve(text),
  };
}

async function talkingServer() {
  const { executor, say } = talker();
  const manager = new UnifiedSessionManager({ stateDir: tempFolder(), executors: { autonomous: executor } });
  const served = await serveManager(manager, tempFolder());
  const { id } = await manager.create({ prompt: 'x' });
  return { ...served, id, say };
}

it('the page of a session shows the same after a reload', async () => {
  const { server, id, say } = await talkingServer();
  const page = await openPage(server);
  await page.getByRole('link', { name: id }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  await activity.getByText('Run 1 started').waitFor();
  say('before the reload');
  await activity.getByText('before the reload').waitFor();
  const before = await activity.innerText();
  await page.reload();
  await activity.getByText('before the reload').waitFor();
  expect(await activity.innerText()).toBe(before);
});

it('a lost connection is shown, and no event is missed or shown twice after it', async () => {
  const { manager, server, workspace, id, say } = await talkingServer();
  const port = Number(new URL(server.url).port);
  const page = await openPage(server);
  await page.getByRole('link', { name: id }).click();
  const activity = page.getByRole('region', { name: 'Activity of the session' });
  say('before');
  await activity.getByText('before').waitFor();

  await page.context().setOffline(true);
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  await page.getByText('connection lost').waitFor();
  const heard = manager
    .waitFor(id, { status: 'running' })
    .then(() => new Promise((resolve) => manager.once('session:message', resolve)));
  say('meanwhile');
  await heard;
  await page.context().setOffline(false);
  await activity.getByText('meanwhile').waitFor();
  await page.getByText('live', { exact: true }).waitFor();
  expect(await activity.getByText('meanwhile').count()).toBe(1);

  // A new server at the same address does not know the events of the first server: the page reads everything again.
  await server.close();
  await page.getByText('connection lost').waitFor();
  await serveManager(manager, workspace, { port });
  await page.getByText('live', { exact: true }).waitFor();
  say('after');
  await activity.getByText('after', { exact: true }).waitFor();
  expect(await activity.getByText('after', { exact: true }).count()).toBe(1);
  expect(await activity.getByText('meanwhile').count()).toBe(1);
});
