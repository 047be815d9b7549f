import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { count, usd } from '../format.js';
import type { UsageSeries } from '../session-feed.js';

const HEIGHT = 160;

/** A chart of cost and tokens over time. */
export function UsageChart({ usage, version }: { usage: UsageSeries; version: number }): React.ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const enough = usage.times.length > 1;

  useEffect(() => {
    const { current } = box;
    if (!current || !enough) return;
    const plot = new uPlot(options(current), [[], [], []], current);
    chart.current = plot;
    const resized = new ResizeObserver(() => plot.setSize({ width: current.clientWidth, height: HEIGHT }));
    resized.observe(current);
    const dark = window.matchMedia('(prefers-color-scheme: dark)');
    const recolored = (): void => plot.redraw(false);
    dark.addEventListener('change', recolored);
    return () => {
      dark.removeEventListener('change', recolored);
      resized.disconnect();
      plot.destroy();
    };
  }, [enough]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the series grow in place, only the version shows a change
  useEffect(() => {
    chart.current?.setData([usage.times, usage.cost, usage.tokens]);
  }, [usage, version, enough]);

  if (!enough) return null;
  const cost = usage.cost.at(-1);
  const label = `Cost ${typeof cost === 'number' ? `up to ${usd(cost)}` : 'unknown'}, tokens up to ${count(usage.tokens.at(-1) ?? 0)}, over time`;
  return (
    <figure className="chart">
      <div ref={box} role="img" aria-label={label} />
      <figcaption>
        <span className="cost">cost</span> <span className="tokens">tokens</span>
      </figcaption>
    </figure>
  );
}

function options(box: HTMLElement): uPlot.Options {
  /** Read at every drawing, because the page may switch to its dark colours. */
  const color = (name: string) => (): string => getComputedStyle(box).getPropertyValue(name);
  const axis = { stroke: color('--quiet'), grid: { stroke: color('--line'), width: 1 }, ticks: { show: false } };
  const line = { width: 2, spanGaps: true, points: { show: false } };
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { usd: {}, tokens: {} },
    axes: [
      axis,
      { ...axis, scale: 'usd', size: 56, values: (_, ticks) => ticks.map(usd) },
      { ...axis, scale: 'tokens', side: 1, size: 48, grid: { show: false }, values: (_, ticks) => ticks.map(count) },
    ],
    series: [
      {},
      { ...line, scale: 'usd', stroke: color('--running') },
      { ...line, scale: 'tokens', stroke: color('--paused') },
    ],
  };
}
