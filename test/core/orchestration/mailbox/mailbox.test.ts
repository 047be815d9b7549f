import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import type { Verdict } from '../../../../src/core/orchestration/session/policy.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';
import { answering, FakeHost, guardFiles, hookInput, requestName, runHook, startHook } from '../../../support/hook.js';

const ALLOWED = { code: 0, stdout: '', stderr: '' };
const denial = (permissionDecisionReason: string): string =>
  JSON.stringify({
    hookSpecificOutput: { hookEventName: 'PreToolUse', permissionDecision: 'deny', permissionDecisionReason },
  });
/** A request for a tool call whose input is the same list over and over. */
const manyValues = (list: string): string =>
  `{"hook_event_name":"PreToolUse","tool_input":[${list.repeat(50_000 / 4)} 0]}`;
const UNREADABLE = denial('Denied: the request could not be read.');

async function scene() {
  const files = await guardFiles();
  const host = new FakeHost();
  const channel = await answering(files, host);
  return { files, host, channel };
}

/** Renames a request into its place in one step, as the hook does. */
function send(files: MailboxFiles, content: string, name = requestName()): string {
  writeFileSync(join(files.requests, `${name}.part`), content);
  renameSync(join(files.requests, `${name}.part`), join(files.requests, name));
  return name;
}

/** What the process answers to a request. */
async function answerTo(files: MailboxFiles, name: string): Promise<string> {
  return eventually(() => readFileSync(join(files.answers, name.replace('.json', '')), 'utf8'));
}

/** Expects that the process still answers. */
async function stillAnswers(files: MailboxFiles): Promise<void> {
  expect(await runHook(files, 'PreToolUse')).toEqual(ALLOWED);
}

const empty = (files: MailboxFiles): Promise<unknown> =>
  eventually(() => expect(readdirSync(files.requests)).toEqual([]));

describe('the report that the hooks run', () => {
  it('the start of the conversation is reported without waiting, and to nobody as a tool call', async () => {
    const { files, host, channel } = await scene();
    expect(await channel.hasReport()).toBe(false);
    expect(
      await runHook(files, 'SessionStart', { input: { hook_event_name: 'SessionStart', source: 'startup' } }),
    ).toEqual(ALLOWED);
    await eventually(async () => expect(await channel.hasReport()).toBe(true));
    await empty(files);
    expect([host.calls, host.reports]).toEqual([[], []]);
  });

  it('a tool call that asks is a report, too', async () => {
    const { files, channel } = await scene();
    await runHook(files, 'PreToolUse');
    expect(await channel.hasReport()).toBe(true);
  });
});

describe('before a tool call', () => {
  it('the process receives the whole tool call, and an allowed call continues without output', async () => {
    const { files, host } = await scene();
    const input = { command: 'printf "ä\\n%s" \'x\'', nested: { list: [1, null] } };
    expect(await runHook(files, 'PreToolUse', { input: hookInput('PreToolUse', { tool_input: input }) })).toEqual(
      ALLOWED,
    );
    expect(host.calls).toEqual([{ toolUseId: 'toolu_1', tool: 'Bash', input }]);
    await empty(files);
  });

  it('a denied tool call is answered with its reason in the format of Claude Code', async () => {
    const { files, host } = await scene();
    const reason = 'Denied by policy: "no" \'way\'\n$(touch /tmp/x) \\ ä';
    host.decide = async () => ({ allowed: false, reason });
    expect(await runHook(files, 'PreToolUse')).toEqual({ code: 2, stdout: denial(reason), stderr: '' });
  });

  it('the hook of a tool call waits until the call is decided', async () => {
    const { files, host } = await scene();
    const decided = deferred<Verdict>();
    host.decide = () => decided.promise;
    const hook = startHook(files, 'PreToolUse');
    const ended = vi.fn();
    void hook.exit.then(ended);
    await eventually(() => expect(host.calls).toHaveLength(1));
    // During the wait, a mark tells the hook that somebody was asked.
    await eventually(() => expect(readdirSync(files.answers)).toEqual([expect.stringMatching(/\.asked$/)]));
    expect(ended).not.toHaveBeenCalled();
    expect(readdirSync(files.requests)).toHaveLength(1);
    decided.resolve({ allowed: true });
    expect(await hook.exit).toEqual(ALLOWED);
  });

  it('each of several simultaneous tool calls gets its own answer', async () => {
    const { files, host } = await scene();
    host.decide = async ({ toolUseId }) =>
      Number(toolUseId) % 2 ? { allowed: true } : { allowed: false, reason: `No ${toolUseId}.` };
    const ids = Array.from({ length: 12 }, (_, index) => `${index}`);
    const exits = await Promise.all(
      ids.map((id) => runHook(files, 'PreToolUse', { input: hookInput('PreToolUse', { tool_use_id: id }) })),
    );
    expect(exits.map(({ stdout }) => stdout)).toEqual(ids.map((id) => (Number(id) % 2 ? '' : denial(`No ${id}.`))));
    expect(host.calls).toHaveLength(12);
  });

  it('a tool call is denied if the process fails to decide', async () => {
    const { files, host } = await scene();
    host.decide = () => Promise.reject(new Error('mine'));
    expect(await runHook(files, 'PreToolUse')).toMatchObject({ code: 2, stdout: UNREADABLE });
  });

  it('the name and the id of a tool call are cut to the same length as in the log', async () => {
    const { files, host } = await scene();
    const long = 'x'.repeat(10_000);
    const cut = `${'x'.repeat(200)}…`;
    await runHook(files, 'PreToolUse', { input: hookInput('PreToolUse', { tool_use_id: long, tool_name: long }) });
    expect(host.calls).toMatchObject([{ toolUseId: cut, tool: cut }]);
  });

  it('a tool call may have an input of several megabytes, whatever its text contains', async () => {
    const { files, host } = await scene();
    const command = '["x",{\\'.repeat(700_000);
    await runHook(files, 'PreToolUse', { input: hookInput('PreToolUse', { tool_input: { command } }) });
    expect(host.calls).toEqual([expect.objectContaining({ input: { command } })]);
  });
});

