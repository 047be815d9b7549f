// Makes a project of its own from the packed package, and runs the tests of this folder in it, as a user of the package would:
// with Vitest, with Vitest and a mocked module, in several processes, with Jest, and with `bun test` where npm has a Bun for this machine.
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../e2e/engine/run.mjs';

const BUN = '1.3';
const JEST = '30';
const root = join(import.meta.dirname, '../..');
const project = await mkdtemp(join(tmpdir(), 'orchestration-scratch-'));
try {
  await install();
  for (const file of await readdir(import.meta.dirname)) await cp(join(import.meta.dirname, file), join(project, file));
  const vitest = join(project, 'node_modules/vitest/vitest.mjs');
  for (const file of ['injected.test.mjs', 'mocked.test.mjs', 'shared.test.mjs'])
    console.log(await inProject(process.execPath, [vitest, 'run', file]));
  // npm links the command like this when it installs the package.
  console.log(await inProject('npx', ['--no-install', 'autonomous-orchestration', '--version']));
  const jest = ['--yes', '--package', `jest@${JEST}`, '--', 'jest', '--testMatch', '**/jest.test.mjs'];
  console.log(await inProject('env', ['NODE_OPTIONS=--experimental-vm-modules', 'npx', ...jest]));
  const bun = ['--yes', '--package', `bun@${BUN}`, '--', 'bun'];
  const why = await inProject('npx', [...bun, '--version']).then(() => undefined, String);
  if (why !== undefined) console.log(`Left out: the test with Bun, which does not run on this machine: ${why}`);
  else
    for (const file of ['bun.test.mjs', 'bun-given.test.mjs'])
      console.log(await inProject('npx', [...bun, 'test', `./${file}`])); // In two processes: a mocked module stays mocked.
} finally {
  await rm(project, { recursive: true });
}

/** Unpacks the package into the project. Its dependencies are those of this clone. */
async function install() {
  const modules = join(project, 'node_modules');
  const own = join(modules, 'autonomous-orchestration');
  await mkdir(own, { recursive: true });
  await writeFile(join(project, 'package.json'), '{ "private": true, "type": "module" }');
  for (const name of await readdir(join(root, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(root, 'node_modules', name), join(modules, name));
  }
  const [tarball = ''] = (
    await run('npm', ['pack', root, '--ignore-scripts', '--silent', '--pack-destination', project])
  )
    .split('\n')
    .slice(-1);
  await run('tar', ['-xzf', join(project, tarball), '-C', own, '--strip-components=1']);
  await mkdir(join(modules, '.bin'));
  await symlink('../autonomous-orchestration/dist/cli.js', join(modules, '.bin/autonomous-orchestration'));
}

/**
 * @param {string} command
 * @param {string[]} args
 */
function inProject(command, args) {
  return run('env', ['--chdir', project, command, ...args]);
}
