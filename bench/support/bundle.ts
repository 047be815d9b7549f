import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

/** What only the benchmarks use. Compiled into them, some of it would be slower or would not find its own files. */
const PEERS = /^(@ai-hero\/sandcastle|async|chokidar|dockerode|fastq|mitt|p-queue|playwright-core|tail)(\/|$)/;

/**
 * How the benchmarks are built: like the package, so that no tool translates code while something is measured. They import the
 * built package by its name. A few measure a part that the package does not export; that part is built into them.
 *
 * @param root the folder of this repository
 * @param checkout the repository whose package is measured; another one than `root` if two versions are compared
 */
export function bundled(root: string, checkout: string, entry: readonly string[], outDir: string): Options {
  return {
    entry: [...entry],
    outDir,
    format: 'esm',
    target: 'node20',
    platform: 'node',
    // Each file stays one file, because benchmarks start others by their names.
    splitting: false,
    external: [/^autonomous-orchestration(\/|$)/, 'tsup'],
    // What cannot be built for the other checkout is left out, with the reason.
    esbuildOptions: (options) => {
      if (root !== checkout) options.logLevel = 'silent';
    },
    esbuildPlugins: [
      PEERS_OF_THIS_REPOSITORY,
      testEngineOf(root),
      ...(root === checkout ? [] : [partsOf(root, checkout)]),
    ],
  };
}

/** Peers are those of this repository, whichever package is measured. */
const PEERS_OF_THIS_REPOSITORY: Plugin = {
  name: 'peers stay where they are',
  setup(build) {
    build.onResolve({ filter: PEERS }, ({ path }) => ({ path: import.meta.resolve(path), external: true }));
  },
};

/** The test engine and the scripted model are those of this repository. */
function testEngineOf(root: string): Plugin {
  return {
    name: 'test engine and browser stay where they are',
    setup(build) {
      build.onResolve({ filter: /\/test\/.*\.mjs$/ }, ({ path, resolveDir }) => ({
        path: join(root, relative(root, join(resolveDir, path))),
        external: true,
      }));
    },
  };
}

/** The parts that are built into a benchmark come from the package that is measured. */
function partsOf(root: string, checkout: string): Plugin {
  return {
    name: 'parts of the other checkout',
    setup(build) {
      build.onResolve({ filter: /\/src\/.*\.js$/ }, ({ path, resolveDir, importer }) => {
        if (!importer.startsWith(join(root, 'bench'))) return undefined;
        const source = join(checkout, relative(root, join(resolveDir, path))).replace(/\.js$/, '.ts');
        return existsSync(source)
          ? { path: source }
          : { errors: [{ text: `The other checkout has no ${relative(checkout, source)}.` }] };
      });
    },
  };
}
