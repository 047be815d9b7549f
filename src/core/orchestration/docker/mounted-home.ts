import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { requireSafeFiles } from '../guard/workspace-settings.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { ENTER, permits, WRITE } from '../util/fs/permission.js';
import type { CheckedMount } from '../workspace/mount.js';
import type { Agent } from './agents.js';

/** Claude Code's settings of a user, in its configuration folder. */
const USER_SETTINGS = ['settings.json'];

/**
 * Refuses mounts of the user's that leave Claude Code no place to write, or that cover its conversation.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`, `UNSAFE_SETTINGS`
 */
export async function requireUsableHome(
  { home, configDir, onMachine, uid }: Pick<Agent, 'home' | 'configDir' | 'onMachine' | 'uid'>,
  mounts: readonly CheckedMount[],
): Promise<void> {
  const conversation = `${configDir}/projects`;
  for (const { source, target, readonly } of mounts) {
    if (isInside(target, conversation)) throw invalid(source, `would cover Claude's conversation, ${conversation}`);
    for (const folder of [home, configDir]) {
      if (!isInside(folder, target)) continue;
      const own = join(source, relative(target, folder));
      // Another session, with the same mount, may have written them.
      if (folder === configDir) await requireSafeFiles(own, USER_SETTINGS, 'The mounted');
      const what = `is where Claude Code keeps its files (${folder})`;
      if (readonly) throw invalid(source, `${what}, and is read-only`);
      const stats = await stat(own).catch(() => undefined);
      if (!stats || !onMachine || permits(stats, onMachine, WRITE | ENTER)) continue;
      throw invalid(source, `${what}, and ${quote(own)} cannot be written by the session's user, uid ${uid}`);
    }
  }
}

function invalid(source: string, why: string): OrchestrationError {
  return new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'docker.mounts': ${quote(source)} ${why}. Mount elsewhere, make it writable, or set HOME or CLAUDE_CONFIG_DIR in docker.env.`,
  );
}
