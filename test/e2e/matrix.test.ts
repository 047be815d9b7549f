import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SessionMode } from 'autonomous-orchestration';
import { afterAll, describe, expect, it } from 'vitest';
import { type Check, MODES, tableOf } from './matrix.js';
import { checksOf } from './matrix-checks.js';
import { RELEASES } from './support.js';

const README = join(import.meta.dirname, '../../README.md');
const passed = new Set<string>();
const key = (mode: SessionMode, name: Check, version: string): string => `${mode} ${name} ${version}`;

// `users.test.ts` has the same for other users.
describe.each(RELEASES)('every mode, with Claude Code $version', (release) => {
  for (const [name, run] of Object.entries(checksOf(release, 1000)) as [
    Check,
    (mode: SessionMode) => Promise<void>,
  ][]) {
    it.for(MODES)(`%s: ${name}`, async (mode) => {
      await run(mode);
      passed.add(key(mode, name, release.version));
    });
  }
});

afterAll(async () => {
  const [begin, end] = ['<!-- matrix -->', '<!-- /matrix -->'];
  const text = await readFile(README, 'utf8');
  expect(text, 'README.md has no place for the table').toContain(begin);
  const table = `${begin}\n\n${tableOf((mode, name) => RELEASES.every(({ version }) => passed.has(key(mode, name, version))))}\n\n${end}`;
  const written = text.replace(new RegExp(`${begin}[^]*${end}`), table);
  if (process.env.RENEW_MATRIX) await writeFile(README, written);
  else expect(plain(text), 'README.md has another table; `npm run matrix` renews it').toBe(plain(written));
});

/** Whatever the formatter makes of a table's width. */
const plain = (text: string): string => text.replaceAll(/[ -]+/g, ' ');
