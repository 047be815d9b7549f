import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { SessionFolder } from '../../../../../src/core/orchestration/contract/session-folder.js';
import { GitWatch } from '../../../../../src/core/orchestration/git/watch/watch.js';
import { DecisionLog } from '../../../../../src/core/orchestration/guard/decision-log.js';
import { MailboxFiles } from '../../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { SteeringQueue } from '../../../../../src/core/orchestration/mailbox/steering-queue.js';
import { resolvePolicy } from '../../../../../src/core/orchestration/session/policy.js';
import type { OrchestrationError } from '../../../../../src/core/orchestration/util/errors.js';
import { writeAtomically } from '../../../../../src/core/orchestration/util/fs/atomic-file.js';
import { readOwnFile } from '../../../../../src/core/orchestration/util/fs/own-file.js';
import { errorOf } from '../../../../support/errors.js';
import { allLeft } from '../../../../support/left.js';
import { DONE, simulate } from '../../../../support/simulate.js';
import { tempFolder } from '../../../../support/temp-folder.js';

const ID = 'abcdefghijkl';
const SECRET = '[{"text":"secret"}]';
const isRoot = process.getuid?.() === 0;

interface Place {
  stateDir: string;
  folder: SessionFolder;
  /** A file and a folder that must be neither read nor written. */
  outside: { file: string; folder: string };
}
let place: Place;

beforeEach(async () => {
  const [stateDir, elsewhere] = [tempFolder(), tempFolder()];
  const folder = new SessionFolder(stateDir, ID);
  await folder.create();
  const outside = { file: join(elsewhere, 'file'), folder: join(elsewhere, 'folder') };
  writeFileSync(outside.file, SECRET);
  mkdirSync(outside.folder);
  place = { stateDir, folder, outside };
});

/** What an attacker puts in the place of a file. */
const PLANTS: [string, (path: string) => void][] = [
  ['a link to a file outside', (path) => symlinkSync(place.outside.file, path)],
  ['a link to a folder outside', (path) => symlinkSync(place.outside.folder, path)],
  ['a link to a file outside that does not exist yet', (path) => symlinkSync(join(place.outside.folder, 'made'), path)],
  ['a FIFO', (path) => void execFileSync('mkfifo', [path])],
  [
    'a file that others can write',
    (path) => {
      writeFileSync(path, SECRET);
      chmodSync(path, 0o660);
    },
  ],
  ...(isRoot
    ? ([
        [
          "another user's file",
          (path) => {
            writeFileSync(path, SECRET, { mode: 0o600 });
            chownSync(path, 4_242, 4_242);
          },
        ],
      ] satisfies [string, (path: string) => void][])
    : []),
];

/** Each file of a session, and how the library writes it. */
const WRITTEN: [
  string,
  (folder: SessionFolder) => string,
  (path: string, folder: SessionFolder) => Promise<unknown>,
][] = [
  ['the specification', ({ spec }) => spec, (path) => writeAtomically(path, 'x')],
  ['the record', ({ record }) => record, (path) => writeAtomically(path, 'x')],
  ['the snapshot of git', ({ gitSnapshot }) => gitSnapshot, (path) => new GitWatch(path, () => {}).begin(tempFolder())],
  ['the ignore rules', ({ ignoreRules }) => ignoreRules, (path) => writeAtomically(path, 'x')],
  ['the plan', ({ path }) => join(path, 'plan.md'), (path) => writeAtomically(path, 'x')],
  ['the waiting messages', ({ steering }) => steering, (path) => new SteeringQueue(path).push('x')],
  ['the decisions', ({ decisions }) => decisions, (path) => new DecisionLog(path).append({} as never)],
  ['the log', ({ log }) => log, (_, folder) => folder.openLog()],
  ['the prompt', (folder) => folder.input(1), (path, folder) => folder.write(path, 'x')],
  ['the feedback', (folder) => folder.input(2), (path, folder) => folder.write(path, 'x')],
  ['the prompt file', ({ promptFile }) => promptFile, (path, folder) => folder.write(path, 'x')],
  ['the MCP configuration', ({ mcpConfig }) => mcpConfig, (path, folder) => folder.write(path, 'x')],
];

