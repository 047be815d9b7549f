import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { SessionFolder } from '../../../../../src/core/orchestration/contract/session-folder.js';
import { resolveCreateOptions, resolveManagerOptions } from '../../../../../src/core/orchestration/options/resolve.js';
import {
  isGone,
  leftSession,
  readEndedRecord,
} from '../../../../../src/core/orchestration/store/disk/left-sessions.js';
import { SessionJournal } from '../../../../../src/core/orchestration/store/disk/session-journal.js';
import * as own from '../../../../../src/core/orchestration/util/fs/own-file.js';
import { allLeft } from '../../../../support/left.js';
import { createdSession } from '../../../../support/sessions.js';
import { tempFolder } from '../../../../support/temp-folder.js';

vi.mock('../../../../../src/core/orchestration/util/fs/own-file.js', { spy: true });

const ID = 'abcdefghijkl';

/** A state folder with a session in it, as a manager leaves it. */
async function withSession(stateDir = tempFolder(), id = ID): Promise<{ stateDir: string; folder: SessionFolder }> {
  const manager = resolveManagerOptions({ stateDir });
  const folder = new SessionFolder(stateDir, id);
  await folder.create();
  const journal = new SessionJournal(manager);
  await journal.begin(folder, resolveCreateOptions(id, { prompt: 'x' }, manager), createdSession({ id }));
  return { stateDir, folder };
}

describe('leftSessions', () => {
  it('there are no left sessions if the folder is missing or empty', async () => {
    const stateDir = tempFolder();
    expect(await allLeft(join(stateDir, 'none'))).toEqual([]);
    expect(await allLeft(stateDir)).toEqual([]);
    mkdirSync(join(stateDir, 'sessions'));
    expect(await allLeft(stateDir)).toEqual([]);
  });

  it('a left session is read with its specification, its record and whether it has a log', async () => {
    const { stateDir, folder } = await withSession();
    const [left, ...others] = await allLeft(stateDir);
    expect(others).toEqual([]);
    expect(left).toMatchObject({
      id: ID,
      folder: { path: folder.path },
      spec: { spec: { id: ID, prompt: { text: 'x' } } },
      record: { ticket: 1, session: { id: ID, status: 'starting' } },
      hasLog: false,
    });
    writeFileSync(folder.log, 'x');
    expect(await allLeft(stateDir)).toMatchObject([{ hasLog: true }]);
    rmSync(folder.log);
    expect(await allLeft(stateDir)).toMatchObject([{ hasLog: false }]);
  });

  it('all left sessions are read, even more than are read at the same time', async () => {
    const stateDir = tempFolder();
    const ids = Array.from({ length: 40 }, (_, index) => `session${String(index).padStart(5, '0')}`);
    for (const id of ids) await withSession(stateDir, id);
    expect((await allLeft(stateDir)).map(({ id }) => id).sort()).toEqual(ids);
  });

  it('only folders with the name of a session are read; other files, links and FIFOs are ignored', async () => {
    const { stateDir } = await withSession();
    const sessions = join(stateDir, 'sessions');
    for (const name of ['abcdefghijk', 'abcdefghijklm', 'ABCDEFGHIJKL', 'abcdef-hijkl', '.bcdefghijkl', 'äbcdefghijkl'])
      mkdirSync(join(sessions, name));
    writeFileSync(join(sessions, 'ffffffffffff'), '');
    symlinkSync(join(sessions, ID), join(sessions, 'llllllllllll'));
    execFileSync('mkfifo', [join(sessions, 'pppppppppppp')]);
    expect((await allLeft(stateDir)).map(({ id }) => id)).toEqual([ID]);
  });

  it('leftSessions rejects if the folder cannot be listed, instead of returning no sessions', async () => {
    const stateDir = tempFolder();
    writeFileSync(join(stateDir, 'sessions'), '');
    await expect(allLeft(stateDir)).rejects.toMatchObject({ code: 'STATE_NOT_WRITABLE' });
  });
});

