import { describe, expect, it } from 'vitest';
import { releaseWarning } from '../../../../src/core/orchestration/monitoring/tested-releases.js';
import versions from '../../../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };

const init = (claudeVersion?: string) =>
  releaseWarning([{ kind: 'init', conversationId: 'x', ...(claudeVersion !== undefined && { claudeVersion }) }]);

describe('a release of Claude Code', () => {
  it.each(Object.values(versions))('a tested release of Claude Code causes no warning: %s', (version) => {
    expect(init(version)).toBeUndefined();
  });

  it('an untested release of Claude Code causes a warning', () => {
    expect(init('3.0.0')).toEqual({
      kind: 'error',
      severity: 'warning',
      code: 'untested_release',
      message: expect.stringContaining('3.0.0 was not tested'),
    });
  });

  it('a log without a release of Claude Code causes no warning', () => {
    expect(init()).toBeUndefined();
    expect(releaseWarning([{ kind: 'tampered' }])).toBeUndefined();
  });
});
