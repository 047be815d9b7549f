/** If the machine was asleep, its timers are late. So the clock is checked from time to time. */
const LOOK_MS = 60_000;

/**
 * Calls the callback at a time of day, even if the machine was asleep before that time.
 *
 * @returns the function that cancels the call
 */
export function callAt(time: number, now: () => number, callback: () => void): () => void {
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const left = time - now();
    if (left <= 0) callback();
    else timer = setTimeout(look, Math.min(left, LOOK_MS));
  };
  timer = setTimeout(look, Math.min(Math.max(0, time - now()), LOOK_MS));
  return () => clearTimeout(timer);
}
