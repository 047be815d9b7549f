import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionMode } from 'autonomous-orchestration';
import { afterAll, describe, expect, it } from 'vitest';
import { CHECK_NAMES, type Check, MODES, tableOf } from './matrix.js';
import { checksOf } from './matrix-checks.js';
import { RELEASES, size } from './support.js';

const README = join(import.meta.dirname, '../../README.md');
const passed = new Set<string>();
const key = (mode: SessionMode, name: Check, version: string): string => `${mode} ${name} ${version}`;

/**
 * With `FULL=1`, each release does everything. By default the newest does, and the oldest a third: something in each mode, and
 * each check in a mode. Almost all other tests run on the oldest.
 */
const isDue = (version: string, mode: SessionMode, name: Check): boolean =>
  size(1, 2) === 2 || version === RELEASES[1].version || (MODES.indexOf(mode) + CHECK_NAMES.indexOf(name)) % 3 === 0;

// `users.test.ts` has the same for other users.
describe.each(RELEASES)('every mode, with Claude Code $version', (release) => {
  for (const [name, run] of Object.entries(checksOf(release, 1000)) as [
    Check,
    (mode: SessionMode) => Promise<void>,
  ][]) {
    it.for(MODES.filter((mode) => isDue(release.version, mode, name)))(`%s: ${name}`, async (mode) => {
      await run(mode);
      passed.add(key(mode, name, release.version));
    });
  }
});

const hasPassed = (mode: SessionMode, name: Check): boolean =>
  RELEASES.every(({ version }) => !isDue(version, mode, name) || passed.has(key(mode, name, version)));

afterAll(async () => {
  const [begin, end] = ['<!-- matrix -->', '<!-- /matrix -->'];
  const text = await readFile(README, 'utf8');
  expect(text, 'README.md has no place for the table').toContain(begin);
  const table = `${begin}\n\n${tableOf(hasPassed)}\n\n${end}`;
  const written = text.replace(new RegExp(`${begin}[^]*${end}`), table);
  if (process.env.RENEW_MATRIX) await writeFile(README, written);
  else expect(plain(text), 'README.md has another table; `npm run matrix` renews it').toBe(plain(written));
});

/** Whatever the formatter makes of a table's width. */
const plain = (text: string): string => text.replaceAll(/[ -]+/g, ' ');
