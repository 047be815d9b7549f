import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { SteeringQueue } from '../../../../src/core/orchestration/mailbox/steering-queue.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

const newFile = (): string => join(tempFolder(), 'steering.json');
const nobodyWasGiven = async (): Promise<boolean> => false;

/** Pushes a message and ignores whether it is given. */
function say(queue: SteeringQueue, text: string): void {
  queue.push(text).catch(() => {});
}

/** Waits until these messages are on disk. */
async function said(file: string, ...texts: string[]): Promise<void> {
  await eventually(() => {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { text: string }[];
    expect(stored.map(({ text }) => text)).toEqual(expect.arrayContaining(texts));
  });
}

describe('SteeringQueue', () => {
  it('messages are handed out once and in order, and push() resolves to true when its message was given', async () => {
    const queue = new SteeringQueue(newFile());
    const heard = [queue.push('one'), queue.push('two')];
    const { texts, given } = await queue.take('a');
    expect(texts).toEqual(['one', 'two']);
    given();
    expect(await Promise.all(heard)).toEqual([true, true]);
    expect((await queue.take('b')).texts).toEqual([]);
  });

  it('push() resolves to false at the end of the queue if its message was not given', async () => {
    const queue = new SteeringQueue(newFile());
    const settled = vi.fn();
    void queue.push('one').then(settled);
    expect((await queue.take('a')).texts).toEqual(['one']);
    void queue.push('two').then(settled);
    await turn();
    expect(settled).not.toHaveBeenCalled();
    queue.end();
    await eventually(() => expect(settled.mock.calls).toEqual([[false], [false]]));
    expect((await queue.take('b')).texts).toEqual([]);
  });

  it('an ended queue takes no more messages', async () => {
    const file = newFile();
    const queue = new SteeringQueue(file);
    queue.end();
    expect(await queue.push('late')).toBe(false);
    expect((await queue.take('a')).texts).toEqual([]);
    expect(existsSync(file)).toBe(false);
  });

  it('onChange is called when messages begin to wait and when no message waits any more', async () => {
    const queue = new SteeringQueue(newFile());
    const told = vi.fn();
    queue.onChange = told;
    expect(told).not.toHaveBeenCalled();
    say(queue, 'one');
    await eventually(() => expect(told).toHaveBeenLastCalledWith(true));
    await queue.take('a');
    expect(told).toHaveBeenLastCalledWith(false);
    const calls = told.mock.calls.length;
    await queue.take('b');
    expect(told).toHaveBeenCalledTimes(calls);
  });

  it('onChange is called at once if messages already wait', () => {
    const queue = new SteeringQueue(newFile());
    say(queue, 'early');
    const told = vi.fn();
    queue.onChange = told;
    expect(told.mock.calls).toEqual([[true]]);
  });

  it('a message that cannot be written to disk is refused and not handed out', async () => {
    const queue = new SteeringQueue(join(tempFolder(), 'missing', 'steering.json'));
    await expect(queue.push('one')).rejects.toMatchObject({ code: 'STATE_NOT_WRITABLE' });
    expect((await queue.take('a')).texts).toEqual([]);
  });

  it('in any sequence of operations, messages are handed out exactly once and in order', async () => {
    const step = fc.oneof({ arbitrary: fc.constant('push'), weight: 3 }, fc.constant('take'), {
      arbitrary: fc.constant('end'),
      weight: 1,
    });
    const folder = tempFolder();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const queue = new SteeringQueue(join(folder, `${round++}`));
        const pushed: Promise<[string, boolean]>[] = [];
        const taken: string[] = [];
        for (const [index, what] of steps.entries()) {
          if (what === 'push') pushed.push(queue.push(`${index}`).then((heard) => [`${index}`, heard]));
          else if (what === 'end') queue.end();
          else {
            const { texts, given } = await queue.take(`${index}`);
            taken.push(...texts);
            given();
          }
        }
        queue.end();
        const outcomes = await Promise.all(pushed);
        expect(taken).toEqual(outcomes.filter(([, heard]) => heard).map(([text]) => text));
      }),
      { numRuns: 100 },
    );
  });
});

