import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunHooks } from '../../../../src/core/orchestration/contract/run-hooks.js';
import type { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';
import { answering, FakeHost, guardFiles, runHook } from '../../../support/hook.js';

async function scene(obey?: RunHooks['command']) {
  const files = await guardFiles();
  const host = new FakeHost();
  if (obey) host.obey = obey;
  const channel = await answering(files, host);
  return { files, host, channel };
}

/** Renames a request into its place in one step, as the command does. */
function ask(files: MailboxFiles, content: string | Buffer, id: string = randomUUID()): string {
  writeFileSync(join(files.requests, `${id}.part`), content);
  renameSync(join(files.requests, `${id}.part`), join(files.requests, `${id}.args`));
  return id;
}

const argsOf = (...args: string[]): string => args.map((arg) => `${arg}\0`).join('');
const answerTo = ({ answers }: MailboxFiles, id: string): Promise<string> =>
  eventually(() => readFileSync(join(answers, id), 'utf8'));
const isGone = ({ requests }: MailboxFiles, id: string): Promise<unknown> =>
  eventually(() => expect(existsSync(join(requests, `${id}.args`))).toBe(false));
const asked = ({ commands }: FakeHost): readonly (readonly string[])[] => commands.map(([, args]) => args);

describe('an orchestrate command of the agent', () => {
  it('a command is carried out with unchanged arguments and answered with an exit code and a text', async () => {
    const args = ['create', '--mode', 'planning', '', ' two  words\n', "'$(touch x)'", '漢字 🙂'];
    const { files, host } = await scene(async () => ({ exitCode: 3, text: 'line one\nline two\n' }));
    const id = ask(files, argsOf(...args));
    expect(await answerTo(files, id)).toBe('3\nline one\nline two\n');
    expect(host.commands).toEqual([[id, args, expect.any(AbortSignal)]]);
    await isGone(files, id);
  });

  it.each<[string, string, readonly string[]]>([
    ['no arguments', '', []],
    ['an argument without its final NUL byte', 'create\0half', ['create']],
    ['a replacement character as its argument', argsOf('\ufffd'), ['\ufffd']],
  ])('a command with %s is carried out, too', async (_, content, args) => {
    const { files, host } = await scene();
    await answerTo(files, ask(files, content));
    expect(asked(host)).toEqual([args]);
  });

  it('a command of more than 2 MiB is refused and not carried out', async () => {
    const { files, host } = await scene();
    const most = 2 * 1024 * 1024;
    expect(await answerTo(files, ask(files, Buffer.alloc(most + 1, 'x')))).toMatch(
      /^1\norchestrate: more than 2097152/,
    );
    expect(host.commands).toEqual([]);
    await answerTo(files, ask(files, argsOf('x'.repeat(most - 1))));
    expect(asked(host)).toEqual([['x'.repeat(most - 1)]]);
  });

  it.each<[string, (path: string) => void]>([
    ['a folder', (path) => mkdirSync(path)],
    ['a link to a secret', (path) => symlinkSync('/etc/passwd', path)],
  ])('a command with %s in place of its request file is refused', async (_, make) => {
    const { files, host } = await scene();
    const id = randomUUID();
    make(join(files.requests, `${id}.args`));
    expect(await answerTo(files, id)).toMatch(/^1\norchestrate: /);
    expect(host.commands).toEqual([]);
    expect(await runHook(files, 'PreToolUse')).toMatchObject({ code: 0, stdout: '' });
  });

  it.each(['../escape.args', '.args', 'x.args', `${randomUUID()}.args.part`])(
    'a file named %s is not a command',
    async (name) => {
      const { files, host } = await scene();
      if (!name.includes('/')) writeFileSync(join(files.requests, name), argsOf('list'));
      await answerTo(files, ask(files, argsOf('list')));
      expect(asked(host)).toEqual([['list']]);
    },
  );

  it('a command that takes long blocks neither tool calls nor other commands', async () => {
    const { files, host } = await scene((_, [name]) =>
      name === 'wait' ? new Promise(() => {}) : Promise.resolve({ exitCode: 0, text: 'quick' }),
    );
    ask(files, argsOf('wait'));
    await eventually(() => expect(asked(host)).toEqual([['wait']]));
    expect(await answerTo(files, ask(files, argsOf('list')))).toBe('0\nquick');
    expect(await runHook(files, 'PreToolUse')).toMatchObject({ code: 0, stdout: '' });
  });

  it('a withdrawn command is aborted, and other commands continue', async () => {
    const signals: AbortSignal[] = [];
    const { files } = await scene(async (_, __, signal) => {
      signals.push(signal);
      await new Promise((over) => signal.addEventListener('abort', over));
      return { exitCode: 1, text: 'withdrawn' };
    });
    const one = ask(files, argsOf('wait', 'one'));
    await eventually(() => expect(signals).toHaveLength(1));
    const two = ask(files, argsOf('wait', 'two'));
    await eventually(() => expect(signals).toHaveLength(2));
    rmSync(join(files.requests, `${one}.args`));
    await eventually(() => expect(signals[0]?.aborted).toBe(true));
    expect(signals[1]?.aborted).toBe(false);
    expect(existsSync(join(files.requests, `${two}.args`))).toBe(true);
  });
});

describe('a mailbox whose process ends', () => {
  it('the next process carries out an unanswered command under the same id', async () => {
    const done = deferred<{ exitCode: number; text: string }>();
    const { files, host, channel } = await scene(() => done.promise);
    const id = ask(files, argsOf('create', 'x'));
    await eventually(() => expect(host.commands).toHaveLength(1));
    channel.close();
    done.resolve({ exitCode: 1, text: 'the manager was closed' });
    // Much longer than writing an answer would take.
    for (let turn = 0; turn < 100; turn += 1) await readdir(files.answers);
    expect(readdirSync(files.requests)).toEqual([`${id}.args`]);
    expect(readdirSync(files.answers)).toEqual([]);

    const next = new FakeHost();
    next.obey = async () => ({ exitCode: 0, text: 'created' });
    await answering(files, next);
    expect(await answerTo(files, id)).toBe('0\ncreated');
    expect(next.commands.map(([name, args]) => [name, args])).toEqual([[id, ['create', 'x']]]);
    await isGone(files, id);
  });

  it('the next process does not carry out a command again that was already answered', async () => {
    const { files, channel } = await scene(async () => ({ exitCode: 0, text: 'created' }));
    const id = ask(files, argsOf('create', 'x'));
    await answerTo(files, id);
    await isGone(files, id);
    channel.close();
    // As if the process was killed between the answer and the removal of the request.
    ask(files, argsOf('create', 'x'), id);
    const next = new FakeHost();
    await answering(files, next);
    await isGone(files, id);
    expect(next.commands).toEqual([]);
    expect(await answerTo(files, id)).toBe('0\ncreated');
  });

  it('a closed mailbox takes no more commands', async () => {
    const { files, host, channel } = await scene();
    channel.close();
    const id = ask(files, argsOf('list'));
    const next = new FakeHost();
    await answering(files, next);
    await answerTo(files, id);
    expect([host.commands.length, next.commands.length]).toEqual([0, 1]);
  });
});
