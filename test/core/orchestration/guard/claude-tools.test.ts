import { describe, expect, it } from 'vitest';
import { isKnownTool, toolsOff } from '../../../../src/core/orchestration/guard/claude-tools.js';

describe('tools whose work is in no log', () => {
  it('are off unless the options name them', () => {
    expect(toolsOff()).toEqual(expect.arrayContaining(['Workflow', 'RemoteTrigger', 'EndConversation']));
    expect(toolsOff(['Bash', 'Workflow(*)', 'REPL'])).not.toEqual(expect.arrayContaining(['Workflow']));
    expect(toolsOff(['Bash', 'Workflow(*)', 'REPL'])).toContain('RemoteTrigger');
  });

  it('are known like all others', () => {
    for (const tool of ['Bash', 'Monitor', ...toolsOff()]) expect(isKnownTool(tool), tool).toBe(true);
    expect(isKnownTool('BrandNew')).toBe(false);
  });
});
