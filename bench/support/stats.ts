/** The middle value. For an even number of values, the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? valueAt(sorted, half) : (valueAt(sorted, half - 1) + valueAt(sorted, half)) / 2;
}

/** The value that the given share (0 to 1) of the values does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return valueAt(sorted, Math.max(0, Math.ceil(sorted.length * share) - 1));
}

/** The median of the ratios of pairs that were measured next to each other. Slowness that affects both values cancels out. */
export function medianRatio(measured: readonly number[], reference: readonly number[]): number {
  return median(measured.map((value, index) => value / valueAt(reference, index)));
}

function valueAt(values: readonly number[], index: number): number {
  const value = values[index];
  if (value === undefined) throw new Error(`Nothing was measured (value ${index} of ${values.length}).`);
  return value;
}
