// The built package, imported by its name as its users do: one simulated session from start to end, and the page.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import { serveAutonomousApp } from 'autonomous-orchestration/handlers';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';

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
