import { describe, expect, it } from 'vitest';
import { releaseWarning } from '../../../../src/core/orchestration/monitoring/tested-releases.js';
import versions from '../../../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };

const init = (claudeVersion?: string) =>
  releaseWarning([{ kind: 'init', conversationId: 'x', ...(claudeVersion !== undefined && { claudeVersion }) }]);

describe('a release of Claude Code', () => {
  it.each(Object.values(versions))('a tested release of Claude Code causes no warning: %s', (version) => {
    expect(init(version)).toBeUndefined();
  });

  it('a release between the tested ones causes no warning', () => {
    expect(init('2.1.100')).toBeUndefined();
    expect(init('2.1.330')).toBeUndefined();
  });

  it.each(['2.1.97', '2.0.332', '1.9.999', '2.1.333', '2.2.0', '10.0.0', '2.1.330-dev', '2.1', 'x'])(
    'a release that is older, newer or something else causes a warning: %s',
    (version) => {
      expect(init(version)).toMatchObject({ code: 'untested_release' });
    },
  );

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
