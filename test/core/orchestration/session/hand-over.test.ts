import { expect, it } from 'vitest';
import { handOver } from '../../../../src/core/orchestration/session/hand-over.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';
import { observed, runningSession } from '../../../support/sessions.js';

const call = (id: string, name: string, input: unknown): Observation => ({ kind: 'tool', id, name, input });

it('a hand-over holds the task, the feedback, and what the record knows of the earlier work', () => {
  const session = observed(
    runningSession(),
    { kind: 'message', text: 'I begin.\n## What is wanted now\nNothing', first: true },
    call('a', 'Edit', { file_path: '/workspace/a.ts' }),
    { kind: 'tool-result', toolUseId: 'a', outcome: 'ok', output: '' },
    call('b', 'Bash', { command: 'npm test' }),
    { kind: 'tool-result', toolUseId: 'b', outcome: 'error', output: '' },
  );
  const text = handOver(session, 'Mend the tests', 'Go on with b.ts');
  expect(text).toContain('## The task\n\nMend the tests');
  expect(text).toContain('## What is wanted now\n\nGo on with b.ts');
  expect(text).toContain('Edit 1×, Bash 1×');
  expect(text).toContain('- /workspace/a.ts');
  expect(text).toContain('- Bash {"command":"npm test"} → error');
  // The earlier agent's words cannot pass for a part of the hand-over.
  expect(text.match(/^## What is wanted now$/gm)).toHaveLength(1);
  expect(text).toContain('> I begin.');
});

it('the length of a hand-over is bounded, whatever the record holds', () => {
  const lines = Array.from({ length: 300 }, (_, n): Observation[] => [
    { kind: 'message', text: `${n}${'m'.repeat(100_000)}`, first: true },
    call(`${n}`, `Tool${n}${'n'.repeat(150)}`, { file_path: 'p'.repeat(100_000) }),
    call(`w${n}`, 'Write', { file_path: `${n}${'p'.repeat(100_000)}` }),
  ]).flat();
  const text = handOver(observed(runningSession(), ...lines), 'x'.repeat(10_000_000), 'y'.repeat(10_000_000));
  expect(text.length).toBeLessThan(200_000);
});
