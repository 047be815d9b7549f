import { existsSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';
import { answering, FakeHost, guardFiles, hookInput, requestName, runHook, startHook } from '../../../support/hook.js';

const SILENT = { code: 0, stdout: '', stderr: '' };
const NO_TIME = ':';

async function scene() {
  const files = await guardFiles({}, true);
  const host = new FakeHost();
  const channel = await answering(files, host);
  return { files, host, channel };
}

/** A request that a hook wrote some seconds ago. */
function left(files: MailboxFiles, event: Parameters<typeof hookInput>[0], secondsAgo: number): string {
  const name = requestName();
  const path = join(files.requests, name);
  writeFileSync(`${path}.part`, JSON.stringify(hookInput(event)));
  const time = Date.now() / 1_000 - secondsAgo;
  utimesSync(`${path}.part`, time, time);
  renameSync(`${path}.part`, path);
  return name.replace('.json', '');
}

describe('a prompt', () => {
  it('the hook of a prompt waits until the turn may begin, and ends without output', async () => {
    const { files, host } = await scene();
    const slot = deferred<void>();
    host.beforeTurn = async () => {
      host.turns.push('asks');
      await slot.promise;
    };
    const hook = startHook(files, 'UserPromptSubmit');
    const ended = vi.fn();
    void hook.exit.then(ended);
    await eventually(() => expect(host.turns).toEqual(['asks']));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ended).not.toHaveBeenCalled();
    slot.resolve();
    expect(await hook.exit).toEqual(SILENT);
  });

  it('a prompt is not lost if no process answers: its hook ends with exit code 1', async () => {
    const files = await guardFiles({}, true);
    const { code, stderr } = await runHook(files, 'UserPromptSubmit', { sleep: NO_TIME });
    // Not 2, because Claude Code would discard the prompt.
    expect([code, stderr]).toEqual([1, expect.stringContaining('no process answers')]);
  });

  it.each(['left without a process', 'held by a closed process'])(
    'a prompt that was %s is released by the next process',
    async (how) => {
      const files = await guardFiles({}, true);
      const first = new FakeHost();
      first.beforeTurn = () => new Promise(() => {});
      const channel = how.startsWith('held') ? await answering(files, first) : undefined;
      const hook = startHook(files, 'UserPromptSubmit');
      await eventually(() => expect(readdirSync(files.requests)).toEqual([expect.stringMatching(/json$/)]));
      channel?.close();
      const next = new FakeHost();
      await answering(files, next);
      expect(await hook.exit).toEqual(SILENT);
      expect(next.turns).toEqual(['begins']);
    },
  );
});

describe('the end of a turn', () => {
  it('a Stop hook reports the end of a turn even if no message waits', async () => {
    const { files, host } = await scene();
    expect(await runHook(files, 'Stop')).toEqual(SILENT);
    expect(host.turns).toEqual(['ended']);
  });

  it('a Stop hook does not report the end of a turn if a message waits', async () => {
    const { files, host } = await scene();
    host.say('one');
    expect((await runHook(files, 'Stop')).stdout).toContain('"decision":"block"');
    expect(host.turns).toEqual([]);
  });

  it('a StopFailure hook reports the end of a turn, and a waiting message stays in the queue', async () => {
    const { files, host } = await scene();
    host.say('one');
    expect(await runHook(files, 'StopFailure')).toEqual(SILENT);
    expect([host.turns, host.messages]).toEqual([['ended'], ['one']]);
  });

  it('a Stop hook of a subagent does not report the end of a turn', async () => {
    const { files, host } = await scene();
    expect(await runHook(files, 'Stop', { input: hookInput('Stop', { agent_id: 'sub' }) })).toEqual(SILENT);
    expect(host.turns).toEqual([]);
  });

  it.each(['Stop', 'StopFailure'] as const)(
    'the hook of an ended turn does not wait if no process is there: %s',
    async (event) => {
      const files = await guardFiles({}, true);
      expect(await runHook(files, event, { sleep: NO_TIME })).toEqual(SILENT);
      expect(readdirSync(files.requests)).toHaveLength(1);
    },
  );

  it.each(['Stop', 'StopFailure'] as const)(
    'the end of a turn that no process received is reported to the next process: %s',
    async (event) => {
      const files = await guardFiles({}, true);
      left(files, event, 60);
      const host = new FakeHost();
      host.messages = ['one'];
      await answering(files, host);
      await eventually(() => expect(host.turns).toEqual(['ended']));
      expect(host.messages).toEqual(['one']);
      await eventually(() => expect(readdirSync(files.requests)).toEqual([]));
    },
  );

  it('ends and beginnings of turns are reported in order, whatever the names of their requests are', async () => {
    for (let round = 0; round < 10; round++) {
      const files = await guardFiles({}, true);
      left(files, 'Stop', 40);
      const prompt = left(files, 'UserPromptSubmit', 30);
      left(files, 'Stop', 20);
      left(files, 'UserPromptSubmit', 10);
      const host = new FakeHost();
      await answering(files, host);
      await eventually(() => expect(host.turns).toEqual(['ended', 'begins', 'ended', 'begins']));
      await eventually(() => expect(readFileSync(join(files.answers, prompt), 'utf8')).toBe(''));
    }
  });
});

it('a flood of turns does not block tool calls and leaves no requests', async () => {
  const { files, host } = await scene();
  for (let round = 0; round < 200; round++) {
    left(files, 'UserPromptSubmit', 0);
    left(files, 'Stop', 0);
  }
  expect(await runHook(files, 'PreToolUse')).toEqual(SILENT);
  await eventually(() => expect(host.turns).toHaveLength(400));
  await eventually(() => expect(readdirSync(files.requests)).toEqual([]));
});

const RUN = { env: {}, off: [] };

it('the hook of a session without turns does not report turns', async () => {
  const files = await guardFiles();
  const host = new FakeHost();
  await answering(files, host);
  expect(await runHook(files, 'Stop')).toEqual(SILENT);
  expect(host.turns).toEqual([]);
  await files.hostSettings(RUN);
  const told = (path: string): string[] =>
    Object.keys((JSON.parse(readFileSync(path, 'utf8')) as { hooks: object }).hooks).sort();
  const silent = ['ConfigChange', 'PostToolUse', 'PostToolUseFailure', 'PreToolUse', 'SessionStart', 'Stop'];
  expect(told(files.settings)).toEqual(silent);
  const turns = await guardFiles({}, true);
  await turns.mounts(RUN);
  expect(told(turns.settings)).toEqual([...silent, 'StopFailure', 'UserPromptSubmit']);
  expect(existsSync(turns.settings)).toBe(true);
});

describe('an agent of a session without turns', () => {
  it.each(['UserPromptSubmit', 'StopFailure', 'Stop'] as const)(
    'in a session without turns, a forged %s reports no turn',
    async (event) => {
      const files = await guardFiles();
      const host = new FakeHost();
      await answering(files, host);
      const name = requestName();
      writeFileSync(join(files.requests, `${name}.part`), JSON.stringify(hookInput(event)));
      renameSync(join(files.requests, `${name}.part`), join(files.requests, name));
      const answer = join(files.answers, name.replace('.json', ''));
      await eventually(() => expect(readFileSync(answer, 'utf8')).toBe(''));
      expect(host.turns).toEqual([]);
    },
  );
});
