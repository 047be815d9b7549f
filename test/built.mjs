// The built package, imported by its name as its users do: one simulated session from start to end, and the page.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import * as danger from 'autonomous-orchestration/danger';
import { serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';

assert.deepEqual(Object.keys(danger).sort(), ['rateDanger', 'rateDangers']);
const call = { tool: 'Bash', input: { command: 'git reset --hard' } };
assert.equal(danger.rateDanger(call, { workspace: '/workspace' })?.rule, 'git.reset-hard');

/**
 * The built files that an entry loads at once: by `import`, not by `import()`.
 *
 * @param {string} name
 * @returns {Promise<string[]>}
 */
async function loadedBy(name) {
  const text = await readFile(new URL(`../dist/${name}`, import.meta.url), 'utf8');
  const names = [...text.matchAll(/^(?:import|export)\b[^;]*?"\.\/([^"]+)";$/gm)].map(([, file = '']) => file);
  return [text, ...(await Promise.all(names.map(loadedBy))).flat()];
}
const main = (await loadedBy('index.js')).join('\n');
const rules = (await loadedBy('danger.js')).join('\n');
assert.match(main, /UnifiedSessionManager = class/);
assert.match(rules, /"git\.reset-hard"|'git\.reset-hard'/);
assert.doesNotMatch(
  main,
  /git\.reset-hard|unbash/,
  'The main entry loads the rules of danger, which the first run has to do.',
);
assert.doesNotMatch(main, /from ["']commander["']/, 'The main entry loads the library for command lines.');
assert.doesNotMatch(rules, /spares:/, 'The examples of the rules are in the built package.');

const stateDir = await mkdtemp(join(tmpdir(), 'orchestration-built-'));
const executor = new SimulatedExecutor(() => scriptedRun([{ text: 'Done.' }]));
const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
const { id } = await manager.create({ prompt: 'x' });
assert.equal((await manager.waitFor(id)).result?.text, 'Done.');
const server = await serveAutonomousApp(manager, { port: 0, workspaces: [stateDir] });
const page = await (await fetch(server.url)).text();
const [, script] = /src="\.\/(assets\/[^"]+\.js)"/.exec(page) ?? [];
assert.equal((await fetch(`${server.url}/${script}`)).headers.get('content-type'), 'text/javascript; charset=utf-8');
const api = `${server.url}/api/autonomous-sessions`;
assert.equal((await fetch(api)).status, 401);
const list = /** @type {{ data: { id: string }[] }} */ (
  await (await fetch(api, { headers: { Authorization: `Bearer ${server.token}` } })).json()
);
assert.equal(list.data[0]?.id, id);
await server.close();
await assert.rejects(manager.create({ prompt: '' }), OrchestrationError);
await manager.close();
await rm(stateDir, { recursive: true });
console.log(`The built package works on Node ${process.version}.`);