describe.each(PLANTS)("with %s in the place of a session's file", (_, plant) => {
  it.each(WRITTEN)(
    "a session's file is not written if something is planted there, and no run begins: %s",
    async (_, pathIn, write) => {
      const { folder, outside } = place;
      const path = pathIn(folder);
      rmSync(path, { force: true });
      plant(path);
      const before = lstatSync(path, { bigint: true });
      await expect(write(path, folder)).rejects.toThrow(
        /it is a link|not a regular file|belongs to uid|written by others/,
      );
      expect(lstatSync(path, { bigint: true })).toMatchObject({ ino: before.ino, size: before.size });
      expect(readFileSync(outside.file, 'utf8')).toBe(SECRET);
      expect(readdirSync(outside.folder)).toEqual([]);
      const { message } = await errorOf(folder.requireOwn(), 'STATE_NOT_WRITABLE');
      expect(message).toContain(path);
      expect(message).toContain('remove it or correct its owner and mode');
    },
  );

  it("a session's file is not read if something is planted there", async () => {
    const { folder, stateDir } = place;
    const { spec, record, decisions, steering, gitSnapshot, ignoreRules } = folder;
    const files = [spec, record, decisions, steering, gitSnapshot, ignoreRules];
    for (const path of files) {
      plant(path);
      await expect(readOwnFile(path, { most: 100 })).rejects.toThrow();
    }
    expect(await allLeft(stateDir)).toMatchObject([{ id: ID, spec: 'damaged', record: 'damaged' }]);
    expect((await new DecisionLog(folder.decisions).read()).isEmpty).toBe(true);
    const queue = new SteeringQueue(folder.steering);
    await queue.restore(async () => false);
    expect(await queue.take('answer')).toMatchObject({ texts: [] });
  });

  it('a planted temporary file is replaced, not written through', async () => {
    const { folder, outside } = place;
    plant(join(folder.path, '.session.json.part'));
    await writeAtomically(folder.record, 'x');
    expect(readFileSync(folder.record, 'utf8')).toBe('x');
    expect(lstatSync(folder.record)).toMatchObject({ uid: process.getuid?.(), nlink: 1 });
    expect(readFileSync(outside.file, 'utf8')).toBe(SECRET);
    expect(readdirSync(outside.folder)).toEqual([]);
  });
});

/** What an attacker does to a folder. */
const SPOILED: [string, (path: string) => void][] = [
  [
    'is a link to a folder outside',
    (path) => {
      renameSync(path, `${place.outside.folder}/${basename(path)}`);
      symlinkSync(`${place.outside.folder}/${basename(path)}`, path);
    },
  ],
  ['can be written by others', (path) => chmodSync(path, 0o770)],
  ...(isRoot
    ? ([['belongs to another user', (path) => chownSync(path, 4_242, 4_242)]] satisfies [
        string,
        (path: string) => void,
      ][])
    : []),
];

/** Everything below a folder, with contents. */
function treeOf(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .map((each) => `${each} ${lstatSync(each).isFile() ? readFileSync(each, 'utf8') : ''}`)
    .toSorted();
}

