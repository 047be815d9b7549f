import type { SessionSpec } from '../contract/session-spec.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { SetupCommand } from '../session/setup.js';
import { OrchestrationError } from '../util/errors.js';
import type { Zod } from '../util/zod.js';

const A_DAY_MS = 86_400_000;
/** The commands are arguments of the docker client, of which Linux takes none that is longer than 128 KiB. */
const MOST_LENGTH = 32_768;

export const setupSchema = (z: Zod) =>
  z
    .array(
      z.strictObject({
        run: z
          .string()
          .max(MOST_LENGTH)
          .refine((line) => line.trim() !== '', 'must not be empty')
          .refine((line) => !line.includes('\0'), 'must not hold NUL'),
        timeoutMs: z.int().positive().max(A_DAY_MS).optional(),
      }),
    )
    .max(20)
    .optional();

/**
 * The commands that run before the agent of a session begins. Those of the manager are left out where they cannot work: without a
 * container, and where the workspace is read-only. A session that another one leads works in the workspace that is set up already,
 * unless it has a worktree of its own.
 *
 * @param inherited the commands of the session that leads this one, or of the manager
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function resolveSetup(
  { setup: own, mode, worktree }: Pick<CreateSessionOptions, 'setup' | 'mode' | 'worktree'>,
  { setup: inherited = [], led }: { readonly setup?: readonly SetupCommand[]; readonly led?: true },
  docker: SessionSpec['docker'],
): { setup?: readonly SetupCommand[] } {
  if (own !== undefined && own.length > 0) {
    if (docker === false) throw invalid('the commands run in a container, and this session has none (docker: false)');
    if (mode === 'planning') throw invalid("the workspace of a session of the mode 'planning' is read-only");
    return { setup: own };
  }
  if (own !== undefined || docker === false || mode === 'planning') return {};
  const isShared = led === true && worktree === undefined && mode !== 'worktree';
  return inherited.length === 0 || isShared ? {} : { setup: inherited };
}

function invalid(why: string): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'setup': ${why}. Leave it out, or give an empty list.`);
}
