import { expect, it } from 'vitest';
import { gitFailure } from '../../../../../src/core/orchestration/git/repository/git-failure.js';

it('a damaged object is reported as git ends, with the command that says more', () => {
  const stderr = 'error: inflate: data stream error (incorrect header check)\nfatal: loose object 4b1 is corrupt\n';
  const { message } = gitFailure(['read-tree', 'HEAD'], { code: 128, stderr }, 1);
  expect(message).toBe(
    "'git read-tree' says: loose object 4b1 is corrupt. The repository seems to be damaged; see what 'git fsck' says",
  );
});

it('any other failure has no such hint', () => {
  const { message } = gitFailure(['read-tree'], { code: 128, stderr: 'error: unable to write file x\n' }, 1);
  expect(message).toBe("'git read-tree' says: unable to write file x");
});
