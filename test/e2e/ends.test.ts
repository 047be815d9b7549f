import { expect, it, onTestFinished } from 'vitest';
import {
  bash,
  containersGone,
  containersOf,
  docker,
  engine,
  type ModelTurn,
  RELEASES,
  scripted,
  tempFolder,
  testManager,
} from './support.js';

/** A turn that the provider refuses because the conversation is too long. */
const TOO_LONG = {
  error: { status: 400, type: 'invalid_request_error', message: 'prompt is too long: 250000 tokens > 200000 maximum' },
};

/** In the place of `claude`: a shell that runs the real one, and stays when that has exited. */
const WRAPPED = `
link=$(command -v claude)
real=$(readlink -f "$link")
if [ "$real" = "$link" ]; then mv "$link" "$link-real"; real=$link-real; else rm "$link"; fi
printf '#!/bin/sh\\ncase $1 in --version) exec %s "$@";; esac\\n%s "$@"\\nsleep 600\\n' "$real" "$real" > "$link"
chmod 755 "$link"
`;

/** The image with a `claude` that does not exit. It is removed after the test. */
async function staying(image: string): Promise<string> {
  const container = await docker('create', '--user', 'root', '--entrypoint', 'sh', image, '-c', WRAPPED);
  await docker('start', '--attach', container);
  const settings = JSON.parse(await docker('inspect', '--format', '{{json .Config}}', image));
  const tag = `autonomous-orchestration-test:staying-${container.slice(0, 12)}`;
  const changes = [
    `ENTRYPOINT ${JSON.stringify(settings.Entrypoint)}`,
    `CMD ${JSON.stringify(settings.Cmd ?? [])}`,
    `USER ${settings.User}`,
  ];
  await docker('commit', ...changes.flatMap((change) => ['--change', change]), container, tag);
  await docker('rm', container);
  onTestFinished(() => docker('rmi', '--force', tag).then(() => {}));
  return tag;
}

it('a process that stays after its result is ended, and a full conversation goes on in a fresh one, in both releases', async () => {
  const cases = RELEASES.map(async ({ image }) => {
    const { manager } = await testManager();
    const create = async (turns: ModelTurn[], limits = {}, from = image) => {
      const { env } = scripted(...turns).docker;
      return manager.create({ prompt: 'Do the whole', cwd: await tempFolder(), docker: { image: from, env }, limits });
    };
    const [full, stays] = await Promise.all([
      create([bash('echo half'), TOO_LONG]),
      staying(image).then((tag) => create([bash('echo begun'), { text: 'All done.' }], { exitMs: 2_000 }, tag)),
    ]);

    expect(await manager.waitFor(full.id)).toMatchObject({ status: 'failed', result: { reason: 'context_full' } });
    await expect(manager.continue(full.id, 'Go on')).rejects.toMatchObject({ code: 'ILLEGAL_TRANSITION' });
    const before = manager.get(full.id)?.conversationId;
    await manager.continue(full.id, 'Go on', { fresh: true });
    const fresh = await manager.waitFor(full.id);
    expect(fresh.conversationId).not.toBe(before);
    expect(fresh.runs).toMatchObject([{ number: 1 }, { number: 2, fresh: true }]);

    expect(await manager.waitFor(stays.id)).toMatchObject({
      status: 'completed',
      result: { reason: 'success', text: 'All done.' },
    });
    await containersGone(stays);
  });
  await Promise.all(cases);
});

it('a claude that hangs before its first line fails as no_start, and the error says where it ran', async () => {
  const { manager } = await testManager();
  const session = await manager.create({
    prompt: 'Go',
    cwd: await tempFolder(),
    docker: { image: engine.quickImage, env: { QUICK_SCRIPT: 'echo warming up; sleep 600' } },
    limits: { startMs: 2_000 },
  });
  const { result } = await manager.waitFor(session.id);
  expect(result?.reason).toBe('no_start');
  for (const part of [engine.quickImage, 'uid 1000', "home '/home/node'", 'warming up']) {
    expect(result?.error).toContain(part);
  }
  await containersGone(session);
});

it('a container that is stopped after the last word leaves the result standing', async () => {
  const { manager } = await testManager();
  const session = await manager.create({
    prompt: 'Go',
    cwd: await tempFolder(),
    docker: { image: engine.quickImage, env: { QUICK_SCRIPT: 'init; say Done.; result Done.; sleep 600' } },
  });
  await expect.poll(() => manager.get(session.id)?.metadata.costUsd, { timeout: 60_000 }).toBe(0.01);
  await docker('stop', '--time', '1', ...(await containersOf(session)));
  expect(await manager.waitFor(session.id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
});