describe('a process that takes over a mailbox', () => {
  it('a new process answers a request that was written before its start', async () => {
    const files = await guardFiles();
    const hook = startHook(files, 'PreToolUse');
    await eventually(() => expect(readdirSync(files.requests).some((name) => name.endsWith('.json'))).toBe(true));
    const host = new FakeHost();
    await answering(files, host);
    expect(await hook.exit).toEqual(ALLOWED);
    expect(host.calls).toHaveLength(1);
  });

  it('a new process answers a request that the previous process did not answer', async () => {
    const { files, host, channel } = await scene();
    host.decide = () => new Promise(() => {});
    const hook = startHook(files, 'PreToolUse');
    await eventually(() => expect(host.calls).toHaveLength(1));
    channel.close();
    const next = new FakeHost();
    next.decide = async () => ({ allowed: false, reason: 'Not any more.' });
    await answering(files, next);
    expect(await hook.exit).toMatchObject({ code: 2, stdout: denial('Not any more.') });
    expect(next.calls).toEqual([{ ...host.calls[0], askedAt: expect.any(Number) }]);
  });

  it('a closed mailbox takes no more requests and leaves unanswered ones to the next process', async () => {
    const { files, host, channel } = await scene();
    const decided = deferred<Verdict>();
    host.decide = () => decided.promise;
    const hook = startHook(files, 'PreToolUse');
    await eventually(() => expect(host.calls).toHaveLength(1));
    channel.close();
    const late = send(files, JSON.stringify(hookInput('PreToolUse', { tool_use_id: 'late' })));
    // A decision after close() may not be on record, so it is never sent, not even a denial.
    decided.resolve({ allowed: true });
    await stillAnswers((await scene()).files);
    expect(host.calls).toHaveLength(1);
    expect(existsSync(join(files.requests, late))).toBe(true);
    const next = new FakeHost();
    next.decide = async () => ({ allowed: false, reason: 'Not any more.' });
    await answering(files, next);
    expect(await hook.exit).toMatchObject({ code: 2, stdout: denial('Not any more.') });
    expect(next.calls.map(({ toolUseId }) => toolUseId)).toEqual(['toolu_1', 'late']);
  });

  it('a new process flags waiting messages at once', async () => {
    const files = await guardFiles();
    const host = new FakeHost();
    host.messages = ['early'];
    await answering(files, host);
    await eventually(() => expect(existsSync(join(files.answers, 'steer'))).toBe(true));
    expect((await runHook(files, 'PostToolUse')).stdout).toContain('early');
  });
});

