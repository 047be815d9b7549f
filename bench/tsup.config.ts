import { fileURLToPath } from 'node:url';
import { defineConfig } from 'tsup';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/**
 * Builds the benchmarks like the package, so that no tool translates code while something is measured. They import the built
 * package by its name. A few measure a part that the package does not export; that part is built into them.
 */
export default defineConfig({
  entry: [`${ROOT}bench/*.bench.ts`, `${ROOT}bench/run.ts`, `${ROOT}bench/support/*.ts`],
  outDir: `${ROOT}bench/built`,
  format: 'esm',
  target: 'node20',
  platform: 'node',
  clean: true,
  // Each file stays one file, because benchmarks start others by their names.
  splitting: false,
  external: [/^autonomous-orchestration(\/|$)/, 'fastq', 'playwright-core'],
  esbuildPlugins: [
    {
      name: 'test engine and browser stay where they are',
      setup(build) {
        build.onResolve({ filter: /\/test\/.*\.mjs$/ }, ({ path, resolveDir }) => ({
          path: fileURLToPath(new URL(path, `file://${resolveDir}/`)),
          external: true,
        }));
      },
    },
  ],
});
