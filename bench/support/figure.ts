/** One line of the table: a measured value, next to its reference from the same run. */
export interface Figure {
  readonly what: string;
  /** The measured value as a text for people, with its unit. */
  readonly measured: string;
  /** Empty if the figure has no reference. */
  readonly reference: string;
  /** The ratio, or the value itself, that is compared with the target. */
  readonly value: number;
  /** The unit of `value`. `'×'` for a ratio. */
  readonly unit: string;
  /** Absent if the figure is only for information. */
  readonly target?: Target;
  /** The same done with other libraries, in the same run. */
  readonly peers?: Peers;
}

/** This library beside others. Lower values are better. */
export interface Peers {
  readonly unit: string;
  readonly ours: number;
  readonly others: Readonly<Record<string, number>>;
}

/** The values of the others as a text. */
export function shownPeers({ unit, others }: Peers): string {
  return Object.entries(others)
    .map(([name, value]) => `${name} ${withUnit(value, unit)}`)
    .join(', ');
}

/** The limit that a figure has to keep. */
export type Target = { readonly most: number } | { readonly least: number } | { readonly below: number };

/** Whether a figure meets its target. Undefined if it has no target. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (!target) return undefined;
  if ('most' in target) return value <= target.most;
  if ('least' in target) return value >= target.least;
  return value < target.below;
}

/** Rows as a Markdown table, padded so that it reads well in a terminal, too. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), title.length));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A number, rounded to the digits that matter. */
export function quote(value: number): string {
  const size = Math.abs(value);
  return value.toLocaleString('en', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4 });
}

/** A number with its unit, as in `1.34 s` and `0.97×`. */
export function withUnit(value: number, unit: string): string {
  return unit === '×' ? `${quote(value)}×` : `${quote(value)} ${unit}`;
}

/** The target of a figure as a text. Empty if it has none. */
export function shownTarget({ target, unit }: Figure): string {
  if (!target) return '';
  if ('most' in target) return `≤ ${withUnit(target.most, unit)}`;
  if ('least' in target) return `≥ ${withUnit(target.least, unit)}`;
  return `< ${withUnit(target.below, unit)}`;
}
