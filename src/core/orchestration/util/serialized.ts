/**
 * Makes a queue that does one piece of work after the other, in the order in which they are given. If one fails, its own caller
 * gets the error, and the next one is done nevertheless.
 */
export function serialized(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {}); // Its own caller gets the error.
    return done;
  };
}
