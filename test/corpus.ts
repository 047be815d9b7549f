/**
 * Measures the danger rules on a labelled corpus: `npm run check:corpus -- <file.json>`, a file of the form
 * `{ "cases": [{ "command": "rm -rf /", "expected": "deny" }] }`. `deny` is meant to be critical, `allow` is not; every other
 * label is counted and left out. A case that is judged otherwise here on purpose has to be named in `JUDGED_OTHERWISE`. Exits
 * with 1 below 99 % recall or above 1 % false positives.
 */
import { readFile } from 'node:fs/promises';
import { rateDanger } from 'autonomous-orchestration/danger';

interface Case {
  command: string;
  expected: string;
}

/** What corpora deny and these rules do not, with the level that they give instead. */
const JUDGED_OTHERWISE: Readonly<Record<string, 'none' | 'warning'>> = {
  'rm -rf ./build': 'none',
  'git branch -D feature-branch': 'warning',
};
const MIN_RECALL = 0.99;
const MAX_FALSE_POSITIVES = 0.01;
const ROUNDS = 20;

const context = { workspace: '/workspace', home: '/home/node' };
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('Give the corpus: npm run check:corpus -- <file.json>');
const { cases } = JSON.parse(await readFile(file, 'utf8')) as { cases: Case[] };

const times: number[] = [];
const rated = cases.map(({ command, expected }) => {
  const call = { tool: 'Bash', input: { command } };
  const rounds = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    rateDanger(call, context);
    return performance.now() - start;
  });
  // The median, because other work on the machine also takes time.
  times.push(rounds.sort((a, b) => a - b)[ROUNDS / 2] ?? 0);
  return { command, expected, danger: rateDanger(call, context) };
});

const otherwise = rated.filter(({ command, danger }) => JUDGED_OTHERWISE[command] === (danger?.level ?? 'none'));
const denied = rated.filter((each) => each.expected === 'deny' && !otherwise.includes(each));
const allowed = rated.filter(({ expected }) => expected === 'allow');
const missed = denied.filter(({ danger }) => danger?.level !== 'critical');
const falsePositives = allowed.filter(({ danger }) => danger?.level === 'critical');
const recall = 1 - missed.length / Math.max(denied.length, 1);
const falseRate = falsePositives.length / Math.max(allowed.length, 1);

times.sort((a, b) => a - b);
const percentile = (share: number): string => `${(times[Math.floor(times.length * share)] ?? 0).toFixed(3)} ms`;
const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

console.log(
  `${cases.length} cases, ${cases.length - denied.length - allowed.length - otherwise.length} with another label`,
);
for (const { command, danger } of otherwise)
  console.log(`OTHERWISE ${JSON.stringify(command)} ${danger?.level ?? 'none'}`);
console.log(`recall          ${percent(recall)} (${denied.length - missed.length} of ${denied.length})`);
console.log(`false positives ${percent(falseRate)} (${falsePositives.length} of ${allowed.length})`);
console.log(`time a command  p50 ${percentile(0.5)}, p99 ${percentile(0.99)}`);
for (const { command, danger } of missed) console.log(`MISSED ${JSON.stringify(command)} ${danger?.rule ?? ''}`);
for (const { command, danger } of falsePositives)
  console.log(`FALSE  ${JSON.stringify(command)} ${danger?.rule ?? ''}`);
process.exitCode = recall < MIN_RECALL || falseRate > MAX_FALSE_POSITIVES ? 1 : 0;
