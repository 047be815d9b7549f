import type { SessionMode } from 'autonomous-orchestration';
import { describe, it } from 'vitest';
import { MODES } from './matrix.js';
import { allChecks } from './matrix-checks.js';
import { RELEASES, size } from './support.js';

const [oldest, newest] = RELEASES;

/** With `FULL=1`, everything that `matrix.test.ts` checks. By default all of it for one mode each. */
describe.each([
  { owner: 1234, release: newest, mode: 'orchestration' },
  { owner: 0, release: oldest, mode: 'autonomous' },
] as const)('a process of root with a workspace of uid $owner', ({ owner, release, mode }) => {
  const releases = size(1, 2) === 1 ? [release] : RELEASES;
  describe.each(releases)('with Claude Code $version', (own) => {
    it.for<SessionMode>(size(1, 2) === 1 ? [mode] : MODES)(
      'a session of the mode %s does all that the mode does',
      { timeout: size(120_000, 600_000) },
      async (each) => {
        await allChecks(own, owner, each);
      },
    );
  });
});
