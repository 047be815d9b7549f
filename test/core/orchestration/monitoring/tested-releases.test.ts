import { describe, expect, it } from 'vitest';
import { releaseWarning } from '../../../../src/core/orchestration/monitoring/tested-releases.js';
import versions from '../../../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };

const init = (claudeVersion?: string) =>
  releaseWarning({ kind: 'init', conversationId: 'x', ...(claudeVersion !== undefined && { claudeVersion }) });

describe('a release of Claude Code', () => {
  it.each(Object.values(versions))('causes no warning if the library was tested with it: %s', (version) => {
    expect(init(version)).toEqual([]);
  });

  it('causes a warning if the library was not tested with it', () => {
    expect(init('3.0.0')).toEqual([
      {
        kind: 'error',
        severity: 'warning',
        code: 'untested_release',
        message: expect.stringContaining('3.0.0 was not tested'),
      },
    ]);
  });

  it('causes no warning if the log does not name it', () => {
    expect(init()).toEqual([]);
    expect(releaseWarning({ kind: 'tampered' })).toEqual([]);
  });
});
