import { describe, expect, it } from 'vitest';
import { CallLedger } from '../../../../src/core/orchestration/guard/call-ledger.js';
import { isKnownTool, toolsOff } from '../../../../src/core/orchestration/guard/claude-tools.js';

describe('tools whose work does not appear in the log', () => {
  it('tools whose work does not appear in the log are off unless the options name them', () => {
    expect(toolsOff()).toEqual(expect.arrayContaining(['Workflow', 'RemoteTrigger', 'EndConversation']));
    expect(toolsOff(['Bash', 'Workflow(*)', 'REPL'])).not.toEqual(expect.arrayContaining(['Workflow']));
    expect(toolsOff(['Bash', 'Workflow(*)', 'REPL'])).toContain('RemoteTrigger');
  });

  it('tools that are off by default are known tools', () => {
    for (const tool of ['Bash', 'Monitor', ...toolsOff()]) expect(isKnownTool(tool), tool).toBe(true);
    expect(isKnownTool('BrandNew')).toBe(false);
  });
});

it('a call of a tool that has no hook by design is no breach, but every other call that did not ask is', () => {
  const ended = (name: string) => {
    const ledger = new CallLedger();
    ledger.logged({ toolUseId: 't', tool: name, input: {} }, false);
    return ledger.ended({ kind: 'tool-result', toolUseId: 't', outcome: 'ok', output: 'x' }).breach;
  };
  expect(ended('EndConversation')).toBeUndefined();
  for (const tool of ['Bash', 'StructuredOutput', 'AskUserQuestion']) expect(ended(tool)).toBe('without asking');
});
