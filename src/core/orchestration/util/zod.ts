import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { once } from './once.js';

export type Zod = typeof z;

/**
 * Makes something of zod when it is first asked for. zod takes as long to load as the rest of the package together, and a program
 * that only imports the package need not wait for it.
 *
 * @param make makes one schema, or several
 */
export function lazily<T>(make: (z: Zod) => T): () => T {
  return once(() => make(zod()));
}

/**
 * Loads zod. The constructor of a manager refuses wrong options at once, so it cannot wait for `import()`. The module system keeps
 * zod, so further calls cost little.
 */
export function zod(): Zod {
  const require = createRequire(import.meta.url);
  try {
    // The same instance that `import` gives to the user's own code.
    return require(fileURLToPath(import.meta.resolve('zod'))).z;
  } catch {
    return require('zod').z; // Test runners have no import.meta.resolve, or cannot require a module of that kind.
  }
}
