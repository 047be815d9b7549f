import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { BacklogState } from '../../../../src/core/orchestration/monitoring/backlog.js';
import { MOST_LINE_BYTES } from '../../../../src/core/orchestration/monitoring/line-splitter.js';
import { LogFollower } from '../../../../src/core/orchestration/monitoring/log-follower.js';
import { fakeClock } from '../../../support/clock.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** How many bytes each read has asked for. */
const reads = vi.hoisted((): number[] => []);
vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    readSync: (fd: number, buffer: Buffer, offset: number, length: number, position: number) => {
      reads.push(length);
      return real.readSync(fd, buffer, offset, length, position);
    },
  };
});

/** Each function notifies one follower of a change, in the order in which the followers were opened. */
const told = vi.hoisted((): ((name: string | null) => void)[] => []);
vi.mock('../../../../src/core/orchestration/util/fs/folder-watch.js', async (original) => {
  const real = await original<typeof import('../../../../src/core/orchestration/util/fs/folder-watch.js')>();
  return {
    ...real,
    watchFolder: (...[folder, onChange, options]: Parameters<typeof real.watchFolder>) => {
      told.push(onChange);
      return real.watchFolder(folder, onChange, options);
    },
  };
});

class Follower {
  readonly lines: string[] = [];
  readonly oversized: string[] = [];
  /** Lines without a line end. */
  readonly incomplete: string[] = [];
  #wake = (): void => {};
  #follower: LogFollower | undefined;

