import type { SessionMode } from 'autonomous-orchestration';
import { describe, it } from 'vitest';
import { becomeUser } from './as-user.js';
import { MODES } from './matrix.js';
import { allChecks } from './matrix-checks.js';
import { RELEASES, size } from './support.js';

const UID = 1234;
becomeUser(UID);

const FEW: readonly SessionMode[] = ['interactive', 'worktree'];

/** With `FULL=1`, everything that `matrix.test.ts` checks. */
describe.each(size(1, 2) === 1 ? RELEASES.slice(0, 1) : RELEASES)(
  `a process of uid ${UID}, which the machine has no name for, with Claude Code $version`,
  (release) => {
    it.for<SessionMode>(size(1, 2) === 1 ? FEW : MODES)(
      'a session of the mode %s does all that the mode does',
      async (mode) => {
        await allChecks(release, UID, mode);
      },
    );
  },
);
