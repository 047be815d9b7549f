import type { TestProject } from 'vitest/node';
import { ensureEngine } from './engine/engine.mjs';

declare module 'vitest' {
  interface ProvidedContext {
    engine: Awaited<ReturnType<typeof ensureEngine>>;
  }
}

/** Brings the private engine up for all end-to-end tests; it is left running, so that the next run begins at once. */
export default async function setup(project: TestProject): Promise<void> {
  project.provide('engine', await ensureEngine({ log: (message) => console.error(`test engine: ${message}`) }));
}
