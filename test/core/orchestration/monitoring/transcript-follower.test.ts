import {
  appendFileSync,
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TranscriptFollower } from '../../../../src/core/orchestration/monitoring/transcript-follower.js';
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

const ID = '11111111-2222-4333-8444-555555555555';
const said = (id: string): string =>
  `${JSON.stringify({ type: 'assistant', message: { id, usage: { output_tokens: 5 } } })}\n`;

function scene() {
  const root = tempFolder();
  const folder = join(root, 'projects');
  const seen: string[] = [];
  const follower = new TranscriptFollower(folder, (event) =>
    seen.push((event as { message: { id: string } }).message.id),
  );
  onTestFinished(() => follower.close());
  return { root, folder, file: join(folder, `${ID}.jsonl`), follower, seen };
}

describe('TranscriptFollower', () => {
  it('reports existing and appended messages of a transcript once the file exists', async () => {
    const { folder, file, follower, seen } = scene();
    follower.follow(ID);
    follower.look();
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    await eventually(() => {
      follower.look();
      expect(seen).toEqual(['one']);
    });
    appendFileSync(file, said('two'));
    await eventually(() => expect(seen).toEqual(['one', 'two']));
    appendFileSync(file, said('three'));
    await follower.drain();
    expect(seen).toEqual(['one', 'two', 'three']);
  });

  it('looks for the transcript once more when the run has ended', async () => {
    const { folder, file, follower, seen } = scene();
    follower.follow(ID);
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    await follower.drain();
    expect(seen).toEqual(['one']);
  });

  it('reports only agent messages with token usage, and ignores all other lines', async () => {
    const { folder, file, follower, seen } = scene();
    mkdirSync(folder);
    const lines = [
      '{"type":"user","message":{"content":"x"}}',
      '{"type":"assistant","message":{"id":"no figures"}}',
      '{"type":"assistant","usage"',
      'not json "type":"assistant" "usage"',
      '',
    ];
    writeFileSync(file, `${lines.join('\n')}\n${said('one')}`);
    follower.follow(ID);
    await follower.drain();
    expect(seen).toEqual(['one']);
  });

  it('reads only the first conversation, and nothing before a conversation id is known', async () => {
    const { folder, file, follower, seen } = scene();
    mkdirSync(folder);
    writeFileSync(file, said('mine'));
    writeFileSync(join(folder, 'other.jsonl'), said('other'));
    follower.look();
    follower.follow(ID);
    follower.follow('other');
    await follower.drain();
    expect(seen).toEqual(['mine']);
    const without = scene();
    mkdirSync(without.folder);
    writeFileSync(without.file, said('mine'));
    await without.follower.drain();
    expect(without.seen).toEqual([]);
  });

  it.each<[string, (root: string, folder: string, file: string) => void]>([
    [
      'a link in place of the file',
      (root, _, file) => {
        renameSync(file, join(root, 'elsewhere'));
        symlinkSync(join(root, 'elsewhere'), file);
      },
    ],
    [
      'a link in place of the folder',
      (root, folder) => {
        renameSync(folder, join(root, 'elsewhere'));
        symlinkSync(join(root, 'elsewhere'), folder);
      },
    ],
    [
      'a folder in place of the file',
      (root, _, file) => {
        renameSync(file, join(root, 'elsewhere'));
        mkdirSync(file);
      },
    ],
  ])('does not follow %s', async (_, change) => {
    const { root, folder, file, follower, seen } = scene();
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    change(root, folder, file);
    follower.follow(ID);
    await follower.drain();
    expect(seen).toEqual([]);
  });

  it('reads nothing after close()', async () => {
    const { folder, file, follower, seen } = scene();
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    follower.follow(ID);
    follower.close();
    await follower.drain();
    expect(seen).toEqual([]);
  });
});

describe('a transcript that an agent made very large', () => {
  const MB = 1024 * 1024;
  const megabytesRead = (): number => reads.reduce((sum, length) => sum + length, 0) / MB;

  it.each([
    ['the hole is one line', 0],
    ['the hole is split into lines of 8 MB', 8 * MB],
  ])('a sparse transcript is not read beyond its hole: %s', async (_, distance) => {
    const { folder, file, follower, seen } = scene();
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    truncateSync(file, 1024 * MB);
    const fd = openSync(file, 'r+');
    for (let at = distance; distance > 0 && at < 1024 * MB; at += distance) writeSync(fd, '\n', at);
    closeSync(fd);
    appendFileSync(file, said('two'));
    reads.length = 0;
    follower.follow(ID);
    await follower.drain();
    expect(seen).toEqual(['one']);
    expect(megabytesRead()).toBeLessThan(40);
  });

  it('after the run has ended, a transcript is read only up to a limit', async () => {
    const { folder, file, follower, seen } = scene();
    mkdirSync(folder);
    writeFileSync(file, said('one'));
    follower.follow(ID);
    await eventually(() => {
      follower.look();
      expect(seen).toEqual(['one']);
    });
    reads.length = 0;
    appendFileSync(file, said('two'));
    const line = `${'x'.repeat(MB - 1)}\n`;
    for (let lines = 0; lines < 70; lines++) appendFileSync(file, line);
    appendFileSync(file, said('three'));
    await follower.drain();
    expect(seen).toEqual(['one', 'two']);
    expect(megabytesRead()).toBeLessThan(66);
  });
});