describe('the steering queue of the next process', () => {
  it('a restored queue reports waiting messages and hands them out before new ones', async () => {
    const file = newFile();
    const first = new SteeringQueue(file);
    say(first, 'one');
    say(first, 'two');
    await said(file, 'one', 'two');
    const next = new SteeringQueue(file);
    const told = vi.fn();
    next.onChange = told;
    await next.restore(nobodyWasGiven);
    expect(told.mock.calls).toEqual([[true]]);
    say(next, 'three');
    expect((await next.take('a')).texts).toEqual(['one', 'two', 'three']);
  });

  it('a restored queue drops messages that were given and repeats messages that were only taken', async () => {
    const file = newFile();
    const first = new SteeringQueue(file);
    say(first, 'one');
    await first.take('written');
    say(first, 'two');
    await first.take('lost');
    say(first, 'three');
    await said(file, 'one', 'two', 'three');
    const next = new SteeringQueue(file);
    const asked: string[] = [];
    await next.restore(async (answer) => {
      asked.push(answer);
      return answer === 'written';
    });
    expect(asked).toEqual(['written', 'lost']);
    expect((await next.take('again')).texts).toEqual(['two', 'three']);
  });

  it('take() stores the id of its answer on disk before it resolves', async () => {
    const file = newFile();
    const first = new SteeringQueue(file);
    say(first, 'one');
    await first.take('answer-1');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual([{ text: 'one', answer: 'answer-1' }]);
  });

  it('the file of a queue is removed when no message waits any more', async () => {
    const file = newFile();
    const first = new SteeringQueue(file);
    say(first, 'one');
    (await first.take('a')).given();
    await eventually(() => expect(existsSync(file)).toBe(false));
    const next = new SteeringQueue(file);
    await next.restore(nobodyWasGiven);
    expect((await next.take('b')).texts).toEqual([]);
  });

  it('a queue that is restored from a damaged file is empty and takes new messages', async () => {
    const file = newFile();
    writeFileSync(file, '[{"text":"one"');
    const queue = new SteeringQueue(file);
    await queue.restore(nobodyWasGiven);
    say(queue, 'two');
    expect((await queue.take('a')).texts).toEqual(['two']);
  });

  it('an ended queue leaves its waiting messages to the next process', async () => {
    const file = newFile();
    const first = new SteeringQueue(file);
    say(first, 'one');
    await said(file, 'one');
    first.end();
    await turn();
    const next = new SteeringQueue(file);
    await next.restore(nobodyWasGiven);
    expect((await next.take('a')).texts).toEqual(['one']);
  });

  it('no message is lost, repeated or reordered, whenever the process is killed', async () => {
    const step = fc.oneof(
      { arbitrary: fc.constant('push' as const), weight: 3 },
      { arbitrary: fc.constant('take' as const), weight: 3 },
      { arbitrary: fc.constant('write' as const), weight: 3 },
      { arbitrary: fc.constant('given' as const), weight: 2 },
      { arbitrary: fc.constant('kill' as const), weight: 2 },
    );
    const folder = tempFolder();
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        round += 1;
        let host = 0;
        let file = join(folder, `${round}-${host}`);
        let queue = new SteeringQueue(file);
        const written = new Set<string>();
        const said: string[] = [];
        const heard: string[] = [];
        /** The messages that were taken, in order, until their answer is written and reported. */
        let under: { answer: string; texts: string[]; given: () => void }[] = [];
        const onDisk = async (text: string): Promise<void> => {
          while (!(await readFile(file, 'utf8').catch(() => '')).includes(`"${text}"`)) await turn();
        };
        /** A killed process leaves only what its file holds at that moment. */
        const kill = async (): Promise<void> => {
          const left = existsSync(file) ? readFileSync(file) : undefined;
          file = join(folder, `${round}-${++host}`);
          if (left) writeFileSync(file, left);
          queue = new SteeringQueue(file);
          under = [];
          await queue.restore(async (answer) => written.has(answer));
        };
        const write = (): void => {
          const next = under.find(({ answer }) => !written.has(answer));
          if (!next) return;
          written.add(next.answer);
          heard.push(...next.texts);
        };
        const take = async (): Promise<void> => {
          const answer = `answer-${said.length}-${heard.length}-${host}-${under.length}-${written.size}`;
          under.push({ answer, ...(await queue.take(answer)) });
        };
        for (const what of steps) {
          if (what === 'push') {
            const text = `m${said.length}.`;
            say(queue, text);
            await onDisk(text);
            said.push(text);
          } else if (what === 'take') await take();
          else if (what === 'write') write();
          else if (what === 'given') {
            const [first] = under;
            if (first && written.has(first.answer)) {
              first.given();
              under.shift();
            }
          } else await kill();
        }
        await kill();
        await take();
        write();
        expect(heard).toEqual(said);
      }),
      { numRuns: 150 },
    );
  }, 30_000);
});
