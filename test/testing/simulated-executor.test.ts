import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { recordedRun, type SimulatedStep, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import { simulate } from '../support/simulate.js';
import { tempFolder } from '../support/temp-folder.js';

const rules = [{ tool: 'Write', decision: 'deny', reason: 'Read only.' }] as const;

describe('SimulatedExecutor', () => {
  it('is stopped while it waits for a step that does not come', async () => {
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

  it('has the branch of a worktree in its record', async () => {
    const { manager } = simulate(() => scriptedRun([{ text: 'Done.' }]));
    const { id } = await manager.create({ prompt: 'x', worktree: 'fix/it' });
    expect((await manager.waitFor(id)).environment.branch).toBe('fix/it');
  });

  it('has calls rated in /workspace, as in a container, and says that no container ran', async () => {
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

  it('asks about the calls of a recorded log, too, and writes its lines as they are', async () => {
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
