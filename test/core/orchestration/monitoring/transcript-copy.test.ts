import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { OtherTranscripts } from '../../../../src/core/orchestration/monitoring/other-transcripts.js';
import { type CopyLimits, TranscriptCopy } from '../../../../src/core/orchestration/monitoring/transcript-copy.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CONVERSATION = '1b63e5a1-bdd3-4c2d-a917-dccab5376e2f';

const OTHER = '00000000-0000-4000-8000-000000000000';

/** A folder for transcripts, which does not exist yet, and a log. */
function scene() {
  const root = tempFolder();
  const folder = join(root, 'projects', '-workspace');
  mkdirSync(join(root, 'projects'));
  const path = join(folder, `${CONVERSATION}.jsonl`);
  const log = join(root, 'stream.log');
  writeFileSync(log, '');
  const follow = (
    openLog = (): Promise<FileHandle> => open(log, 'a'),
    alone = false,
    limits: Partial<CopyLimits> = {},
    mostLogBytes = Number.POSITIVE_INFINITY,
  ): TranscriptCopy => {
    const copy = new TranscriptCopy({
      folder,
      conversationId: CONVERSATION,
      alone,
      openLog,
      readLog: () => open(log, 'r'),
      limits,
      mostLogBytes,
    });
    onTestFinished(() => copy.close());
    return copy;
  };
  /** What was copied, without the marks. */
  const written = (): string => readFileSync(log, 'utf8').replaceAll(/^\{"type":"autonomous-orchestration".*\n/gm, '');
  const logged = (text: string): Promise<unknown> => eventually(() => expect(written()).toBe(text));
  /** How many gaps the log records. */
  const gaps = (): number => readFileSync(log, 'utf8').split('"gap":true').length - 1;
  return { root, folder, path, log, follow, written, logged, gaps };
}

/** The files in a folder that this process has open. */
const openIn = (root: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(root) ? [path] : [];
    } catch {
      return []; // It was the descriptor with which the folder was read.
    }
  });

