import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { tempFolder } from '../../../support/temp-folder.js';

const SRC = join(import.meta.dirname, '../../../../src');

/** Writes down every module that the process loads. */
const HOOK = `
  import { appendFileSync } from 'node:fs';
  export function load(url, context, next) {
    appendFileSync(process.env.LOADED, url + '\\n');
    return next(url, context);
  }`;

const module = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;

/** The modules that a fresh process loads when it imports these files of `src`. */
function loadedBy(...files: readonly string[]): readonly string[] {
  const list = join(tempFolder(), 'loaded');
  const register = module(`import { register } from 'node:module'; register(${JSON.stringify(module(HOOK))});`);
  const code = files.map((file) => `await import(${JSON.stringify(pathToFileURL(join(SRC, file)).href)});`).join('\n');
  const args = ['--import', 'tsx', '--import', register, '--input-type', 'module', '--eval', code];
  execFileSync(process.execPath, args, { env: { ...process.env, LOADED: list } });
  return readFileSync(list, 'utf8').split('\n');
}

const isOfDanger = (url: string): boolean => /\/src\/danger\/|\/unbash\//.test(url);

it('importing the main entry loads no file of src/danger, nor its parser', () => {
  const loaded = loadedBy('index.ts');
  expect(loaded.filter((url) => url.includes('/src/core/orchestration/guard/run-guard.ts'))).not.toEqual([]);
  expect(loaded.filter(isOfDanger)).toEqual([]);
});

it('importing src/danger loads its rules and no file of the core', () => {
  const loaded = loadedBy('danger/index.ts');
  expect(loaded.filter((url) => url.includes('/src/danger/rules/git.ts'))).not.toEqual([]);
  expect(loaded.filter((url) => url.includes('/unbash/'))).not.toEqual([]);
  expect(loaded.filter((url) => url.includes('/src/core/'))).toEqual([]);
});
