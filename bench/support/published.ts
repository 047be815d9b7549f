import { type Figure, isMet, type Peers, shownTarget, table, withUnit } from './figure.js';
import { changeOf, type Results, type RoundsFigure, shownNoise } from './rounds.js';

/** The results of a run as the sections of docs/performance.md. */
export function published(results: Results): string {
  const { machine, date, rounds, commit, figures, before } = results;
  const of = `commit \`${commit}\`${before ? `, before: commit \`${before.commit}\`, measured in turn in the same run` : ''}`;
  return [
    `Measured on ${machine}, ${rounds} round${rounds === 1 ? '' : 's'}, ${date.slice(0, 10)}: ${of}.`,
    ...(before && before.leftOut.length > 0
      ? [`The earlier version lacks what these benchmarks measure: ${before.leftOut.join(', ')}.`]
      : []),
    '### Before and after',
    figuresTable(figures, before?.figures),
    '### Missed targets',
    missed(figures),
    '### Other libraries',
    peersTable(figures),
  ].join('\n\n');
}

function figuresTable(figures: readonly RoundsFigure[], earlier: readonly RoundsFigure[] = []): string {
  const before = new Map(earlier.map((figure) => [figure.what, figure]));
  const rows = figures.map((figure) => {
    const was = before.get(figure.what);
    return [
      escaped(figure.what),
      was ? `${withUnit(was.value, was.unit)} ${shownNoise(was)}` : '–',
      `${withUnit(figure.value, figure.unit)} ${shownNoise(figure)}`,
      was ? changeOf(figure, was) : '–',
      escaped(figure.reference) || '–',
      shownTarget(figure) || '–',
      { true: 'yes', false: '**missed**', undefined: '–' }[String(isMet(figure)) as 'true' | 'false' | 'undefined'],
    ];
  });
  return table(['what', 'before', 'after', 'change', 'reference', 'target', 'met'], rows);
}

function missed(figures: readonly RoundsFigure[]): string {
  const names = figures.filter((figure) => isMet(figure) === false).map((figure) => missedLine(figure));
  return names.length > 0 ? names.join('\n') : 'None.';
}

function missedLine(figure: RoundsFigure): string {
  return `- ${figure.what}: ${withUnit(figure.value, figure.unit)}, target ${shownTarget(figure)}`;
}

function peersTable(figures: readonly Figure[]): string {
  const rows = figures.flatMap(({ what, peers }) => (peers ? [peersRow(what, peers)] : []));
  return table(['what', 'this library', 'others', 'lowest'], rows);
}

function peersRow(what: string, { unit, ours, others }: Peers): string[] {
  const sorted = Object.entries(others).sort(([, a], [, b]) => a - b);
  const [first] = sorted;
  const lowest = first && first[1] < ours ? `**${first[0]}**` : 'this library';
  const shown = sorted.map(([name, value]) => `${name} ${withUnit(value, unit)}`).join(', ');
  return [escaped(what), withUnit(ours, unit), escaped(shown), lowest];
}

/** A pipe would end the cell. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|');
}
