import { describe, expect, it } from 'vitest';
import type { Figure } from '../../bench/support/figure.js';
import { published } from '../../bench/support/published.js';
import { inRounds, type Results, report } from '../../bench/support/rounds.js';

const figure = (what: string, values: readonly number[], more: Partial<Figure> = {}): Figure[] =>
  values.map((value) => ({ what, measured: `${value} measured`, reference: '', value, unit: 'ms', ...more }));
/** The cells of each line of a table. */
const cells = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
/** A row as an object with the titles of its columns. */
const rowOf = (text: string, what: string): Record<string, string> => {
  const [header = [], ...rows] = cells(text);
  const row = rows.find(([name]) => name === what) ?? [];
  return Object.fromEntries(header.map((title, column) => [title, row[column] ?? '']));
};

describe('the report of a run', () => {
  const a = inRounds(figure('a', [10, 12, 11], { target: { most: 11 } }));
  const b = inRounds(figure('b', [5]));

  it('a figure is the median of its rounds, with its noise and its target', () => {
    const text = report([a, b], undefined);
    expect(rowOf(text, 'a')).toMatchObject({
      'ratio or value': '11 ms',
      noise: '± 1 ms',
      target: '≤ 11 ms',
      ok: 'yes',
    });
    expect(rowOf(text, 'a').measured).toBe('11 measured');
    expect(rowOf(text, 'b')).toMatchObject({ 'ratio or value': '5 ms', noise: 'one round', ok: '' });
    expect(text).not.toContain('before');
  });

  it('a target that is missed is shown', () => {
    const [slow] = [inRounds(figure('slow', [12], { target: { below: 12 } }))];
    expect(rowOf(report([slow], undefined), 'slow').ok).toBe('NO');
  });

  it('an earlier run is shown beside this one, also after it was written to a file', () => {
    const earlier = [inRounds(figure('a', [20, 22, 24])), inRounds(figure('gone', [1]))];
    const text = report([a, b], (JSON.parse(JSON.stringify({ figures: earlier })) as Results).figures);
    expect(rowOf(text, 'a')).toMatchObject({ before: '22 ms ± 2 ms', change: '−11 ms (−50 %)' });
    expect(rowOf(text, 'b')).toMatchObject({ before: '–', change: '' });
    expect(text).not.toContain('gone');
  });

  it('a change that is smaller than the noise of both runs is not a change', () => {
    expect(rowOf(report([a], [inRounds(figure('a', [12, 13, 14]))]), 'a').change).toBe('within the noise');
  });

  it('nothing measured is an error, and not a figure', () => {
    expect(() => inRounds([])).toThrow('Nothing was measured');
  });
});

describe('the published tables', () => {
  const peers = { unit: 'ms', ours: 3, others: { slow: 9, quick: 2 } };
  const results: Results = {
    machine: '2 × CPU',
    date: '2026-01-02T03:04:05.000Z',
    rounds: 3,
    commit: 'after01',
    figures: [
      inRounds(figure('a', [3, 3, 3], { target: { most: 2 } })),
      inRounds(figure('b', [3, 3, 3], { peers })),
      inRounds(figure('c', [1], { peers: { ...peers, ours: 1 } })),
    ],
    before: { commit: 'before1', figures: [inRounds(figure('a', [6, 6, 6]))], leftOut: ['long-queue'] },
  };
  const text = published(results);
  const [, figures = '', misses = '', others = ''] = text.split('### ');

  it('they name the machine, the rounds, both commits, and what the earlier version lacks', () => {
    for (const part of ['2 × CPU', '3 rounds', '2026-01-02', 'after01', 'before1', 'long-queue'])
      expect(text).toContain(part);
  });

  it('a figure is shown before and after, and a missed target says so', () => {
    expect(rowOf(figures, 'a')).toMatchObject({
      before: '6 ms ± 0 ms',
      after: '3 ms ± 0 ms',
      change: '−3 ms (−50 %)',
      met: '**missed**',
    });
    expect(misses).toContain('- a: 3 ms, target ≤ 2 ms');
    expect(rowOf(figures, 'b')).toMatchObject({ before: '–', met: '–' });
  });

  it('another library that has the lowest value is named', () => {
    expect(rowOf(others, 'b')).toMatchObject({
      'this library': '3 ms',
      others: 'quick 2 ms, slow 9 ms',
      lowest: '**quick**',
    });
    expect(rowOf(others, 'c').lowest).toBe('this library');
  });
});
