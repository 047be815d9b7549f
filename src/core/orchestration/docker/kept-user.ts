import type { RunRequest } from '../contract/run-request.js';
import type { SessionFolder } from '../contract/session-folder.js';
import type { SessionSpec } from '../contract/session-spec.js';
import { systemCode } from '../util/errors.js';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { notWritable } from '../util/fs/not-writable.js';
import { readOwnFile } from '../util/fs/own-file.js';
import { lazily } from '../util/zod.js';
import type { UserIds } from './agent-user.js';

const MOST_BYTES = 1024 * 1024;

const userSchema = lazily((z) => z.object({ uid: z.number(), gid: z.number(), groups: z.array(z.number()) }));

/**
 * Adds the user to a session of an earlier release, which chose none when it was created. Otherwise what an agent changes between
 * two runs could choose another one.
 *
 * @throws OrchestrationError `STATE_NOT_WRITABLE` if the file cannot be read
 */
export async function withKeptUser(request: RunRequest): Promise<RunRequest> {
  const { spec, folder } = request;
  if (!isUnsettled(spec)) return request;
  try {
    const worksAs = userSchema().parse(JSON.parse(await readOwnFile(folder.user, { most: MOST_BYTES })));
    return { ...request, spec: { ...spec, worksAs } };
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return request; // It is the first such run.
    throw notWritable(folder.user, cause);
  }
}

/**
 * Keeps the user of such a run for all later runs of the session.
 *
 * @param user with ids of the machine; undefined if the engine hides the owners of files
 * @throws OrchestrationError `STATE_NOT_WRITABLE`
 */
export async function keepUser(
  spec: Pick<SessionSpec, 'docker' | 'worksAs'>,
  { user: file }: Pick<SessionFolder, 'user'>,
  user: UserIds | undefined,
): Promise<void> {
  if (!user || !isUnsettled(spec)) return;
  const { uid, gid, groups } = user;
  await writeAtomically(file, JSON.stringify({ uid, gid, groups })).catch((cause: unknown) => {
    throw notWritable(file, cause);
  });
}

function isUnsettled({ docker, worksAs }: Pick<SessionSpec, 'docker' | 'worksAs'>): boolean {
  return docker !== false && docker.user === undefined && worksAs === undefined;
}