describe.each(SPOILED)("if a session's folder %s", (_, spoil) => {
  it.each(WRITTEN.filter(([name]) => name !== 'the log'))(
    'no file is written into an unsafe session folder: %s',
    async (_, pathIn, write) => {
      const { folder, outside } = place;
      spoil(folder.path);
      const before = treeOf(outside.folder);
      await expect(write(pathIn(folder), folder)).rejects.toThrow(
        /its folder .* (is a link|can be written|belongs to)/,
      );
      expect(treeOf(outside.folder)).toEqual(before);
    },
  );

  it('the log in an unsafe session folder is not opened, and no run begins', async () => {
    const { folder } = place;
    spoil(folder.path);
    await errorOf(folder.openLog(), 'STATE_NOT_WRITABLE');
    expect((await errorOf(folder.requireOwn(), 'STATE_NOT_WRITABLE')).message).toContain(folder.path);
  });

  it("the guard's files are neither created in an unsafe session folder nor removed from it", async () => {
    const { folder, outside } = place;
    const files = new MailboxFiles(folder.guard);
    await files.create(resolvePolicy({}));
    spoil(folder.path);
    const before = treeOf(outside.folder);
    await expect(files.create(resolvePolicy({}))).rejects.toThrow(/it (is a link|can be written|belongs to)/);
    await expect(files.remove()).rejects.toThrow(/it (is a link|can be written|belongs to)/);
    expect(treeOf(outside.folder)).toEqual(before);
  });

  it('a recovery does not trust the session of an unsafe session folder', async () => {
    const { folder, stateDir } = place;
    writeFileSync(folder.spec, '{}');
    spoil(folder.path);
    const isLink = lstatSync(folder.path).isSymbolicLink();
    const distrusted = { spec: 'damaged', record: 'damaged', distrusted: expect.stringContaining(folder.path) };
    expect(await allLeft(stateDir)).toMatchObject(isLink ? [] : [distrusted]);
  });
});

it.each(['projects', 'guard'] as const)("no run begins if the session's folder '%s' is a link", async (name) => {
  const { folder, outside } = place;
  rmSync(folder[name], { recursive: true, force: true });
  symlinkSync(outside.folder, folder[name]);
  expect((await errorOf(folder.requireOwn(), 'STATE_NOT_WRITABLE')).message).toContain(folder[name]);
});

async function refused(stateDir: string): Promise<OrchestrationError> {
  const { manager } = simulate(DONE, { stateDir });
  await errorOf(manager.recover(), 'STATE_NOT_WRITABLE');
  return errorOf(manager.create({ prompt: 'x' }), 'STATE_NOT_WRITABLE');
}

describe.each(SPOILED)('if a folder in the stateDir %s', (_, spoil) => {
  it.each(['sessions', 'worktrees'])('recover() and create() are refused, and nothing is written: %s', async (name) => {
    const { stateDir, outside } = place;
    const path = join(stateDir, name);
    mkdirSync(path, { recursive: true });
    spoil(path);
    const before = treeOf(outside.folder);
    expect((await refused(stateDir)).message).toContain(path);
    expect(treeOf(outside.folder)).toEqual(before);
  });
});

it.each(SPOILED.filter(([how]) => !how.includes('link')))(
  'recover() and create() are refused and write nothing if the stateDir %s',
  async (_, spoil) => {
    const { stateDir } = place;
    spoil(stateDir);
    expect((await refused(stateDir)).message).toContain(stateDir);
    expect(readdirSync(stateDir)).toEqual(['sessions']);
  },
);

it('a session is not removed if the folder of all sessions is a link', async () => {
  const { folder, outside } = place;
  const sessions = dirname(folder.path);
  renameSync(sessions, join(outside.folder, 'sessions'));
  symlinkSync(join(outside.folder, 'sessions'), sessions);
  await expect(folder.remove()).rejects.toThrow('it is a link');
  expect(existsSync(join(outside.folder, 'sessions', ID))).toBe(true);
});

it("a stateDir may be the user's own link to a folder elsewhere", async () => {
  const { outside } = place;
  const stateDir = join(tempFolder(), 'state');
  symlinkSync(outside.folder, stateDir);
  const { manager } = simulate(DONE, { stateDir });
  const { id } = await manager.create({ prompt: 'x' });
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
});

it('files in a state folder have the right modes, whatever the umask', async () => {
  const umask = process.umask(0);
  try {
    const stateDir = join(tempFolder(), 'state');
    const { manager } = simulate(DONE, { stateDir });
    const { id } = await manager.create({ prompt: 'x' });
    await manager.waitFor(id);
    const folder = new SessionFolder(stateDir, id);
    await new MailboxFiles(folder.guard).create(resolvePolicy({}));
    await folder.requireOwn();
    expect(lstatSync(stateDir).mode & 0o777).toBe(0o700);
    expect(lstatSync(folder.guard).mode & 0o777).toBe(0o700);
  } finally {
    process.umask(umask);
  }
});
