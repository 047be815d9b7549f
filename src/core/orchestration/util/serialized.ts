/**
 * Makes a line in which works are done one after the other, in the order in which they come. Who brought one that fails
 * hears of it, and the next one is done all the same.
 */
export function serialized(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const done = last.then(work);
    last = done.catch(() => {}); // Its own caller hears of it.
    return done;
  };
}