describe('the copy of a transcript', () => {
  it('copying begins when the transcript appears, and continues as the transcript grows', async () => {
    const { folder, path, follow, logged } = scene();
    const copy = follow();
    const appeared = vi.fn();
    void copy.appeared.then(appeared);
    await delay(250);
    expect(appeared).not.toHaveBeenCalled();
    mkdirSync(folder);
    await delay(150);
    writeFileSync(path, '{"a":1}\n{"b"');
    await copy.appeared;
    await logged('{"a":1}\n');
    appendFileSync(path, ':2}\n');
    await logged('{"a":1}\n{"b":2}\n');
  });

  it('the copy equals the transcript byte for byte', async () => {
    const { folder, path, follow, log } = scene();
    mkdirSync(folder);
    const bytes = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => 1 + ((index * 7919) % 255)));
    writeFileSync(path, bytes);
    const copy = follow();
    await copy.drain();
    expect(readFileSync(log).equals(bytes)).toBe(true);
  });

  it('the copy holds everything written before drain(), and nothing written later', async () => {
    const { folder, path, follow, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    const copy = follow();
    await copy.appeared;
    for (let line = 0; line < 200; line++) appendFileSync(path, `${line}\n`);
    await copy.drain();
    const all = readFileSync(path, 'utf8');
    appendFileSync(path, 'late\n');
    await delay(100);
    expect(written()).toBe(all);
  });

  it('drain() copies a transcript that appeared only just before', async () => {
    const { folder, path, follow, written } = scene();
    const copy = follow();
    mkdirSync(folder);
    writeFileSync(path, 'all\n');
    await copy.drain();
    expect(written()).toBe('all\n');
  });

  it('a new process continues the copy where another process stopped', async () => {
    const { folder, path, follow, written, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntw');
    const first = follow();
    await logged('one\n');
    await first.close();
    appendFileSync(path, 'o\nthree\n');
    const second = follow();
    await logged('one\ntwo\nthree\n');
    await Promise.all([second.drain(), second.drain(), second.close()]);
    expect(written()).toBe('one\ntwo\nthree\n');
  });

  it('drain() copies an unfinished last line, and a later copy continues that line', async () => {
    const { folder, path, follow, written, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntw');
    await follow().drain();
    expect(written()).toBe('one\ntw');
    appendFileSync(path, 'o\nthree\n');
    follow();
    await logged('one\ntwo\nthree\n');
  });

  it('each line of main and subagent transcripts is copied whole and once, even by several processes', async () => {
    const { folder, path, follow, written } = scene();
    const subagents = join(folder, CONVERSATION, 'subagents');
    mkdirSync(subagents, { recursive: true });
    const long = 'x'.repeat(200_000);
    const files = [path, join(subagents, 'agent-a1.jsonl'), join(subagents, 'agent-b2.jsonl')];
    const expected: string[] = [];
    let copy = follow();
    for (let round = 0; round < 30; round++) {
      for (const [index, file] of files.entries()) {
        const line = `${index} ${round} ${round % 10 === index ? long : 'x'}`;
        expected.push(line);
        appendFileSync(file, `${line.slice(0, 5)}`);
        await copy.look();
        appendFileSync(file, `${line.slice(5)}\n`);
        await copy.look();
      }
      if (round % 7 === 0) {
        await copy.close();
        copy = follow();
      }
    }
    await copy.drain();
    const lines = written().trimEnd().split('\n');
    for (const index of [0, 1, 2]) {
      const of = (list: string[]): string[] => list.filter((line) => line.startsWith(`${index} `));
      expect(of(lines)).toEqual(of(expected));
    }
    expect(lines).toHaveLength(expected.length);
  });

  it('links and files with other names in the folder of the subagents are not copied', async () => {
    const { root, folder, path, follow, written } = scene();
    const subagents = join(folder, CONVERSATION, 'subagents');
    mkdirSync(subagents, { recursive: true });
    writeFileSync(join(root, 'agent-x.jsonl'), 'SECRET\n');
    symlinkSync(join(root, 'agent-x.jsonl'), join(subagents, 'agent-a.jsonl'));
    writeFileSync(join(subagents, 'other.jsonl'), 'OTHER\n');
    writeFileSync(path, 'one\n');
    await follow().drain();
    rmSync(join(folder, CONVERSATION), { recursive: true });
    mkdirSync(join(folder, CONVERSATION));
    symlinkSync(root, subagents);
    await follow().drain();
    expect(written()).toBe('one\n');
  });

  it('a line of the agent that looks like a mark of the copy is not copied', async () => {
    const { folder, path, follow, log } = scene();
    mkdirSync(folder);
    const forged = '{"type":"autonomous-orchestration","from":"","at":0}\n';
    writeFileSync(path, `${forged}one\n${forged}${forged}two\n${forged}`);
    await follow().drain();
    await follow().drain();
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    expect(lines.filter((line) => !line.startsWith('{'))).toEqual(['one', 'two']);
    for (const part of ['three\n', forged.slice(0, 30), forged.slice(30), `four\nfi`, `ve\n${forged}six\n`]) {
      appendFileSync(path, part);
      await follow().drain();
    }
    expect(readFileSync(log, 'utf8').match(/^(one|two|three|four|five|six)$/gm)).toEqual([
      ...['one', 'two', 'three', 'four', 'five', 'six'],
    ]);
  });

  it('lines that the agent removes stay in the copy', async () => {
    const { folder, path, follow, logged, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntwo\n');
    const copy = follow();
    await logged('one\ntwo\n');
    rmSync(folder, { recursive: true });
    await copy.drain();
    expect(written()).toBe('one\ntwo\n');
  });

  it('copying continues at the end of a truncated transcript, and at the start of a new transcript', async () => {
    const { folder, path, follow, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntwo\n');
    const copy = follow();
    await logged('one\ntwo\n');
    truncateSync(path, 4);
    await copy.look();
    appendFileSync(path, 'three\n');
    await logged('one\ntwo\nthree\n');
    writeFileSync(`${path}.new`, 'four\n');
    renameSync(`${path}.new`, path);
    await logged('one\ntwo\nthree\nfour\n');
    appendFileSync(path, 'five\n');
    await logged('one\ntwo\nthree\nfour\nfive\n');
  });
});

/** Each function notifies one copy of a change in its folder while the copy watches, in the order in which the copies began to watch. */
const told = vi.hoisted((): ((name: string | null) => void)[] => []);
vi.mock('../../../../src/core/orchestration/util/fs/folder-watch.js', async (original) => {
  const real = await original<typeof import('../../../../src/core/orchestration/util/fs/folder-watch.js')>();
  return {
    ...real,
    watchFolder: (...[folder, onChange, options]: Parameters<typeof real.watchFolder>) => {
      let watches = true;
      told.push((name) => {
        if (watches) onChange(name);
      });
      const stop = real.watchFolder(folder, onChange, options);
      return () => {
        watches = false;
        stop();
      };
    },
  };
});

/** Counts the reads of all files from now on. */
async function reads(): Promise<{ count: number; bytes: number }> {
  const file = await open('/dev/null');
  const prototype = Object.getPrototypeOf(file) as { read: (...args: unknown[]) => Promise<{ bytesRead: number }> };
  await file.close();
  const real = prototype.read;
  const seen = { count: 0, bytes: 0 };
  const spy = vi.spyOn(prototype, 'read').mockImplementation(async function (this: unknown, ...args: unknown[]) {
    const done = await real.apply(this, args);
    seen.count++;
    seen.bytes += done.bytesRead;
    return done;
  });
  onTestFinished(() => spy.mockRestore());
  return seen;
}

describe('an agent that writes more than Claude would', () => {
  const MB = 1024 * 1024;

  it.each<[string, (path: string) => void, string]>([
    ['a hole', (path) => truncateSync(path, 512 * MB), 'one\n'],
    [
      'lines with holes',
      (path) => {
        truncateSync(path, 8 * MB);
        appendFileSync(path, '\ntwo\n');
      },
      'one\n',
    ],
    [
      'a line about a call of 17 MB without an end',
      (path) => appendFileSync(path, `"tool_use"${'x'.repeat(17 * MB)}`),
      'one\n',
    ],
    [
      "a line about a call that is longer than Claude's lines",
      (path) => appendFileSync(path, `${'x'.repeat(17 * MB)}"tool_use_id"\ntwo\n`),
      'one\n',
    ],
    [
      'the longest allowed line, which leaves no gap',
      (path) => appendFileSync(path, `${'x'.repeat(8 * MB - 1)}\n`),
      '',
    ],
  ])('a transcript is copied up to the limits, and a gap is recorded for the rest: %s', async (_, make, copied) => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    make(path);
    const seen = await reads();
    await follow().drain();
    expect(seen.bytes).toBeLessThan(50 * MB);
    expect(written() === (copied || readFileSync(path, 'utf8'))).toBe(true);
    expect(gaps()).toBe(copied ? 1 : 0);
  });

  it('a line that is too long and cannot carry a tool call is left out without a gap', async () => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(folder);
    writeFileSync(path, `one\n{"type":"document","data":"${'x'.repeat(17 * MB)}"}\ntwo\n`);
    await follow().drain();
    expect(written()).toBe('one\ntwo\n');
    expect(gaps()).toBe(0);
  });

  it('a transcript fills the log at most one chunk beyond its limit', async () => {
    const { folder, path, log, follow } = scene();
    mkdirSync(folder);
    writeFileSync(path, `${'x'.repeat(99)}\n`.repeat(100_000));
    const copy = follow(undefined, false, {}, 1_000_000);
    await copy.look();
    await copy.drain();
    const { size } = statSync(log);
    expect(size).toBeGreaterThan(1_000_000);
    expect(size).toBeLessThan(1_100_000);
    const next = follow(undefined, false, {}, 1_000_000);
    await next.drain();
    expect(statSync(log).size).toBe(size);
  });

  it('the copy is reported as behind until everything is copied', async () => {
    const { folder, path, follow, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    const copy = follow();
    const told: boolean[] = [];
    copy.watchBacklog((behind) => told.push(behind));
    await copy.look();
    expect(told).toEqual([]);
    appendFileSync(path, `${'x'.repeat(99)}\n`.repeat(90_000));
    await eventually(() => expect(told).toEqual([true, false]));
    expect(written().length).toBe(4 + 9_000_000);
  });

  it('after the run has ended, a transcript is read up to a limit and a gap is recorded', async () => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(join(folder, CONVERSATION, 'subagents'), { recursive: true });
    writeFileSync(path, `${'x'.repeat(99)}\n`.repeat(20_000));
    const seen = await reads();
    await follow(undefined, false, { drainBytes: 500_000 }).drain();
    expect(seen.bytes).toBeLessThan(600_000);
    expect(written().length).toBeGreaterThan(400_000);
    expect(gaps()).toBe(1);
  });

  it('a large subagent transcript delays the copy of the conversation only up to a limit', async () => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(join(folder, CONVERSATION, 'subagents'), { recursive: true });
    writeFileSync(join(folder, CONVERSATION, 'subagents', 'agent-a.jsonl'), `${'x'.repeat(99)}\n`.repeat(20_000));
    writeFileSync(path, 'one\n');
    await follow(undefined, false, { othersBytes: 100_000 }).drain();
    expect(written().indexOf('one\n')).toBeLessThan(300_000);
    expect(written().length).toBe(2_000_004);
    expect(gaps()).toBe(0);
  });

  it('an unfinished line is not read again while its end is missing', async () => {
    const { folder, path, follow, written } = scene();
    const subagents = join(folder, CONVERSATION, 'subagents');
    mkdirSync(subagents, { recursive: true });
    const files = [path, join(subagents, 'agent-a.jsonl'), join(folder, `${OTHER}.jsonl`)];
    for (const file of files) writeFileSync(file, 'x'.repeat(4 * MB));
    const copy = follow(undefined, true);
    await copy.look();
    const seen = await reads();
    for (let looks = 0; looks < 10; looks++) await copy.look();
    for (const file of files) appendFileSync(file, 'y');
    await copy.look();
    expect(seen.bytes).toBeLessThan(10);
    for (const file of files) appendFileSync(file, '\n');
    await copy.drain();
    expect(written() === `${'x'.repeat(4 * MB)}y\n`.repeat(3)).toBe(true);
  });

  it.each([
    ['subagents', (number: number) => join(CONVERSATION, 'subagents', `agent-${number}.jsonl`)],
    ['conversations', (number: number) => `${String(number).padStart(8, '0')}-0000-4000-8000-000000000000.jsonl`],
  ])('at most a thousand files are examined, and a gap is recorded for more: %s', async (_, nameOf) => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(join(folder, CONVERSATION, 'subagents'), { recursive: true });
    writeFileSync(path, 'one\n');
    for (let number = 0; number < 1_000; number++) writeFileSync(join(folder, nameOf(number)), 'x');
    const copy = follow(undefined, true);
    await copy.look();
    const seen = await reads();
    await copy.look();
    expect(seen.count).toBe(0);
    expect(gaps()).toBe(0);
    writeFileSync(join(folder, nameOf(1_000)), 'more\n');
    await copy.look();
    await copy.look();
    expect(written()).toBe('one\n');
    expect(gaps()).toBe(1);
    rmSync(join(folder, nameOf(0))); // Removing a file makes no room for another file.
    await copy.drain();
    expect(written().match(/x/g)?.length).toBeLessThan(1_000);
    expect(gaps()).toBe(1);
  });

  it('many changes of transcripts cause few scans, and changes of other files cause none', async () => {
    const { folder, path, follow } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    const before = told.length;
    const copy = follow(undefined, true);
    await eventually(() => expect(told.length).toBeGreaterThan(before));
    await copy.look();
    const find = vi.spyOn(OtherTranscripts.prototype, 'find');
    onTestFinished(() => find.mockRestore());
    for (let times = 0; times < 10_000; times++) told.at(-1)?.(times % 2 ? `${OTHER}.json` : 'agent-a.jsonl');
    expect(find).not.toHaveBeenCalled();
    for (let times = 0; times < 10_000; times++) told.at(-1)?.(times % 2 ? `${OTHER}.jsonl` : `${CONVERSATION}.jsonl`);
    await copy.look();
    expect(find.mock.calls.length).toBeLessThan(5);
  });

  it.each<[string, (path: string) => void]>([
    ['touched', () => told.at(-1)?.(null)],
    [
      'replaced',
      (path) => {
        writeFileSync(`${path}.new`, '');
        renameSync(`${path}.new`, path);
      },
    ],
  ])('a file that is %s again and again does not keep the run from ending', async (_, disturb) => {
    const { folder, path, follow, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    const before = told.length;
    const copy = follow(undefined, false, { drainBytes: 4 * MB });
    await eventually(() => expect(told.length).toBeGreaterThan(before));
    await copy.look();
    let passes = 0;
    const find = vi.spyOn(OtherTranscripts.prototype, 'find').mockImplementation(async () => {
      if (++passes < 50) disturb(path);
      return { names: [], complete: true };
    });
    onTestFinished(() => find.mockRestore());
    await copy.drain();
    expect(passes).toBeLessThan(10);
    expect(written()).toBe('one\n');
  });

  it('at most ten thousand file names are examined, and a gap is recorded for more', async () => {
    const { folder, path, follow, written, gaps } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    for (let number = 0; number < 10_000; number++) writeFileSync(join(folder, `${number}`), '');
    await follow(undefined, true).drain();
    expect(written()).toBe('one\n');
    expect(gaps()).toBe(1);
  });
});

