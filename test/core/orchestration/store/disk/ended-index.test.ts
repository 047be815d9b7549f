import { mkdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SessionFolder } from '../../../../../src/core/orchestration/contract/session-folder.js';
import { EndedIndex } from '../../../../../src/core/orchestration/store/disk/ended-index.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const outline = (id: string) => ({ id, mode: 'autonomous', status: 'failed', createdAt: 1, endedAt: 2 }) as const;

/** A state folder with the records of these sessions, and its index. */
function folderWith(...ids: string[]) {
  const stateDir = tempFolder();
  const write = (id: string, text = id): void => {
    const { path, record } = new SessionFolder(stateDir, id);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    writeFileSync(record, text);
  };
  for (const id of ids) write(id);
  const gone = new Set<string>();
  const open = () => new EndedIndex(stateDir, (id) => !gone.has(id));
  return { stateDir, file: join(stateDir, 'ended.jsonl'), write, gone, open, index: open() };
}

describe('EndedIndex', () => {
  it('gives the next process what was added, only for the sessions that it asks for', async () => {
    const { index, open } = folderWith('a', 'b', 'c');
    for (const id of ['a', 'b', 'c']) expect(index.add({ outline: outline(id), ticket: 7 })).toBe(true);
    await index.settled();
    expect([...(await open().read(['a', 'c', 'x']))]).toMatchObject([
      ['a', { outline: outline('a'), ticket: 7 }],
      ['c', { outline: outline('c'), ticket: 7 }],
    ]);
  });

  it('does not add a session without a record', () => {
    expect(folderWith().index.add({ outline: outline('a'), ticket: 1 })).toBe(false);
  });

  it('what was added last counts, and what does not fit the record does not', async () => {
    const { index, open, write } = folderWith('a', 'b');
    index.add({ outline: outline('a'), ticket: 1 });
    index.add({ outline: outline('b'), ticket: 1 });
    write('a', 'continued');
    index.add({ outline: outline('a'), ticket: 2 });
    write('b', 'continued');
    await index.settled();
    expect([...(await open().read(['a', 'b'])).values()]).toMatchObject([{ outline: { id: 'a' }, ticket: 2 }]);
  });

  it('a line that a killed process has not finished spoils no other line', async () => {
    const { index, open, file } = folderWith('a');
    writeFileSync(file, '{"outline":{"id":"b",', { mode: 0o600 });
    index.add({ outline: outline('a'), ticket: 1 });
    await index.settled();
    expect([...(await open().read(['a', 'b'])).keys()]).toEqual(['a']);
  });

  it('is written anew without what is out of date, before it grows for ever', async () => {
    const { index, open, file, gone } = folderWith('a', 'b');
    for (let count = 0; count < 2_500; count++) index.add({ outline: outline(count % 2 ? 'a' : 'b'), ticket: count });
    gone.add('b');
    await index.settled();
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(1);
    expect([...(await open().read(['a', 'b'])).values()]).toMatchObject([{ ticket: 2_499 }]);
  });

  it('a link in place of the index is neither read nor written through', async () => {
    const { index, open, file, stateDir } = folderWith('a');
    index.add({ outline: outline('a'), ticket: 1 });
    await index.settled();
    const other = join(stateDir, 'other');
    writeFileSync(other, readFileSync(file));
    unlinkSync(file);
    symlinkSync(other, file);
    const before = readFileSync(other, 'utf8');
    expect((await open().read(['a'])).size).toBe(0);
    index.add({ outline: outline('a'), ticket: 2 });
    await index.settled();
    expect(readFileSync(other, 'utf8')).toBe(before);
  });
});
