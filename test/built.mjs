// The built package, imported by its name as its users do: one simulated session from start to end.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, scriptedRun } from 'autonomous-orchestration/testing';

const stateDir = await mkdtemp(join(tmpdir(), 'orchestration-built-'));
const executor = new SimulatedExecutor(() => scriptedRun([{ text: 'Done.' }]));
const manager = new UnifiedSessionManager({ stateDir, executors: { autonomous: executor } });
const { id } = await manager.create({ prompt: 'x' });
assert.equal((await manager.waitFor(id)).result?.text, 'Done.');
await assert.rejects(manager.create({ prompt: '' }), OrchestrationError);
await manager.close();
await rm(stateDir, { recursive: true });
