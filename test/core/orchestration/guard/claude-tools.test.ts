import { describe, expect, it } from 'vitest';
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
