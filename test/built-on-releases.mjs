// Runs `test/built.mjs` on this Node and on the newer releases that the package supports. npm has each release's binary as a
// package for each platform, and needs no install script for it. It keeps them in its cache, not in `node_modules`.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { run } from './e2e/engine/run.mjs';

const RELEASES = ['22', '24'];

const test = join(import.meta.dirname, 'built.mjs');
console.log(await run(process.execPath, [test]));
for (const release of RELEASES) {
  const install = ['--yes', '--ignore-scripts', '--package', `${binaryPackage()}@${release}`];
  const printed = await run('npx', [...install, '--', 'node', test]);
  console.log(printed);
  // A `node` of another release in the PATH would pass as well.
  assert.match(printed, new RegExp(`Node v${release}\\.`));
}

/** The name of the package that holds the binary for this machine; Apple silicon has one of its own. */
function binaryPackage() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const prefix = platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  return `${prefix}-${platform}-${process.arch}`;
}
