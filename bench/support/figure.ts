/** One line of the table: what was measured, next to its reference from the same run. */
export interface Figure {
  readonly what: string;
  /** As read by a person, with its unit. */
  readonly measured: string;
  /** Empty where a figure has no reference. */
  readonly reference: string;
  /** The ratio, or the value itself, that is held against the target. */
  readonly value: number;
  /** Of `value`; `'×'` for a ratio. */
  readonly unit: string;
  /** Absent for a figure that only informs. */
  readonly target?: Target;
}

/** Where a figure has to be. */
export type Target = { readonly most: number } | { readonly least: number } | { readonly below: number };

/** Whether a figure is where it has to be; undefined for one that only informs. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (!target) return undefined;
  if ('most' in target) return value <= target.most;
  if ('least' in target) return value >= target.least;
  return value < target.below;
}

/** The figures as a Markdown table, padded so that it reads well in a terminal, too. */
export function table(figures: readonly Figure[]): string {
  const header = ['what', 'measured', 'reference', 'ratio or value', 'target', 'ok'];
  const rows = figures.map((figure) => [
    figure.what,
    figure.measured,
    figure.reference || '–',
    withUnit(figure.value, figure.unit),
    shownTarget(figure),
    { true: 'yes', false: 'NO', undefined: '' }[String(isMet(figure)) as 'true' | 'false' | 'undefined'],
  ]);
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** A number with as many digits as matter. */
export function quote(value: number): string {
  const size = Math.abs(value);
  return value.toLocaleString('en', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4 });
}

/** A number with its unit, as in `1.34 s` and `0.97×`. */
export function withUnit(value: number, unit: string): string {
  return unit === '×' ? `${quote(value)}×` : `${quote(value)} ${unit}`;
}

function shownTarget({ target, unit }: Figure): string {
  if (!target) return '';
  if ('most' in target) return `≤ ${withUnit(target.most, unit)}`;
  if ('least' in target) return `≥ ${withUnit(target.least, unit)}`;
  return `< ${withUnit(target.below, unit)}`;
}
