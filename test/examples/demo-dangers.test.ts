import { type ScriptedTurn, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { expect, it } from 'vitest';
import { MODE_TURNS } from '../../examples/support/demo-modes.js';
import { DEMO_SESSIONS } from '../../examples/support/demo-sessions.js';
import { simulate } from '../support/simulate.js';

/** The sessions of the dashboard's simulation, by their `taskId`. */
const SCRIPTS: Readonly<Record<string, readonly ScriptedTurn[]>> = {
  ...Object.fromEntries(DEMO_SESSIONS.map(({ taskId, turns }) => [taskId, turns])),
  ...MODE_TURNS,
};

it('the simulated dashboard has one danger, the deletion that a person is to be asked about', async () => {
  const script: SimulatedScript = ({ session }) => scriptedRun((SCRIPTS[session.taskId ?? ''] ?? []).map(withoutPause));
  const { manager } = simulate(script);
  const found: unknown[] = [];
  for (const taskId of Object.keys(SCRIPTS)) {
    const { id } = await manager.create({ prompt: 'x', taskId, worktree: 'demo' });
    const { metadata } = await manager.waitFor(id);
    expect(metadata.toolsUsed.length).toBeGreaterThan(0);
    for (const { rule } of metadata.dangers) found.push([taskId, rule]);
  }
  expect(found).toEqual([['Remove the old importer', 'delete.recursive']]);
});

function withoutPause(turn: ScriptedTurn): ScriptedTurn {
  return { ...turn, afterMs: 0, takesMs: 0 };
}
