import type { SessionMode } from 'autonomous-orchestration';
import { describe, it } from 'vitest';
import { becomeUser } from './as-user.js';
import { MODES } from './matrix.js';
import { allChecks } from './matrix-checks.js';
import { RELEASES, size } from './support.js';

/** A mode takes a minute on two idle cores, and with `FULL=1` several users are checked beside each other. */
const LONGEST_MS = size(120_000, 600_000);

/**
 * Makes the process of a test file that of another user, for good, and checks what that user's sessions do. With `FULL=1`, this is
 * everything that `matrix.test.ts` checks.
 *
 * @param few the modes that are checked by default, with the oldest release
 */
export function checkSessionsOf(uid: number, few: readonly SessionMode[]): void {
  becomeUser(uid);
  describe.each(size(1, 2) === 1 ? RELEASES.slice(0, 1) : RELEASES)(
    `a process of uid ${uid}, with Claude Code $version`,
    (release) => {
      it.for<SessionMode>(size(1, 2) === 1 ? few : MODES)(
        'a session of the mode %s does all that the mode does',
        { timeout: LONGEST_MS },
        async (mode) => {
          await allChecks(release, uid, mode);
        },
      );
    },
  );
}
