import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';

interface Props<Item> {
  label: string;
  items: readonly Item[];
  keyOf: (item: Item) => string;
  /** The estimated height of a row, in pixels. Each row is measured when it is drawn. */
  rowHeight: number;
  row: (item: Item) => React.ReactNode;
  className?: string;
  /** Keeps the list scrolled to its end when items are added, until a person scrolls away from the end. */
  follow?: boolean;
}

const BORDERS = 2;
const UPWARD_KEYS = new Set(['ArrowUp', 'PageUp', 'Home']);

/** A list of any length. Only the visible rows are drawn. */
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

  // biome-ignore lint/correctness/useExhaustiveDependencies: measuring a row again also moves the end
  useEffect(() => {
    const { current } = box;
    if (follow && atEnd.current && current) current.scrollTop = current.scrollHeight;
  }, [follow, items.length, size]);

  return (
    <section
      ref={box}
      className={`list ${className}`}
      style={{ height: `min(${size + BORDERS}px, var(--most))` }}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box has to be reachable by keyboard
      tabIndex={0}
      aria-label={label}
      // Only a person's input ends the following. Scroll events cannot be used for that, because the list also scrolls when rows
      // are added, removed and measured.
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
        atEnd.current = false; // The scrollbar was pressed, or something in a row, which must not move away.
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
