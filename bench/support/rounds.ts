import { type Figure, isMet, quote, shownTarget, table, withUnit } from './figure.js';
import { median } from './stats.js';

/** A figure that was measured in several rounds. `value` is the median of the rounds. */
export interface RoundsFigure extends Figure {
  readonly values: readonly number[];
}

/** What a run writes to `results.json`. */
export interface Results {
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
  readonly rounds: number;
  readonly commit: string;
  readonly figures: readonly RoundsFigure[];
  /** Another version of the package, measured in turn in the same run. */
  readonly before?: {
    readonly commit: string;
    readonly figures: readonly RoundsFigure[];
    /** The files that this version cannot run, because it lacks what they measure. */
    readonly leftOut: readonly string[];
  };
}

/** One figure of several rounds. Its texts are those of the round whose value is next to the median. */
export function inRounds(rounds: readonly Figure[]): RoundsFigure {
  const values = rounds.map(({ value }) => value);
  const value = median(values);
  const [typical] = rounds.toSorted((a, b) => Math.abs(a.value - value) - Math.abs(b.value - value));
  if (!typical) throw new Error('Nothing was measured.');
  return { ...typical, value, values };
}

/** Half the distance between the lowest and the highest round. 0 if there was one round. */
function noiseOf({ values }: RoundsFigure): number {
  return (Math.max(...values) - Math.min(...values)) / 2;
}

/** The figures as a Markdown table, beside those of an earlier run if there are any. */
export function report(figures: readonly RoundsFigure[], earlier: readonly RoundsFigure[] | undefined): string {
  const before = new Map(earlier?.map((figure) => [figure.what, figure]));
  const header = ['what', 'measured', 'reference', 'ratio or value', 'noise', 'target', 'ok'];
  const rows = figures.map((figure) => [
    figure.what,
    figure.measured,
    figure.reference || '–',
    withUnit(figure.value, figure.unit),
    shownNoise(figure),
    shownTarget(figure),
    { true: 'yes', false: 'NO', undefined: '' }[String(isMet(figure)) as 'true' | 'false' | 'undefined'],
    ...(earlier ? beside(figure, before.get(figure.what)) : []),
  ]);
  return table([...header, ...(earlier ? ['before', 'change'] : [])], rows);
}

/** The noise of a figure as a text: half the distance between the lowest and the highest round. */
export function shownNoise(figure: RoundsFigure): string {
  return figure.values.length > 1 ? `± ${withUnit(noiseOf(figure), figure.unit)}` : 'one round';
}

/** The earlier value, and how much the figure has changed since then. */
function beside(figure: RoundsFigure, before: RoundsFigure | undefined): readonly [string, string] {
  return before
    ? [`${withUnit(before.value, before.unit)} ${shownNoise(before)}`, changeOf(figure, before)]
    : ['–', ''];
}

/** How much a figure has changed. A change that is no larger than the noise of both figures together says nothing. */
export function changeOf(figure: RoundsFigure, before: RoundsFigure): string {
  const change = figure.value - before.value;
  if (Math.abs(change) <= noiseOf(figure) + noiseOf(before)) return 'within the noise';
  const sign = change > 0 ? '+' : '−';
  const share = before.value === 0 ? '' : ` (${sign}${quote(Math.abs((100 * change) / before.value))} %)`;
  return `${sign}${withUnit(Math.abs(change), figure.unit)}${share}`;
}