describe('messages of the user', () => {
  const flagged = (files: MailboxFiles, there: boolean): Promise<unknown> =>
    eventually(() => expect(existsSync(join(files.answers, 'steer'))).toBe(there));
  const TEXT = 'The user says, while you are at work:\n\none\n\ntwo';

  it.each(['PostToolUse', 'PostToolUseFailure'] as const)(
    'messages are given to the agent with %s, once',
    async (event) => {
      const { files, host } = await scene();
      host.say('one', 'two');
      await flagged(files, true);
      const { code, stdout } = await runHook(files, event);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toEqual({ hookSpecificOutput: { hookEventName: event, additionalContext: TEXT } });
      expect(host.ears).toEqual(['11111111-2222-4333-8444-555555555555']);
      await flagged(files, false);
      expect(await runHook(files, event)).toEqual(ALLOWED);
      expect(host.ears).toHaveLength(1);
    },
  );

  it('messages keep the agent from stopping', async () => {
    const { files, host } = await scene();
    host.say('one', 'two');
    await flagged(files, true);
    const { code, stdout } = await runHook(files, 'Stop');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ decision: 'block', reason: TEXT });
    await flagged(files, false);
    expect(await runHook(files, 'Stop')).toEqual(ALLOWED);
    expect(host.ears).toHaveLength(1); // Without waiting messages, the hook does not ask.
  });

  it.each(['PostToolUse', 'Stop'] as const)('messages are not given to a subagent (%s)', async (event) => {
    const { files, host } = await scene();
    host.say('one');
    await flagged(files, true);
    expect(await runHook(files, event, { input: hookInput(event, { agent_id: 'sub-1' }) })).toEqual(ALLOWED);
    expect(host.ears).toEqual([]);
    expect(host.messages).toEqual(['one']);
  });

  it('the flag of waiting messages ends correctly, however quickly messages come and go', async () => {
    const { files, host } = await scene();
    for (let round = 0; round < 50; round += 1) {
      host.say('one');
      await host.takeMessages('x', 'answer');
    }
    host.say('last');
    // The flag may still change because of earlier messages. In the end, it is set.
    const hears = async (): Promise<void> => expect((await runHook(files, 'PostToolUse')).stdout).toContain('last');
    await eventually(hears);
    await flagged(files, false);
  });
});

