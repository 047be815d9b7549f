import type { SessionWorktreeRequest } from '../../session/worktree-request.js';
import { OrchestrationError, quote } from '../../util/errors.js';
import { inWords } from '../../util/fs/in-words.js';

/** Says for which worktree something failed. An error that is already in words stays as it is. */
export function worktreeFailed(
  cwd: string,
  { branch }: Pick<SessionWorktreeRequest, 'branch'>,
  cause: unknown,
): OrchestrationError {
  if (cause instanceof OrchestrationError) return cause;
  const message = `No worktree for branch ${quote(branch)} of ${cwd}: ${inWords(cause)}.`;
  return new OrchestrationError('WORKTREE_FAILED', message, { cause });
}
