import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/danger/rules/catalogue.js';
import type { Example, Rule } from '../../src/danger/rules/rule.js';

const PAGE = join(import.meta.dirname, '../../docs/danger.md');
/** Longer examples are cut, so that the table stays readable. */
const MOST_SHOWN = 80;
const [BEGIN, END] = ['<!-- rules -->', '<!-- /rules -->'];

/** The tables of all rules, one for each subject, as the page has them. */
function tables(): string {
  return Object.entries(CATALOGUE)
    .map(([subject, files]) => {
      const rows = files.flatMap((rules) => Object.entries<Rule>(rules)).map(([name, rule]) => row(name, rule));
      return [
        `### ${subject}`,
        '',
        '| rule | level | a call that | example |',
        '| --- | --- | --- | --- |',
        ...rows,
      ].join('\n');
    })
    .join('\n\n');
}

function row(name: string, { level, about, matches, warns }: Rule): string {
  const levels = level === 'recoverable' ? 'critical; in a container: warning' : warns ? 'critical or warning' : level;
  return `| \`${name}\` | ${levels} | ${about} | ${code(shown(matches[0] ?? ''))} |`;
}

function shown(example: Example): string {
  if (typeof example === 'string') return example.length > MOST_SHOWN ? `${example.slice(0, MOST_SHOWN)}…` : example;
  const values = Object.values(example.input as Record<string, unknown>);
  return `${example.tool}: ${values.map((value) => (typeof value === 'string' ? value : '…')).join(' in ')}`;
}

/** Code in a table: a pipe would end the cell, and a backtick the code. */
function code(text: string): string {
  const escaped = text.replaceAll('|', '\\|');
  return escaped.includes('`') ? `\`\` ${escaped} \`\`` : `\`${escaped}\``;
}

/** The formatter decides how wide the columns are. */
const plain = (text: string): string => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---');

it('docs/danger.md has the tables of all rules', async () => {
  const text = await readFile(PAGE, 'utf8');
  expect(text, 'docs/danger.md has no place for the tables').toContain(BEGIN);
  const written = text.replace(new RegExp(`${BEGIN}[^]*${END}`), () => `${BEGIN}\n\n${tables()}\n\n${END}`);
  if (process.env.RENEW_RULES) await writeFile(PAGE, written);
  else expect(plain(text), 'docs/danger.md has other tables; `npm run rules` renews them').toBe(plain(written));
});