describe('files that an agent may put into the requests folder', () => {
  const NUMBERED = '1795000000.4711.json';

  it.each<[string, string, string]>([
    ['a request that is not JSON', 'garbage', UNREADABLE],
    ['half a request', '{"hook_event_name":"PreToolUse"', UNREADABLE],
    ['an empty request', '', UNREADABLE],
    ['a request of control characters', '\u0000\ufffd\u0007', UNREADABLE],
    [
      'a tool call id that is not a string',
      '{"hook_event_name":"PreToolUse","tool_use_id":{"toString":1}}',
      UNREADABLE,
    ],
    ['a session id that is not a string', '{"hook_event_name":"Stop","session_id":{"toString":1}}', UNREADABLE],
    ['a request of more values than a model can write', manyValues('[0,"\\\\",{}],'), UNREADABLE],
  ])('%s is denied', async (_, content, expected) => {
    const { files, host } = await scene();
    expect(await answerTo(files, send(files, content))).toBe(expected);
    expect(host.calls).toEqual([]);
    await empty(files);
    await stillAnswers(files);
  });

  it.each(['null', '7', '"text"', '[]', '{}', '{"hook_event_name":"Unknown"}'])(
    '%s is not a tool call and is not decided',
    async (content) => {
      const { files, host } = await scene();
      expect(await answerTo(files, send(files, content))).toBe('');
      expect(host.calls).toEqual([]);
      await stillAnswers(files);
    },
  );

  it('a tool call with missing fields is decided without an error', async () => {
    const { files, host } = await scene();
    expect(await answerTo(files, send(files, '{"hook_event_name":"PreToolUse"}'))).toBe('');
    expect(host.calls).toEqual([{ toolUseId: 'undefined', tool: 'undefined', input: undefined }]);
  });

  it.each<[string, (path: string) => void]>([
    ['a folder', (path) => mkdirSync(path)],
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a link to a secret', (path) => symlinkSync('/etc/passwd', path)],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
    ['a link to nothing', (path) => symlinkSync('/nowhere', path)],
    [
      'a file of more than 16 MiB',
      (path) => {
        writeFileSync(`${path}.part`, '');
        truncateSync(`${path}.part`, 16 * 1024 * 1024 + 1);
        renameSync(`${path}.part`, path);
      },
    ],
  ])('%s in place of a request file is denied and not decided', async (_, make) => {
    const { files, host } = await scene();
    for (const name of [requestName(), NUMBERED]) {
      make(join(files.requests, name));
      expect(await answerTo(files, name)).toBe(UNREADABLE);
    }
    expect(host.calls).toEqual([]);
    await stillAnswers(files);
  });

  it.each([
    'request.json',
    '../answers/steer.json',
    `${'0'.repeat(35)}.json`,
    `${'0'.repeat(37)}.json`,
    `${'G'.repeat(36)}.json`,
    '1.2.3.json',
    '12.json',
    'x.json',
    `${'a'.repeat(36)}.json.part`,
    `${'a'.repeat(36)}`,
    '.json',
    'ä\n.json',
  ])('a file named %j is not a request of the hook and is left alone', async (name) => {
    const { files, host } = await scene();
    const content = JSON.stringify(hookInput('PreToolUse', { tool_use_id: 'foreign' }));
    writeFileSync(join(files.requests, name), content);
    const before = readdirSync(files.answers);
    await stillAnswers(files);
    await stillAnswers(files);
    expect(host.calls.map(({ toolUseId }) => toolUseId)).toEqual(['toolu_1', 'toolu_1']);
    expect(readFileSync(join(files.requests, name), 'utf8')).toBe(content);
    expect(readdirSync(files.answers)).toHaveLength(before.length + 2);
  });

  it('a request that is removed before it is read is neither decided nor answered', async () => {
    const { files, host } = await scene();
    for (let round = 0; round < 100; round += 1) {
      const name = send(files, JSON.stringify(hookInput('PreToolUse', { tool_use_id: 'removed' })));
      rmSync(join(files.requests, name));
    }
    // The system reports changes in order, so the mailbox has seen all changes before this request.
    await stillAnswers(files);
    expect(host.calls.map(({ toolUseId }) => toolUseId)).toEqual(['toolu_1']);
    expect(readdirSync(files.answers)).toHaveLength(1);
  });

  it('a thousand bad requests are all denied, do not block tool calls and do not pile up', async () => {
    const { files, host } = await scene();
    for (let round = 0; round < 5; round += 1) {
      const names = Array.from({ length: 200 }, () => send(files, 'garbage'));
      await empty(files);
      expect(readFileSync(join(files.answers, names.at(-1)?.replace('.json', '') ?? ''), 'utf8')).toBe(UNREADABLE);
    }
    await stillAnswers(files);
    expect(host.calls).toHaveLength(1);
    expect(readdirSync(files.answers).length).toBeLessThanOrEqual(257);
  });

  it('tool calls beyond 256 undecided ones wait until there is room, and are then answered', async () => {
    const { files, host } = await scene();
    const decided = deferred<Verdict>();
    host.decide = () => decided.promise;
    for (let call = 0; call < 300; call++)
      send(files, JSON.stringify(hookInput('PreToolUse', { tool_use_id: `${call}` })));
    await eventually(() => expect(host.calls).toHaveLength(256));
    decided.resolve({ allowed: false, reason: 'No.' });
    await eventually(() => expect(host.calls).toHaveLength(300));
    await eventually(() => expect(readdirSync(files.requests)).toEqual([]));
    host.decide = async () => ({ allowed: true });
    await stillAnswers(files);
  });

  it('a message waits again when the folders are deleted before its answer is written', async () => {
    const { files, host } = await scene();
    host.messages = ['one'];
    const take = host.takeMessages.bind(host);
    host.takeMessages = async (...asked) => {
      const messages = await take(...asked);
      rmSync(files.path, { recursive: true });
      return messages;
    };
    send(files, JSON.stringify(hookInput('PostToolUse')));
    await eventually(() => expect(host.ears).toHaveLength(1));
    await eventually(() => expect(host.messages).toEqual(['one']));
    expect(host.given).toEqual([]);
  });
});

