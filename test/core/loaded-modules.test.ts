import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const code = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;

/** Prints each module that is loaded. */
const HOOK = code(`
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) {
    writeSync(1, 'loaded ' + url + '\\n');
    return next(url, context);
  }
`);
const REGISTER = code(`import { register } from 'node:module'; register(${JSON.stringify(HOOK)});`);

/** The packages of which modules are loaded while a program runs. */
async function packagesOf(program: string): Promise<{ packages: string[]; output: string }> {
  const options = ['--import', 'tsx', '--import', REGISTER, '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, options, { cwd: ROOT });
  const names = [...stdout.matchAll(/^loaded .*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name = '']) => name);
  return { packages: [...new Set(names)].sort(), output: stdout };
}

const IMPORT = `const { UnifiedSessionManager } = await import(${JSON.stringify(pathToFileURL(join(ROOT, 'src/index.ts')).href)});`;

it('importing the package loads neither ChannelCoder nor zod, nor what only a run, the page or the command line needs', async () => {
  expect((await packagesOf(IMPORT)).packages).toEqual(['eventemitter3', 'leven', 'nanoid']);
});

it('the constructor of a manager still refuses a wrong option at once', async () => {
  const program = `${IMPORT}
    try {
      new UnifiedSessionManager({ maxConcurrent: -1 });
    } catch (error) {
      console.log(error.code + ': ' + error.message);
    }`;
  expect((await packagesOf(program)).output).toContain("INVALID_OPTIONS: Option 'maxConcurrent'");
});
