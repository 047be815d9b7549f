import { describe, expect, it } from 'vitest';
import { releaseWarning } from '../../../../src/core/orchestration/monitoring/tested-releases.js';
import versions from '../../../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };

const init = (claudeVersion?: string) =>
  releaseWarning({ kind: 'init', conversationId: 'x', ...(claudeVersion !== undefined && { claudeVersion }) });

describe('a release of Claude Code', () => {
  it.each(Object.values(versions))('that the library is tested with is no news: %s', (version) => {
    expect(init(version)).toEqual([]);
  });

  it('that the library was never tested with is worth a warning', () => {
    expect(init('3.0.0')).toEqual([
      {
        kind: 'error',
        severity: 'warning',
        code: 'untested_release',
        message: expect.stringContaining('3.0.0 was not tested'),
      },
    ]);
  });

  it('that is not said is no news', () => {
    expect(init()).toEqual([]);
    expect(releaseWarning({ kind: 'tampered' })).toEqual([]);
  });
});
