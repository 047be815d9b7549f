import { appendFileSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { MOST_LINE_BYTES } from '../../../../src/core/orchestration/monitoring/line-splitter.js';
import { TranscriptLines } from '../../../../src/core/orchestration/monitoring/transcript-lines.js';
import { tempFolder } from '../../../support/temp-folder.js';

const CHUNK = 64 * 1024;

/** A transcript that can grow, and what is found in it. */
async function transcript(text: string) {
  const path = join(tempFolder(), 'transcript');
  writeFileSync(path, text);
  const file: FileHandle = await open(path);
  onTestFinished(() => file.close());
  const lines = new TranscriptLines();
  const state = async () => ({ name: 'x', file, size: (await file.stat()).size });
  const next = async (line: number) => {
    const found = await lines.next(await state(), line);
    return found.kind === 'lines' ? { ...found, bytes: found.bytes.toString() } : found;
  };
  const unfinished = async (line: number) => String(await lines.unfinished(await state(), line));
  return { lines, next, unfinished, grow: (more: string) => appendFileSync(path, more) };
}

it('next() finds all complete lines of a chunk, without the unfinished last line', async () => {
  const { next } = await transcript('one\ntwo\nthr');
  expect(await next(0)).toEqual({ kind: 'lines', bytes: 'one\ntwo\n', read: 11 });
});

it('each byte of a long line is searched once, and the line is returned whole when its end is there', async () => {
  const { next, grow } = await transcript('x'.repeat(2 * CHUNK));
  expect([await next(0), await next(0), await next(0)]).toEqual([
    { kind: 'part', read: CHUNK },
    { kind: 'part', read: CHUNK },
    { kind: 'end' },
  ]);
  grow('end\nmore\n');
  const line = `${'x'.repeat(2 * CHUNK)}end\n`;
  expect(await next(0)).toEqual({ kind: 'lines', bytes: line, read: 'end\nmore\n'.length + line.length });
});

it('unfinished() returns the unfinished last line after next() has searched that line', async () => {
  const { next, unfinished } = await transcript('one\nhalf');
  expect(await unfinished(4)).toBe('');
  expect(await next(4)).toEqual({ kind: 'part', read: 4 });
  expect(await unfinished(4)).toBe('half');
});

it.each([
  ['a hole', '\0'.repeat(10)],
  ['a line about a tool call that is too long', `"tool_use"${'x'.repeat(MOST_LINE_BYTES + CHUNK)}`],
])('a transcript with %s is refused until another file replaces it', async (_, text) => {
  const { lines, next } = await transcript(text);
  let found = await next(0);
  while (found.kind === 'part') found = await next(0);
  expect(found.kind).toBe('refused');
  expect(lines.isRefused('x')).toBe(true);
  lines.forget('x');
  expect(lines.isRefused('x')).toBe(false);
});

it('a line that is too long and carries no tool call is skipped', async () => {
  const long = 'x'.repeat(MOST_LINE_BYTES + CHUNK);
  const { lines, next, unfinished, grow } = await transcript(`${long}`);
  const read = async () => {
    let found = await next(0);
    while (found.kind === 'part') found = await next(0);
    return found;
  };
  expect(await read()).toEqual({ kind: 'end' });
  expect(await unfinished(0)).toBe('');
  grow('x\nmore\n');
  expect(await read()).toMatchObject({ kind: 'skipped', to: long.length + 2 });
  expect(await next(long.length + 2)).toMatchObject({ kind: 'lines', bytes: 'more\n' });
  expect(lines.isRefused('x')).toBe(false);
});

it('lines before a hole are found', async () => {
  const { next } = await transcript('one\n\0\0');
  expect(await next(0)).toMatchObject({ kind: 'lines', bytes: 'one\n' });
  expect(await next(4)).toMatchObject({ kind: 'refused' });
});
