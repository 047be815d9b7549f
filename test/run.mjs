// `npm test`: everything that this machine can run. What has to be left out is named together with the reason, and with
// CI=true nothing may be. The fault tests and the matrix run in a small size; with FULL=1 they run in the full one. Ends with
// the ten slowest test files and the line `N passed, N failed`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { ensureEngine } from './e2e/engine/engine.mjs';
import { run } from './e2e/engine/run.mjs';
import { ensureChromium } from './page/chromium.mjs';

const root = join(import.meta.dirname, '..');
const mustRunAll = process.env.CI === 'true';
const results = await mkdtemp(join(tmpdir(), 'orchestration-tests-'));
await chmod(results, 0o711); // Some tests work as another user in a folder of their own in it.
const total = { passed: 0, failed: 0 };
/** @type {string[]} */
const leftOut = [];
/** @type {string[]} */
const failures = [];
/** @type {{ file: string, seconds: number }[]} */
const durations = [];

const inMemory = await memoryFolder();
await runProject('unit', inMemory);
try {
  await ensureChromium({ log: (message) => console.log(`browser: ${message}`) });
  await runProject('page', inMemory);
} catch (error) {
  leftOut.push(`the tests of the page: ${error instanceof Error ? error.message : error}`);
  if (mustRunAll) total.failed += 1;
}
try {
  await ensureEngine({ log: (message) => console.log(`test engine: ${message}`) });
  await runProject('e2e');
  await runProject('faults');
} catch (error) {
  leftOut.push(`the end-to-end tests: ${error instanceof Error ? error.message : error}`);
  if (mustRunAll) total.failed += 1;
}
await rm(results, { recursive: true });

for (const failure of failures) console.log(`Failed: ${failure}`);
for (const what of leftOut) console.log(`Left out: ${what}`);
durations.sort((a, b) => b.seconds - a.seconds);
for (const { file, seconds } of durations.slice(0, 10)) console.log(`Slow: ${seconds.toFixed(1)} s  ${file}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** @typedef {{ status: string, fullName: string, failureMessages?: string[] }} Assertion */
/** @typedef {{ name: string, startTime: number, endTime: number, assertionResults: Assertion[] }} Suite */

/**
 * A command that runs another one with its temporary folder in memory, in a mount namespace of its own that ends with it. The
 * tests make and remove so many small files that the file system would be half of the work of the unit tests. Empty where that
 * is not possible: not Linux, or not root.
 */
async function memoryFolder() {
  const folder = join(results, 'tmp');
  await mkdir(folder);
  const mount = `mount -t tmpfs none '${folder}' && TMPDIR='${folder}' exec "$0" "$@"`;
  const command = ['unshare', '--mount', 'sh', '-c', mount];
  return run('unshare', [...command.slice(1), 'true']).then(
    () => command,
    () => [],
  );
}

/**
 * @param {string} project
 * @param {readonly string[]} within the start of a command that runs the rest of it
 */
async function runProject(project, within = []) {
  const file = join(results, `${project}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const vitest = [process.execPath, join(root, 'node_modules/vitest/vitest.mjs')];
  const [program = '', ...args] = [...within, ...vitest, 'run', '--project', project, ...reporters];
  const child = spawn(program, args, { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  /** @type {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, testResults: Suite[] }} */
  const counts = JSON.parse(
    await readFile(file, 'utf8').catch(
      () => '{"numPassedTests":0,"numFailedTests":0,"numPendingTests":0,"testResults":[]}',
    ),
  );
  // Once more at the end, where whoever reads only that sees them.
  for (const { name, startTime, endTime, assertionResults } of counts.testResults) {
    durations.push({ file: relative(root, name), seconds: (endTime - startTime) / 1_000 });
    for (const { status, fullName, failureMessages } of assertionResults) {
      if (status === 'failed') failures.push(`${fullName}: ${failureMessages?.[0]?.slice(0, 500)}`);
    }
  }
  total.passed += counts.numPassedTests;
  // A suite that cannot even be loaded fails without a failing test.
  total.failed += code === 0 ? counts.numFailedTests : Math.max(counts.numFailedTests, 1);
  if (counts.numPendingTests > 0) {
    leftOut.push(`${counts.numPendingTests} tests of '${project}', skipped by themselves`);
    if (mustRunAll) total.failed += counts.numPendingTests;
  }
}
