import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';

interface Props<Item> {
  label: string;
  items: readonly Item[];
  keyOf: (item: Item) => string;
  /** About how high a row is, in pixels; each is measured when it is drawn. */
  rowHeight: number;
  row: (item: Item) => React.ReactNode;
  className?: string;
  /** Keeps the end in sight while it is in sight. */
  follow?: boolean;
}

const BORDERS = 2;
const UPWARD_KEYS = new Set(['ArrowUp', 'PageUp', 'Home']);

/** A list of any length of which only what is seen is drawn. */
export function VirtualList<Item>(props: Props<Item>): React.ReactNode {
  const { label, items, keyOf, rowHeight, row, className = '', follow = false } = props;
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const list = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => {
      const item = items[index];
      return item === undefined ? index : keyOf(item);
    },
    overscan: 8,
  });
  const size = list.getTotalSize();

  // biome-ignore lint/correctness/useExhaustiveDependencies: a row that was measured anew moves the end, too
  useEffect(() => {
    const { current } = box;
    if (follow && atEnd.current && current) current.scrollTop = current.scrollHeight;
  }, [follow, items.length, size]);

  return (
    <section
      ref={box}
      className={`list ${className}`}
      style={{ height: `min(${size + BORDERS}px, var(--most))` }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      // Only a person leaves the end; the list itself moves while rows come, go and are measured.
      onWheel={({ deltaY }) => {
        if (deltaY < 0) atEnd.current = false;
      }}
      onKeyDown={({ key }) => {
        if (UPWARD_KEYS.has(key)) atEnd.current = false;
      }}
      onTouchMove={() => {
        atEnd.current = false;
      }}
      onPointerDown={() => {
        atEnd.current = false; // The scrollbar, or something in a row, which is not to be moved away.
      }}
      onScroll={({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) => {
        if (scrollTop + clientHeight > scrollHeight - rowHeight) atEnd.current = true;
      }}
    >
      <ul style={{ height: size }}>
        {list.getVirtualItems().map(({ index, key, start }) => {
          const item = items[index];
          return (
            item !== undefined && (
              <li
                key={key}
                ref={list.measureElement}
                data-index={index}
                aria-setsize={items.length}
                aria-posinset={index + 1}
                style={{ transform: `translateY(${start}px)` }}
              >
                {row(item)}
              </li>
            )
          );
        })}
      </ul>
    </section>
  );
}
