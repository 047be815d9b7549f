import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, parse, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import { bundled } from './bundle.js';
import { ask } from './child.js';
import type { Figure } from './figure.js';

/** The benchmarks of this repository, built for one version of the package. */
export interface Version {
  /** The short id of the commit that the version was made from. */
  readonly commit: string;
  /**
   * Measures the figures of one file.
   *
   * @throws Error if the file could not be built for this version, or has failed
   */
  measure(file: string): Promise<Figure[]>;
}

/** The version that this repository holds. It is built already. */
export function thisVersion(root: string): Version {
  return {
    commit: commitOf(root),
    measure: (file) => ask(pathToFileURL(join(root, 'bench/built', `${file}.bench.js`))),
  };
}

/**
 * Builds the benchmarks of this repository for the package of another checkout. What that version lacks is built without an
 * error, and fails when it is measured.
 *
 * @throws Error if the checkout is not there or is not built
 */
export async function otherVersion(root: string, folder: string, files: readonly string[]): Promise<Version> {
  const checkout = resolve(folder);
  if (!existsSync(join(checkout, 'dist/index.js')))
    throw new Error(`--beside: ${checkout} has no dist/index.js. Run "npm ci && npx tsup --no-dts" there.`);
  // Within the checkout, the name of the package means the package of the checkout.
  const built = join(checkout, 'bench/built-beside');
  rmSync(built, { recursive: true, force: true });
  const failed = new Map<string, string>();
  const compile = async (name: string): Promise<void> => {
    try {
      const outDir = dirname(join(built, name));
      await build({
        ...bundled(root, checkout, [join(root, 'bench', `${name}.ts`)], outDir),
        config: false,
        silent: true,
      });
    } catch (error) {
      failed.set(name, reasonOf(error));
    }
  };
  for (const name of readdirSync(join(root, 'bench/support'))) await compile(`support/${parse(name).name}`);
  for (const file of files) await compile(`${file}.bench`);
  return {
    commit: commitOf(checkout),
    async measure(file) {
      const why = failed.get(`${file}.bench`);
      if (why !== undefined) throw new Error(why);
      try {
        return await ask<Figure[]>(pathToFileURL(join(built, `${file}.bench.js`)), [], { quiet: true });
      } catch (error) {
        const missing = [...failed].find(([name]) => reasonOf(error).includes(`/${name}.js`));
        throw missing ? new Error(missing[1]) : error;
      }
    },
  };
}

export function reasonOf(error: unknown): string {
  const { errors, message } = error as { errors?: readonly { text: string }[]; message?: string };
  return errors?.[0]?.text ?? message ?? String(error);
}

function commitOf(folder: string): string {
  return execFileSync('git', ['-C', folder, 'describe', '--always', '--dirty', '--exclude=*'], {
    encoding: 'utf8',
  }).trim();
}
