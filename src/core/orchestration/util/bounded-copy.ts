import { truncate } from './text.js';

/** How many characters the copied value may take in all. Every value inside costs some of them. */
interface Allowance {
  left: number;
}

/** A frozen copy of a tool's input. The copy is small, whatever the agent sends. */
export function boundedCopy(value: unknown, allowance: Allowance = { left: 4_000 }, depth = 6): unknown {
  if (typeof value === 'string') {
    const text = truncate(value, Math.max(0, Math.min(2_000, allowance.left)));
    allowance.left -= text.length;
    return text;
  }
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  const width = 50;
  const room = (): boolean => {
    allowance.left -= 10;
    return allowance.left > 0;
  };
  const inner = (item: unknown): unknown => boundedCopy(item, allowance, depth - 1);
  const left = (kept: number, all: number): string[] => (kept < all ? [`… ${all - kept} more`] : []);
  if (Array.isArray(value)) {
    const items = value.slice(0, width).filter(room);
    return Object.freeze([...items.map(inner), ...left(items.length, value.length)]);
  }
  const all = Object.entries(value);
  const entries = all.slice(0, width).filter(room);
  const copies = entries.map(([key, item]) => {
    const name = truncate(key, 200);
    allowance.left -= name.length;
    return [name, inner(item)] as const;
  });
  const rest = left(entries.length, all.length).map((text) => ['…', text] as const);
  return Object.freeze(Object.fromEntries([...copies, ...rest]));
}
