import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TranscriptCopy } from '../../../../src/core/orchestration/monitoring/transcript-copy.js';
import { eventually } from '../../../support/eventually.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CONVERSATION = '1b63e5a1-bdd3-4c2d-a917-dccab5376e2f';

const OTHER = '00000000-0000-4000-8000-000000000000';

/** A folder for transcripts, which is not there yet, and a log. */
function scene() {
  const root = tempFolder();
  const folder = join(root, 'projects', '-workspace');
  mkdirSync(join(root, 'projects'));
  const path = join(folder, `${CONVERSATION}.jsonl`);
  const log = join(root, 'stream.log');
  writeFileSync(log, '');
  const follow = (openLog = (): Promise<FileHandle> => open(log, 'a'), alone = false): TranscriptCopy => {
    const copy = new TranscriptCopy({
      folder,
      conversationId: CONVERSATION,
      alone,
      openLog,
      readLog: () => open(log, 'r'),
    });
    onTestFinished(() => copy.close());
    return copy;
  };
  /** What was copied, without the lines that say where from. */
  const written = (): string => readFileSync(log, 'utf8').replaceAll(/^\{"type":"autonomous-orchestration".*\n/gm, '');
  const logged = (text: string): Promise<unknown> => eventually(() => expect(written()).toBe(text));
  return { root, folder, path, log, follow, written, logged };
}

/** What of a folder this process has open. */
const openIn = (root: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(root) ? [path] : [];
    } catch {
      return []; // It was the one with which the folder was read.
    }
  });

describe('the copy', () => {
  it('begins whenever the transcript appears, and goes on as it grows', async () => {
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

  it('is byte for byte, whatever the length', async () => {
    const { folder, path, follow, log } = scene();
    mkdirSync(folder);
    const bytes = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => (index * 7919) % 256));
    writeFileSync(path, bytes);
    const copy = follow();
    await copy.drain();
    expect(readFileSync(log).equals(bytes)).toBe(true);
  });

  it('holds all that was written before it drained, and nothing after', async () => {
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

  it('of a transcript that came at the very end is made by drain alone', async () => {
    const { folder, path, follow, written } = scene();
    const copy = follow();
    mkdirSync(folder);
    writeFileSync(path, 'all\n');
    await copy.drain();
    expect(written()).toBe('all\n');
  });

  it('goes on where another host has stopped: at the length of the log', async () => {
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

  it('has the rest of a line that was never ended, and goes on with it', async () => {
    const { folder, path, follow, written, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntw');
    await follow().drain();
    expect(written()).toBe('one\ntw');
    appendFileSync(path, 'o\nthree\n');
    follow();
    await logged('one\ntwo\nthree\n');
  });

  it('has the transcripts of subagents, each line whole and once, also by another host', async () => {
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

  it('takes nothing else for a subagent: no link, no other name', async () => {
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

  it('takes no line of the agent’s for one of its own', async () => {
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

  it('keeps what the agent takes away again', async () => {
    const { folder, path, follow, logged, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\ntwo\n');
    const copy = follow();
    await logged('one\ntwo\n');
    rmSync(folder, { recursive: true });
    await copy.drain();
    expect(written()).toBe('one\ntwo\n');
  });

  it('goes on at its end where it was cut short, and at its beginning where another took its place', async () => {
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

describe('what is no transcript', () => {
  it.each<[string, (path: string, root: string) => void]>([
    ['a link', (path, root) => symlinkSync(join(root, 'secret'), path)],
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a folder', (path) => mkdirSync(path)],
    ['a link to a device', (path) => symlinkSync('/dev/zero', path)],
  ])('is not read, and taken up when it is one: %s', async (_, make) => {
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

  it('is what lies in a folder that is a link', async () => {
    const { root, folder, follow, written } = scene();
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere', `${CONVERSATION}.jsonl`), 'SECRET');
    symlinkSync(join(root, 'elsewhere'), folder);
    const copy = follow();
    await delay(250);
    await copy.drain();
    expect(written()).toBe('');
  });

  it('is one of another conversation, where others may have theirs', async () => {
    const { folder, path, follow, written } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    writeFileSync(join(folder, `${OTHER}.jsonl`), 'other\n');
    await follow().drain();
    expect(written()).toBe('one\n');
  });
});

it('what was begun with /clear is copied, too, where nobody else has conversations', async () => {
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

describe('a disk that is full', () => {
  it('loses nothing and doubles nothing: what it did not take is tried again', async () => {
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

  it('or a log that cannot be opened is waited for', async () => {
    const { folder, path, log, follow, logged } = scene();
    mkdirSync(folder);
    writeFileSync(path, 'one\n');
    let tries = 0;
    follow(() => (++tries < 3 ? Promise.reject(new Error('full')) : open(log, 'a')));
    await logged('one\n');
  });
});

describe('when it is over', () => {
  it('nothing is left open, however it ends', async () => {
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

  it('a copy that was closed before there was a transcript never takes it up', async () => {
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
