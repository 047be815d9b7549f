import { type RefObject, useCallback, useEffect, useState } from 'react';

const ALMOST_PX = 4;

/** Whether the end of a scrolling box has been visible. Call `look` whenever the box was scrolled. */
export function useRead(box: RefObject<HTMLElement | null>): { read: boolean; look: () => void } {
  const [read, setRead] = useState(false);
  const look = useCallback(() => {
    const { current } = box;
    if (current && current.scrollTop + current.clientHeight >= current.scrollHeight - ALMOST_PX) setRead(true);
  }, [box]);
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    const resized = new ResizeObserver(look);
    resized.observe(current);
    return () => resized.disconnect();
  }, [box, look]);
  return { read, look };
}