describe('what the system refuses', () => {
  it.each(['EMFILE', 'EIO', 'EACCES'])(
    'a file is not damaged because of %s; the session stays as it is',
    async (code) => {
      const { stateDir } = await withSession();
      const refused = vi.mocked(own.readOwnFile).mockRejectedValue(Object.assign(new Error(`${code}: no`), { code }));
      try {
        await expect(leftSession(stateDir, ID)).rejects.toMatchObject({ code });
        expect(await allLeft(stateDir)).toMatchObject([{ id: ID, distrusted: expect.stringContaining(`${code}: no`) }]);
      } finally {
        refused.mockRestore();
      }
      expect(await leftSession(stateDir, ID)).toMatchObject({ spec: { version: 1 }, record: { version: 1 } });
    },
  );
});

describe('the record of an ended session that cannot be read', () => {
  const REMOVES = /remove the session's folder/;

  it('the message advises to remove the folder only if the record is of no use', async () => {
    const { stateDir, folder } = await withSession();
    const said = (): string => {
      try {
        readEndedRecord(stateDir, ID);
        return '';
      } catch (error) {
        return String(error);
      }
    };
    expect(said()).toMatch(/has not ended there\. Another process has continued it/);
    expect(said()).not.toMatch(REMOVES);
    const refused = vi.mocked(own.readOwnFileSync).mockImplementationOnce(() => {
      throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    });
    expect(said()).toMatch(/EMFILE: too many open files\. The session is still there/);
    refused.mockRestore();
    truncateSync(folder.record, 5);
    expect(said()).toMatch(REMOVES);
    rmSync(folder.record);
    expect(said()).toMatch(REMOVES);
    rmSync(folder.path, { recursive: true });
    expect(said()).toMatch(/Somebody has removed the session's folder\. Once you call remove\(\)/);
  });

  it('a session is gone if its folder is, but not if the folders of all sessions are', async () => {
    const { stateDir, folder } = await withSession();
    expect(isGone(folder)).toBe(false);
    rmSync(folder.path, { recursive: true });
    expect(isGone(folder)).toBe(true);
    rmSync(join(stateDir, 'sessions'), { recursive: true });
    expect(isGone(folder)).toBe(false);
  });
});

describe.each(['spec', 'record'] as const)('a %s that cannot be read', (file) => {
  const other = file === 'spec' ? 'record' : 'spec';
  const CASES: [string, 'missing' | 'damaged', (path: string) => void][] = [
    ['missing', 'missing', (path) => rmSync(path)],
    ['a link to nothing', 'damaged', (path) => remade(path, () => symlinkSync('/nowhere', path))],
    [
      'a link to the real file',
      'damaged',
      (path) => {
        writeFileSync(`${path}.true`, readFileSync(path));
        remade(path, () => symlinkSync(`${path}.true`, path));
      },
    ],
    ['a FIFO', 'damaged', (path) => remade(path, () => execFileSync('mkfifo', [path]))],
    ['a folder', 'damaged', (path) => remade(path, () => mkdirSync(path))],
    ['empty', 'damaged', (path) => truncateSync(path, 0)],
    ['zero bytes', 'damaged', (path) => writeFileSync(path, Buffer.alloc(500))],
    ['half-written', 'damaged', (path) => truncateSync(path, Math.floor(readFileSync(path).length / 2))],
    ['cut by its last byte', 'damaged', (path) => truncateSync(path, readFileSync(path).length - 1)],
    ['longer than 64 MiB', 'damaged', (path) => truncateSync(path, 64 * 1024 * 1024 + 1)],
    ['null', 'damaged', (path) => writeFileSync(path, 'null')],
    ['of a later version', 'damaged', (path) => changed(path, '"version":1', '"version":2')],
    ['of another session', 'damaged', (path) => changed(path, `"id":"${ID}"`, '"id":"bcdefghijklm"')],
  ];

  it.each(CASES)(
    'an unreadable file is reported as missing or damaged, and the other file is read: %s',
    async (_, expected, damage) => {
      const { stateDir, folder } = await withSession();
      damage(folder[file]);
      const [left] = await allLeft(stateDir);
      expect(left?.[file]).toBe(expected);
      expect(left?.[other]).toMatchObject({ version: 1 });
    },
  );
});

function remade(path: string, make: () => void): void {
  rmSync(path);
  make();
}

function changed(path: string, from: string, to: string): void {
  const text = readFileSync(path, 'utf8');
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}