describe('requests that are in the folder when a process starts', () => {
  const at = (files: MailboxFiles, name: string, secondsAgo: number): void => {
    const time = Date.now() / 1_000 - secondsAgo;
    utimesSync(join(files.requests, name), time, time);
  };
  const request = (event: Parameters<typeof hookInput>[0], change = {}): string =>
    JSON.stringify(hookInput(event, change));

  it('a request that was already answered is dropped and not decided again', async () => {
    const files = await guardFiles();
    const name = send(files, request('PreToolUse'));
    writeFileSync(join(files.answers, name.replace('.json', '')), 'the answer of then');
    const host = new FakeHost();
    await answering(files, host);
    await empty(files);
    expect(host.calls).toEqual([]);
    expect(await answerTo(files, name)).toBe('the answer of then');
  });

  it('an old request is decided with the time of its file as askedAt', async () => {
    const files = await guardFiles();
    const name = send(files, request('PreToolUse'));
    at(files, name, 120);
    const host = new FakeHost();
    const before = Date.now();
    await answering(files, host);
    expect(await answerTo(files, name)).toBe('');
    const [{ askedAt = 0 } = {}] = host.calls as { askedAt?: number }[];
    expect(before - askedAt).toBeGreaterThan(119_000);
    expect(before - askedAt).toBeLessThan(121_000);
    // A new request has no such time.
    expect(await answerTo(files, send(files, request('PreToolUse')))).toBe('');
    expect(host.calls[1]).not.toHaveProperty('askedAt');
  });

  it.each(['PostToolUse', 'Stop'] as const)(
    'an old request whose hook no longer waits gets no messages: %s',
    async (event) => {
      const files = await guardFiles();
      const [old, recent] = [send(files, request(event)), send(files, request(event))];
      at(files, old, 60);
      const host = new FakeHost();
      host.messages = ['once'];
      await answering(files, host);
      expect(await answerTo(files, old)).toBe('');
      expect(await answerTo(files, recent)).toContain('once');
      expect(host.given).toEqual([recent.replace('.json', '')]);
    },
  );

  it('a request stays in the folder until a process answers it', async () => {
    const { files, host, channel } = await scene();
    host.decide = () => new Promise(() => {});
    const name = send(files, request('PreToolUse'));
    await eventually(() => expect(host.calls).toHaveLength(1));
    expect(existsSync(join(files.requests, name))).toBe(true);
    channel.close();
    const next = new FakeHost();
    await answering(files, next);
    expect(await answerTo(files, name)).toBe('');
    await empty(files);
  });

  it('messages are taken under the id of an answer, and marked as given when the answer is written', async () => {
    const { files, host } = await scene();
    host.messages = ['one'];
    const name = send(files, request('PostToolUse'));
    expect(await answerTo(files, name)).toContain('one');
    await eventually(() => expect(host.given).toEqual([name.replace('.json', '')]));
  });

  it('a message waits again if the mailbox closes before the message is given', async () => {
    const { files, host, channel } = await scene();
    host.messages = ['one'];
    const take = host.takeMessages.bind(host);
    host.takeMessages = async (...asked) => {
      const messages = await take(...asked);
      channel.close();
      return messages;
    };
    const name = send(files, request('PostToolUse'));
    await eventually(() => expect(host.ears).toHaveLength(1));
    await eventually(() => expect(host.messages).toEqual(['one']));
    expect(host.given).toEqual([]);
    expect(readdirSync(files.requests)).toEqual([name]);
    expect(readdirSync(files.answers)).toEqual([]);
  });

  it('a message waits again if its answer cannot be written', async () => {
    const { files, host } = await scene();
    host.messages = ['one'];
    const name = requestName();
    mkdirSync(join(files.answers, `.${name.replace('.json', '')}.part`));
    send(files, request('PostToolUse'), name);
    await empty(files);
    expect(host.ears).toHaveLength(1);
    expect(host.messages).toEqual(['one']);
    expect(host.given).toEqual([]);
  });
});

describe('after a tool call', () => {
  it.each(['PostToolUse', 'PostToolUseFailure'] as const)(
    'the process receives the report of a finished call and removes its file: %s',
    async (event) => {
      const { files, host } = await scene();
      await runHook(files, event);
      await eventually(() =>
        expect(host.reports).toEqual([{ toolUseId: 'toolu_1', tool: 'Bash', input: { command: 'ls' } }]),
      );
      await empty(files);
      expect(readdirSync(files.answers)).toEqual([]);
    },
  );

  it('the process receives the report of a finished call also if a message waits', async () => {
    const { files, host } = await scene();
    host.say('Stop that.');
    await eventually(() => expect(readdirSync(files.answers)).toContain('steer'));
    expect(await runHook(files, 'PostToolUse')).toMatchObject({ stdout: expect.stringContaining('Stop that.') });
    expect(host.reports).toHaveLength(1);
  });

  it('a report that was left without a process is received by the next process', async () => {
    const files = await guardFiles();
    await runHook(files, 'PostToolUse');
    const host = new FakeHost();
    await answering(files, host);
    await eventually(() => expect(host.reports).toHaveLength(1));
    await empty(files);
  });

  it('a file that is not a valid report is removed', async () => {
    const { files, host } = await scene();
    send(files, 'no JSON', requestName().replace('.json', '.done'));
    await empty(files);
    expect(host.reports).toEqual([]);
    await stillAnswers(files);
  });
});
