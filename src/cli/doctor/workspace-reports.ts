import type { Agent } from '../../core/orchestration/docker/agents.js';
import { messageOf, OrchestrationError } from '../../core/orchestration/util/errors.js';
import { failure, ok, type Report, warning } from './finding.js';
import { type Events, FolderRefused, type Trial } from './workspace-trial.js';

/** Who works in the workspace, with ids of the machine. */
export interface Owners {
  /** The user of this process. Undefined where the system has no user ids. */
  readonly process: number | undefined;
  readonly workspace: number;
  readonly image: number;
}

/** @param agent the user whom `create()` would choose */
export function userReport(
  { process: own, workspace, image }: Owners,
  { uid, onMachine }: Pick<Agent, 'uid' | 'onMachine'>,
): Report {
  const ids = `process uid ${own ?? 'unknown'}, workspace uid ${workspace}, image uid ${image}`;
  if (!onMachine) return ok(`${ids}: sessions run as uid ${uid}; the engine hides the owners of files`);
  const also = onMachine.uid === uid ? '' : `, which is uid ${onMachine.uid} on the machine`;
  return ok(`${ids}: sessions run as uid ${uid}${also}`);
}

/** What `create()` would say. */
export function refusal(error: unknown): Report {
  const code = error instanceof OrchestrationError ? `${error.code}: ` : '';
  return failure(`${code}${messageOf(error)}`);
}

const OTHER_MACHINE =
  'If this process itself runs in a container with the socket of the engine, mount the workspace and the state folder there ' +
  'under the same paths that they have on the machine of the engine (docs/start.md).';

export function mountsReport({ containerSees, machineSees, owner }: Trial, expected: number | undefined): Report {
  if (!containerSees) {
    return failure('the engine mounts another folder than this process sees', OTHER_MACHINE);
  }
  if (!machineSees) {
    return failure(
      'a container cannot write to the workspace, or what it writes is not seen here',
      'See user above: the workspace has to be writable for the user of the session.',
    );
  }
  if (expected !== undefined && owner !== undefined && owner !== expected) {
    return warning(`files of a container belong to uid ${owner} here, not to uid ${expected}`, 'See user above.');
  }
  return ok(
    `files are seen in both directions${owner === undefined ? '' : `, those of a container belong to uid ${owner}`}`,
  );
}

/** @param error what the trial of the workspace has failed with */
export function mountFailed(error: unknown): Report {
  if (error instanceof FolderRefused) {
    const why = `not examined, because this process cannot make a folder in the workspace to try it: ${messageOf(error)}`;
    return warning(why, 'To examine it, run doctor as the owner of the workspace, or name another one with --cwd.');
  }
  return failure(`the workspace cannot be mounted: ${messageOf(error)}`, OTHER_MACHINE);
}

const IN_WORDS: Readonly<Record<Events, string>> = {
  'at once': 'at once',
  late: 'late',
  'not at all': 'not at all',
  none: 'not examined (the image has no node)',
};

export function eventsReport({ toMachine, toContainer }: Trial): Report {
  const both = `a container's changes are reported here ${IN_WORDS[toMachine]}, changes made here in a container ${IN_WORDS[toContainer]}`;
  if (toMachine !== 'at once') {
    return warning(
      both,
      "The library then finds a session's questions and output by looking for them: sessions work, with delays of about a second.",
    );
  }
  if (toContainer === 'not at all') {
    return warning(both, 'Programs in a container that watch files, like test runners, have to poll.');
  }
  return ok(both);
}
