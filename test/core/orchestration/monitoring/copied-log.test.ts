import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CopiedLog, isGap } from '../../../../src/core/orchestration/monitoring/copied-log.js';
import { tempFolder } from '../../../support/temp-folder.js';

const MARK = '{"type":"autonomous-orchestration","from":';
const NAMES = ['', 'a/subagents/agent-1.jsonl', 'b.jsonl'] as const;

/** A disk with room for `room` bytes. */
const disk = { room: Number.POSITIVE_INFINITY };

async function openOn(path: string): Promise<CopiedLog> {
  return CopiedLog.open(
    async () => {
      const handle = await open(path, 'a');
      const write = handle.write.bind(handle) as (bytes: Buffer, at: number, length: number) => Promise<unknown>;
      handle.write = (async (bytes: Buffer, at: number, length: number) => {
        if (disk.room <= 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
        const most = Math.min(length, disk.room);
        disk.room -= most;
        return write(bytes, at, most);
      }) as FileHandle['write'];
      return handle;
    },
    () => open(path, 'r'),
  );
}

type Step =
  | { does: 'line'; file: number; length: number; marks: boolean }
  | { does: 'fills'; room: number }
  | { does: 'dies' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('line' as const),
      file: fc.nat(2),
      length: fc.nat(80),
      marks: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('fills' as const), room: fc.nat(150) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('dies' as const) }) },
);

it('the log holds each line of each file once and whole, even if the disk fills or the process dies', async () => {
  const path = join(tempFolder(), 'log');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      rmSync(path, { force: true });
      writeFileSync(path, '');
      disk.room = Number.POSITIVE_INFINITY;
      const files = ['', '', ''];
      let log = await openOn(path);
      const copy = async (): Promise<void> => {
        const { unfinished } = log;
        const order = [...NAMES.entries()].sort(([, a], [, b]) => Number(b === unfinished) - Number(a === unfinished));
        for (const [index, name] of order) {
          const bytes = Buffer.from(files[index] ?? '');
          if (log.position(name) < bytes.length) await log.append(name, bytes.subarray(log.position(name)));
        }
      };
      for (const [number, one] of steps.entries()) {
        if (one.does === 'line') {
          const forged = one.marks ? `${MARK}"","at":0}\n` : '';
          files[one.file] += `${forged}${one.file}:${number}:${'x'.repeat(one.length)}\n`;
        } else if (one.does === 'fills') disk.room = one.room;
        else {
          await log.close();
          log = await openOn(path);
          disk.room = Number.POSITIVE_INFINITY;
        }
        await copy().catch(() => {});
      }
      disk.room = Number.POSITIVE_INFINITY;
      await copy();
      await log.close();
      const lines = readFileSync(path, 'utf8').split('\n');
      for (const [index, content] of files.entries()) {
        const expected = content.split('\n').filter((line) => line.startsWith(`${index}:`));
        expect(lines.filter((line) => line.startsWith(`${index}:`))).toEqual(expected);
      }
      const again = await openOn(path);
      expect(NAMES.map((name) => again.position(name))).toEqual(files.map((content) => content.length));
      await again.close();
    }),
    { numRuns: 150 },
  );
});

it('the position of each file is found in a long log, even if a chunk ends inside a mark', async () => {
  const path = join(tempFolder(), 'log');
  for (const extra of [0, 1, 20, 41, 60]) {
    writeFileSync(path, '');
    const log = await openOn(path);
    await log.append('', Buffer.from(`${'x'.repeat(65_536 - 30 + extra)}\n`));
    await log.append('b.jsonl', Buffer.from(`${'y'.repeat(200_000)}\n`));
    await log.append('', Buffer.from('z\n'));
    await log.close();
    const again = await openOn(path);
    expect([again.position(''), again.position('b.jsonl')]).toEqual([65_536 - 30 + extra + 3, 200_001]);
    await again.close();
  }
});

it('a log of one file is continued without a mark', async () => {
  const path = join(tempFolder(), 'log');
  writeFileSync(path, 'one\ntwo\nth');
  const log = await openOn(path);
  expect(log.position('')).toBe(10);
  await log.append('', Buffer.from('ree\n'));
  await log.close();
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\nthree\n');
});

it('a gap is recorded, even within a line, and copying continues after the gap', async () => {
  const path = join(tempFolder(), 'log');
  writeFileSync(path, '');
  const log = await openOn(path);
  await log.noteGap();
  await log.append('', Buffer.from('one\nha'));
  await log.noteGap();
  await log.append('', Buffer.from('lf\n'));
  await log.append('b.jsonl', Buffer.from('two\n'));
  await log.noteGap();
  await log.close();
  const next = await openOn(path);
  expect([next.position(''), next.position('b.jsonl'), next.unfinished]).toEqual([9, 4, undefined]);
  await next.append('b.jsonl', Buffer.from('three\n'));
  await next.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith(MARK))).toEqual(['one', 'ha', 'lf', 'two', 'three']);
  const gaps = lines.filter((line) => line.startsWith(MARK) && isGap(JSON.parse(line)));
  expect(gaps).toHaveLength(3);
});