it('an unfinished line that is truncated and rewritten is copied in its final form', async () => {
  const { folder, path, follow, written } = scene();
  mkdirSync(folder);
  writeFileSync(path, 'one\ntwo two two');
  const copy = follow();
  await copy.look();
  truncateSync(path, 7);
  appendFileSync(path, '!\n');
  await copy.look();
  expect(written()).toBe('one\ntwo!\n');
});

describe('files that are not transcripts of the session', () => {
  it.each<[string, (path: string, root: string) => void]>([
    ['a link', (path, root) => symlinkSync(join(root, 'secret'), path)],
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a folder', (path) => mkdirSync(path)],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
  ])('%s in place of the transcript is not read until a transcript replaces it', async (_, make) => {
    const { root, folder, path, follow, written, logged } = scene();
    writeFileSync(join(root, 'secret'), 'SECRET');
    mkdirSync(folder);
    make(path, root);
    const copy = follow();
    await delay(250);
    expect(written()).toBe('');
    expect(openIn(root)).toEqual([]);
    rmSync(path, { recursive: true });
    writeFileSync(path, 'one\n');
    await logged('one\n');
    await copy.close();
  });

  it('a transcript is not read if its folder is a link', async () => {
    const { root, folder, follow, written } = scene();
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere', `${CONVERSATION}.jsonl`), 'SECRET');
    symlinkSync(join(root, 'elsewhere'), folder);
    const copy = follow();
    await delay(250);
    await copy.drain();
    expect(written()).toBe('');
  });

  it('another conversation is not read if the folder is shared with other sessions', async () => {
    const { folder, path, follow, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    writeFileSync(join(folder, `${OTHER}.jsonl`), 'other\n');
    await follow().drain();
    expect(written()).toBe('one\n');
  });
});

it('a conversation begun with /clear is also copied if the folder belongs to this session alone', async () => {
  const { root, folder, path, follow, written } = scene();
  mkdirSync(join(folder, OTHER, 'subagents'), { recursive: true });
  writeFileSync(path, 'one\n');
  writeFileSync(join(folder, `${OTHER}.jsonl`), 'other\n');
  writeFileSync(join(folder, OTHER, 'subagents', 'agent-a.jsonl'), 'subagent\n');
  writeFileSync(join(root, 'secret'), 'SECRET\n');
  symlinkSync(join(root, 'secret'), join(folder, '11111111-0000-4000-8000-000000000000.jsonl'));
  writeFileSync(join(folder, 'else.jsonl'), 'ELSE\n');
  await follow(undefined, true).drain();
  appendFileSync(path, 'two\n');
  appendFileSync(join(folder, `${OTHER}.jsonl`), 'more\n');
  await follow(undefined, true).drain();
  expect(written()).toBe('subagent\nother\none\nmore\ntwo\n');
});

describe('a full disk', () => {
  it('a full disk loses no line and doubles no line, because writing is tried again', async () => {
    const { folder, path, log, follow, written } = scene();
    mkdirSync(folder);
    const lines = Array.from({ length: 5_000 }, (_, line) => `line ${line}\n`).join('');
    writeFileSync(path, lines);
    let writes = 0;
    const copy = follow(async () => {
      const handle = await open(log, 'a');
      const write = handle.write.bind(handle) as (buffer: Buffer, offset: number, length: number) => Promise<unknown>;
      handle.write = (async (buffer: Buffer, offset: number, length: number) => {
        writes++;
        if (writes % 3 === 1) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        return write(buffer, offset, writes % 3 === 2 ? Math.min(length, 1_000) : length);
      }) as typeof handle.write;
      return handle;
    });
    for (let tries = 0; tries < 400 && written().length < lines.length; tries++) await copy.look();
    await copy.close();
    expect(written()).toBe(lines);
  });

  it('opening the log is tried again if it fails', async () => {
    const { folder, path, log, follow, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    let tries = 0;
    follow(() => (++tries < 3 ? Promise.reject(new Error('full')) : open(log, 'a')));
    await logged('one\n');
  });
});

describe('after close()', () => {
  it('after close(), nothing is written, so another process can continue at once', async () => {
    const { folder, path, log, follow, written } = scene();
    mkdirSync(folder);
    const lines = Array.from({ length: 100_000 }, (_, line) => `line ${line}\n`).join('');
    writeFileSync(path, lines);
    const [begun, goOn] = [deferred<void>(), deferred<void>()];
    let writes = 0;
    const first = follow(async () => {
      const handle = await open(log, 'a');
      const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<unknown>;
      handle.write = (async (...args: unknown[]) => {
        writes++;
        begun.resolve();
        await goOn.promise;
        return write(...args);
      }) as typeof handle.write;
      return handle;
    });
    await begun.promise;
    const closed = first.close();
    goOn.resolve();
    await closed;
    expect(writes).toBe(1);
    await follow().drain();
    expect(written()).toBe(lines);
  });

  it('no file is left open, however the copy ends', async () => {
    const { root, folder, path, follow } = scene();
    const copies = [follow(), follow()];
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    copies.push(follow(), follow());
    await Promise.all(copies.map((copy, index) => (index % 2 ? copy.drain() : copy.close())));
    const third = follow();
    await third.appeared;
    await Promise.all([third.drain(), third.close(), third.drain()]);
    await delay(150);
    expect(openIn(root)).toEqual([]);
  });

  it('a copy that was closed before the transcript appeared never begins', async () => {
    const { root, folder, path, follow, written } = scene();
    const copy = follow();
    await copy.close();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    await delay(250);
    expect(written()).toBe('');
    expect(openIn(root)).toEqual([]);
  });
});
