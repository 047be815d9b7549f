import { type RefObject, useEffect, useState } from 'react';

const STEADY_MS = 700;
const LOOK_MS = 100;

/**
 * Whether an element has been in its place for a while. A button that has just appeared, or has just moved under a finger that
 * was about to press something else, must not be pressed by accident.
 */
export function useSteady(box: RefObject<HTMLElement | null>): boolean {
  const [steady, setSteady] = useState(false);
  useEffect(() => {
    let place: string | undefined;
    let since = performance.now();
    const look = (): void => {
      const now = placeOf(box.current);
      if (now !== place) since = performance.now();
      place = now;
      setSteady(performance.now() - since >= STEADY_MS);
    };
    const timer = window.setInterval(look, LOOK_MS);
    return () => window.clearInterval(timer);
  }, [box]);
  return steady;
}

/** The position on the page, not in the window: a person who scrolls knows that things move. */
function placeOf(element: HTMLElement | null): string | undefined {
  const box = element?.getBoundingClientRect();
  return box && `${Math.round(box.left + window.scrollX)} ${Math.round(box.top + window.scrollY)}`;
}
