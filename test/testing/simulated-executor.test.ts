import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordedRun, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { simulate } from '../support/simulate.js';
import { tempFolder } from '../support/temp-folder.js';

const rules = [{ tool: 'Write', decision: 'deny', reason: 'Read only.' }] as const;

describe('SimulatedExecutor', () => {
  it('a simulated session is cancelled while it waits for a step that does not come', async () => {
    const { manager } = simulate(({ conversationId }) => {
      const { steps } = scriptedRun([{ text: 'Waiting.' }], { conversationId });
      async function* stuck(): AsyncGenerator<SimulatedStep> {
        for await (const step of steps) {
          yield step;
          if (JSON.stringify(step.line).includes('Waiting.')) await new Promise(() => {});
        }
      }
      return { steps: stuck() };
    });
    const { id } = await manager.create({ prompt: 'x' });
    await new Promise((resolve) => manager.once('session:message', resolve));
    expect((await manager.cancel(id)).status).toBe('cancelled');
  });

  it('a simulated session has the branch of its worktree in its record', async () => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }]));
    const { id } = await manager.create({ prompt: 'x', worktree: 'fix/it' });
    expect((await manager.waitFor(id)).environment.branch).toBe('fix/it');
  });

  it('calls of a simulated session are rated as in a container, but its record has no container', async () => {
    const { manager } = simulate(() =>
      scriptedRun([
        { tool: 'Write', input: { file_path: '/workspace/a' } },
        { tool: 'Write', input: { file_path: '/srv/a' } },
        { text: 'Done.' },
      ]),
    );
    const { id } = await manager.create({ prompt: 'x', worktree: 'fix/it' });
    const { environment, metadata } = await manager.waitFor(id);
    // Outside of a container the second would be critical.
    expect(metadata.dangers).toMatchObject([{ level: 'warning', reason: expect.stringContaining('/srv/a') }]);
    expect(metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['ok', 'ok']);
    expect(environment.docker).toBe(false);
  });

  it('a denied call gets a denial as its result at once, and another call keeps its result', async () => {
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

  it('the onMessage of a script plays its turns once, after the current step', async () => {
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

  it('a script without onMessage confirms a message', async () => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }]));
    manager.once('session:created', ({ sessionId }) => manager.steer(sessionId, 'this'));
    const { id } = await manager.create({ prompt: 'x' });
    const { metadata } = await manager.waitFor(id);
    expect(metadata.recentMessages.map(({ text }) => text)).toEqual(['Done.', 'Understood: this']);
  });

  it('calls of a recorded log are checked, and its other lines are written unchanged', async () => {
    const file = join(tempFolder(), 'recorded.log');
    const turns = [{ tool: 'Read', output: 'read' }, { tool: 'Write', output: 'written' }, { text: 'Done.' }];
    const lines = [...(scriptedRun(turns).steps as Iterable<SimulatedStep>)].map(({ line }) => JSON.stringify(line));
    writeFileSync(file, `no event\n${lines.join('\n')}\n`);
    const { manager } = simulate(() => recordedRun(file));
    const { id } = await manager.create({ prompt: 'x', policy: { rules } });
    const { logFile = '', metadata, result } = await manager.waitFor(id);
    expect(result).toMatchObject({ reason: 'success', text: 'Done.' });
    expect(metadata.toolsUsed.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['Read', 'ok'],
      ['Write', 'denied'],
    ]);
    const written = readFileSync(logFile, 'utf8').split('\n');
    expect(['no event', ...lines].filter((line) => !written.includes(line))).toEqual([lines[4]]);
  });
});
