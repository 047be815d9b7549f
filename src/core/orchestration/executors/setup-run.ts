import { chmod, mkdir } from 'node:fs/promises';
import type { RunHandle } from '../contract/run-handle.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { StoredLogin } from '../login/stored-login.js';
import type { MailboxFiles } from '../mailbox/mailbox-files.js';
import { SetupFollower } from '../mailbox/setup-follower.js';
import { SETUP_EXIT, SETUP_PLACE, setupWords } from '../mailbox/setup-script.js';
import type { RunEnd } from '../session/run.js';
import { redaction } from '../util/redact.js';
import type { Mount } from '../workspace/mount.js';

/** What a container needs to run the setup. */
interface ContainerSetup {
  readonly mounts: readonly Mount[];
  /** The words in front of the container's command. */
  readonly words: readonly string[];
}

/**
 * Makes the folder through which a container tells of its setup. The image's user writes there, and may be any user.
 *
 * @param terminal true if the container's terminal shows the output, too
 */
export async function setupOf(
  { setup = [] }: SessionSpec,
  files: MailboxFiles,
  terminal: boolean,
): Promise<ContainerSetup> {
  if (setup.length === 0) return { mounts: [], words: [] };
  await mkdir(files.setup);
  await chmod(files.setup, 0o777);
  return {
    mounts: [{ source: files.setup, target: SETUP_PLACE, readonly: false }],
    words: setupWords(setup, terminal),
  };
}

/**
 * Adds the setup to a run: what it does is reported, and if it fails, the run has failed for that reason.
 *
 * @param login the variables of the stored login that the container has. Their values are not reported
 */
export function withSetup(
  handle: RunHandle,
  { setup = [], docker }: SessionSpec,
  files: MailboxFiles,
  login: Readonly<Record<string, string>>,
): RunHandle {
  if (setup.length === 0 || docker === false) return handle;
  const redact = redaction([...Object.values(docker.env ?? {}), ...Object.values(login)]);
  const follower = new SetupFollower({ folder: files.setup, commands: setup, redact });
  return {
    ...handle,
    setup: { follow: (report) => follower.follow(report) },
    ended: handle.ended.then(async (end) => {
      await follower.finish();
      return ended(end, follower);
    }),
    detach() {
      follower.close();
      return handle.detach();
    },
  };
}

/** The login of a container that an earlier process has started, as far as it can still be read. Only the setup needs it. */
export async function loginOfSetup(
  login: Pick<StoredLogin, 'variablesFor'>,
  { setup = [], docker }: SessionSpec,
): Promise<Readonly<Record<string, string>>> {
  if (setup.length === 0 || docker === false) return {};
  return login.variablesFor(docker).catch(() => ({}));
}

/** Says so little because the commands may have removed the files that say more. */
const UNREPORTED = `A command of setup failed, so the agent did not begin. Which one is not known, because its report is gone: ${SETUP_PLACE} has to stay as it is`;

/** The files may say anything, so the container's own exit code decides. */
function ended(end: RunEnd, { failure, passed }: SetupFollower): RunEnd {
  if (end.exitCode !== SETUP_EXIT || passed) return end;
  return { ...end, reason: 'SETUP_FAILED', error: failure ?? UNREPORTED };
}