  static async open(path: string, offset = 0): Promise<Follower> {
    const made = new Follower();
    made.#follower = await LogFollower.open(
      path,
      { offset },
      {
        onLine: (line, complete) => {
          made.lines.push(line);
          if (!complete) made.incomplete.push(line);
          made.#wake();
        },
        onOversized: (start) => made.oversized.push(start),
      },
    );
    return made;
  }

  /** Resolves when `count` lines were reported. */
  async until(count: number): Promise<void> {
    while (this.lines.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async drain(most?: number): Promise<void> {
    await this.#follower?.drain(most);
  }

  close(): void {
    this.#follower?.close();
  }
}

function log(text: string | Buffer = ''): string {
  const path = join(tempFolder(), 'stream.log');
  writeFileSync(path, text);
  return path;
}

async function linesOf(text: string | Buffer, offset = 0): Promise<string[]> {
  const follower = await Follower.open(log(text), offset);
  await follower.drain();
  return follower.lines;
}

async function following(path: string, offset = 0): Promise<Follower> {
  const follower = await Follower.open(path, offset);
  onTestFinished(() => follower.close());
  return follower;
}

describe('lines that the log already has', () => {
  it('lines are reported in order, without empty lines, and with an unfinished last line', async () => {
    expect(await linesOf('one\n\ntwo\n\n\nthree')).toEqual(['one', 'two', 'three']);
  });

  it.each([
    ['one\nhalf', ['half']],
    ['one\nwhole\n', []],
    ['one\n\n', []],
  ])('only a last line without a line end is reported as incomplete: %j', async (text, incomplete) => {
    const follower = await Follower.open(log(text));
    await follower.drain();
    expect(follower.incomplete).toEqual(incomplete);
  });

  it('only lines from the offset on are reported', async () => {
    expect(await linesOf('old\nnew\nnewer\n', 4)).toEqual(['new', 'newer']);
  });

  it('no line is reported if the offset is the end of the log', async () => {
    expect(await linesOf('old\n', 4)).toEqual([]);
  });

  it('a multi-byte character is reported whole even if a read ends inside it', async () => {
    // With a shift of one to four bytes, each of these characters is torn at the end of some read.
    const line = 'aé€😀'.repeat(60_000);
    for (const shift of ['', 'x', 'xx', 'xxx', 'xxxx']) {
      const [only, ...others] = await linesOf(`${shift}${line}\n`);
      expect(only === shift + line).toBe(true);
      expect(others).toEqual([]);
    }
  });

  it('bytes that are not UTF-8 become replacement characters, and nothing else is lost', async () => {
    const bytes = Buffer.concat([Buffer.from('a'), Buffer.from([0xff, 0xc3]), Buffer.from('\nb\n')]);
    expect(await linesOf(bytes)).toEqual(['a\ufffd\ufffd', 'b']);
  });
});

describe('appended lines', () => {
  it('appended lines are reported as they arrive', async () => {
    const path = log('one\n');
    const follower = await following(path);
    await follower.until(1);
    appendFileSync(path, 'two\n');
    await follower.until(2);
    appendFileSync(path, 'three\nfour\n');
    await follower.until(4);
    expect(follower.lines).toEqual(['one', 'two', 'three', 'four']);
  });

  it('an appended line is reported when it is complete', async () => {
    const path = log('one\nha');
    const follower = await following(path);
    expect(follower.lines).toEqual(['one']);
    appendFileSync(path, 'lf\n');
    await follower.until(2);
    expect(follower.lines).toEqual(['one', 'half']);
    expect(follower.incomplete).toEqual([]);
  });

  it('drain() reports all lines, including lines appended right before', async () => {
    const path = log();
    const follower = await following(path);
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}`);
    appendFileSync(path, lines.join('\n'));
    await follower.drain();
    expect(follower.lines).toEqual(lines);
  });

  it('drain() with a limit leaves out everything beyond the limit', async () => {
    const path = log('one\n');
    const follower = await following(path);
    await follower.until(1);
    appendFileSync(path, 'two\nthree\n');
    await follower.drain(6);
    expect(follower.lines).toEqual(['one', 'two', 'th']);
  });

  it('no line is reported after drain() or close()', async () => {
    const drained = log('one\n');
    const closed = log('one\n');
    const followers = [await following(drained), await following(closed)];
    await followers[0]?.drain();
    followers[1]?.close();
    // Other followers see the new lines. So would these, if they still followed.
    const witnesses = [await following(drained), await following(closed)];
    appendFileSync(drained, 'two\n');
    appendFileSync(closed, 'two\n');
    await Promise.all(witnesses.map((witness) => witness.until(2)));
    expect(followers.map(({ lines }) => lines)).toEqual([['one'], ['one']]);
  });

  it('lines are reported unchanged, whatever pieces they are written in', async () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 30 }).map((line) => line.replaceAll('\n', ''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { maxLength: 12 }),
        fc.array(fc.nat(6), { maxLength: 60 }),
        async (lines, cuts) => {
          const path = log();
          const follower = await Follower.open(path);
          const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
          let at = 0;
          for (const cut of cuts) {
            appendFileSync(path, bytes.subarray(at, at + cut));
            at += cut;
            if (cut === 3) await turn();
          }
          appendFileSync(path, bytes.subarray(at));
          await follower.drain();
          expect(follower.lines).toEqual(lines.filter((line) => line !== ''));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('an agent that touches files again and again', () => {
  it('many changes of the log cause one read per turn of the event loop, and other files cause none', async () => {
    const path = log('one\n');
    const follower = await following(path);
    const tell = told.at(-1);
    await turn();
    reads.length = 0;
    for (let times = 0; times < 10_000; times++) tell?.('other.log');
    await turn();
    expect(reads).toHaveLength(0);
    appendFileSync(path, 'two\n');
    for (let times = 0; times < 10_000; times++) tell?.(times % 2 ? 'stream.log' : null);
    expect(reads).toHaveLength(0);
    await eventually(() => expect(follower.lines).toEqual(['one', 'two']));
    expect(reads.length).toBeLessThan(10);
  });
});

describe('a line that is too long', () => {
  it('a line that is too long is skipped in limited memory; its start and the other lines are reported', async () => {
    const path = log('before\n');
    for (let written = 0; written < 100; written += 4) appendFileSync(path, Buffer.alloc(4 * 1024 * 1024, 'x'));
    appendFileSync(path, '\nafter\n');
    const before = process.memoryUsage();
    const follower = await Follower.open(path);
    let most = 0;
    let drained = false;
    const draining = follower.drain().then(() => {
      drained = true;
    });
    while (!drained) {
      const { arrayBuffers, heapUsed } = process.memoryUsage();
      most = Math.max(most, arrayBuffers - before.arrayBuffers + (heapUsed - before.heapUsed));
      await turn();
    }
    await draining;
    expect(follower.lines).toEqual(['before', 'after']);
    expect(follower.oversized).toEqual(['x'.repeat(500)]);
    expect(most).toBeLessThan(48 * 1024 * 1024);
  });

  it('a line of exactly the maximum length is reported whole', async () => {
    const longest = 'y'.repeat(MOST_LINE_BYTES);
    const [line] = await linesOf(`${longest}\n`);
    expect(line?.length).toBe(MOST_LINE_BYTES);
  });
});

describe('a path that is not a log file', () => {
  it('a link is refused, because it could lead anywhere', async () => {
    const target = log('secret\n');
    const link = join(tempFolder(), 'stream.log');
    symlinkSync(target, link);
    await expect(following(link)).rejects.toMatchObject({ code: 'ELOOP' });
  });

  it('a FIFO is refused without waiting for a writer', async () => {
    const fifo = join(tempFolder(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(following(fifo)).rejects.toThrow('is not a regular file');
  });

  it('a folder is refused', async () => {
    const folder = join(tempFolder(), 'folder');
    mkdirSync(folder);
    await expect(following(folder)).rejects.toThrow('is not a regular file');
  });

  it('a missing file is refused', async () => {
    await expect(following(join(tempFolder(), 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('caughtUp resolves when the initial content was read, even if the file grows as fast as it is read', async () => {
  const line = `${'x'.repeat(64 * 1024)}\n`;
  const [linesAtFirst, mostLines] = [3, 2_000];
  const file = log(line.repeat(linesAtFirst));
  let reported = 0;
  const onLine = (): void => {
    reported += 1;
    // The file grows as fast as it is read, up to a limit, so that this test ends even if caughtUp waits for the end of the file.
    if (reported <= mostLines) appendFileSync(file, line);
  };
  const follower = await LogFollower.open(file, { offset: 0 }, { onLine, onOversized() {} });
  await follower.caughtUp;
  follower.close();
  expect(reported).toBeGreaterThanOrEqual(linesAtFirst);
  expect(reported).toBeLessThan(mostLines);
});

describe('a file with a limited length', () => {
  const fullAt = async (path: string, mostBytes: number): Promise<{ follower: LogFollower; full: () => number }> => {
    const onFull = vi.fn();
    const follower = await LogFollower.open(path, { offset: 0, mostBytes }, { onLine() {}, onOversized() {}, onFull });
    onTestFinished(() => follower.close());
    return { follower, full: () => onFull.mock.calls.length };
  };

  it('a file over its limit is reported once, whether it was too long at first or became so later', async () => {
    expect((await fullAt(log('x'.repeat(11)), 10)).full()).toBe(1);
    const path = log('x'.repeat(10));
    const { follower, full } = await fullAt(path, 10);
    expect(full()).toBe(0);
    appendFileSync(path, 'y');
    await eventually(() => expect(full()).toBe(1));
    appendFileSync(path, 'y');
    await follower.drain();
    expect(full()).toBe(1);
  });
});

describe('a log that takes too long to read', () => {
  it('after the run has ended, a log that takes too long is not read to its end', async () => {
    fakeClock();
    const path = log();
    const states: BacklogState[] = [];
    let read = 0;
    const follower = await LogFollower.open(
      path,
      { offset: 0 },
      {
        onLine() {
          read++;
          vi.advanceTimersByTime(100);
        },
        onOversized() {},
        onBacklog: (state) => states.push(state),
      },
    );
    appendFileSync(path, 'slow\n'.repeat(10_000));
    await follower.drain();
    expect(states).toEqual(['caught-up', 'flood']);
    // Lines for ten seconds.
    expect(read).toBeGreaterThan(100);
    expect(read).toBeLessThan(200);
  });

  it('while the run continues, a log that takes too long is reported as a flood', async () => {
    fakeClock();
    const path = log();
    const states: BacklogState[] = [];
    const follower = await LogFollower.open(
      path,
      { offset: 0 },
      {
        onLine: () => void vi.advanceTimersByTime(100),
        onOversized() {},
        onBacklog: (state) => states.push(state),
      },
    );
    onTestFinished(() => follower.close());
    appendFileSync(path, 'slow\n'.repeat(10_000));
    told.at(-1)?.(null);
    while (!states.includes('flood')) await turn();
    expect(states).toEqual(['caught-up', 'behind', 'flood']);
  });
});
