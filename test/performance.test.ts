import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { published } from '../bench/support/published.js';
import type { Results } from '../bench/support/rounds.js';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs/performance.md');
/** What the page shows. `npm run performance` replaces it with the results of the latest run of the benchmarks. */
const PUBLISHED = join(ROOT, 'bench/published.json');
const LATEST = join(ROOT, 'bench/results/results.json');
const [BEGIN, END] = ['<!-- figures -->', '<!-- /figures -->'];

/** The formatter decides how wide the columns are. */
const plain = (text: string): string =>
  text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').replaceAll(/\n+/g, '\n');

it('docs/performance.md has the tables of the published results', async () => {
  if (process.env.RENEW_PERFORMANCE) await writeFile(PUBLISHED, await readFile(LATEST, 'utf8'));
  const results = JSON.parse(await readFile(PUBLISHED, 'utf8')) as Results;
  const text = await readFile(PAGE, 'utf8');
  expect(text, 'docs/performance.md has no place for the tables').toContain(BEGIN);
  const written = text.replace(new RegExp(`${BEGIN}[^]*${END}`), () => `${BEGIN}\n\n${published(results)}\n\n${END}`);
  if (process.env.RENEW_PERFORMANCE) await writeFile(PAGE, written);
  else
    expect(plain(text), 'docs/performance.md has other tables; `npm run performance` renews them').toBe(plain(written));
});
