import { readFileSync } from 'node:fs';
import { scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { simulate } from '../../../support/simulate.js';

const rules = [{ tool: 'Write', decision: 'deny', reason: 'Read only.' }] as const;

describe('SimulatedExecutor', () => {
  it('writes a denial for the result of what was denied, at once, and the rest as it is', async () => {
    const { manager } = simulate(() =>
      scriptedRun([
        { tool: 'Write', input: { file_path: 'a' }, output: 'written', takesMs: 60_000 },
        { tool: 'Read', input: { file_path: 'a' }, output: 'read' },
        { text: 'Done.' },
      ]),
    );
    const { id } = await manager.create({ prompt: 'x', policy: { rules } });
    const { logFile = '', metadata } = await manager.waitFor(id);
    expect(metadata.toolsUsed.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['Write', 'denied'],
      ['Read', 'ok'],
    ]);
    const log = readFileSync(logFile, 'utf8');
    expect(log).toContain('"content":"Denied by policy: Read only.","is_error":true');
    expect(log).not.toContain('written');
  });

  it('does what the script says to a message, once and in its place', async () => {
    const { manager } = simulate(() =>
      scriptedRun([{ tool: 'Read', output: 'read' }, { text: 'Done.' }], {
        onMessage: (message) => [{ tool: 'Grep', input: { pattern: message }, output: 'found' }],
      }),
    );
    manager.once('session:created', ({ sessionId }) => manager.steer(sessionId, 'this'));
    const { id } = await manager.create({ prompt: 'x' });
    const { metadata, result } = await manager.waitFor(id);
    expect(metadata.toolsUsed.map(({ name, input }) => [name, input])).toEqual([
      ['Read', {}],
      ['Grep', { pattern: 'this' }],
    ]);
    expect(result).toMatchObject({ reason: 'success', text: 'Done.' });
  });

  it('says that it heard where the script says nothing of messages', async () => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }]));
    manager.once('session:created', ({ sessionId }) => manager.steer(sessionId, 'this'));
    const { id } = await manager.create({ prompt: 'x' });
    const { metadata } = await manager.waitFor(id);
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual(['Done.', 'Understood: this']);
  });
});
