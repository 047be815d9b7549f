import { messageOf, OrchestrationError, systemCode } from '../../core/orchestration/util/errors.js';
import { failure, ok, type Report, warning } from './finding.js';
import type { Events, Trial } from './workspace-trial.js';

/** Who works in the workspace, with ids of the machine. */
export interface Owners {
  /** The user of this process. Undefined where the system has no user ids. */
  readonly process: number | undefined;
  readonly workspace: { readonly uid: number; readonly gid: number };
  readonly image: number;
}

/** The user that a session's container runs as, if the engine does not map users. */
export function sessionUser({ process: own, workspace }: Owners, ownGroup: number): { uid: number; gid: number } {
  return own === undefined || own === 0 ? workspace : { uid: own, gid: ownGroup };
}

/** @param runsAs the user of the session. Undefined: the engine maps users, so ids say nothing */
export function userReport(owners: Owners, runsAs: number | undefined, hasSetpriv: boolean): Report {
  const { process: own, workspace, image } = owners;
  const ids = `process uid ${own ?? 'unknown'}, workspace uid ${workspace.uid}, image uid ${image}`;
  if (runsAs === undefined) return ok(`${ids}; the engine maps users, so these need not agree`);
  if (runsAs !== image && !hasSetpriv) {
    return failure(
      `${ids}: sessions run as uid ${runsAs}, and the image has no 'setpriv' to start as another user than its own`,
      "Install util-linux in the image, or use the image of 'npx autonomous-orchestration image build'.",
    );
  }
  if (own !== undefined && own !== 0 && own !== workspace.uid) {
    return warning(
      `${ids}: sessions run as uid ${runsAs}, and the workspace belongs to another user`,
      `chown -R ${own} <workspace>, or run this process as its owner.`,
    );
  }
  return ok(`${ids}: sessions run as uid ${runsAs}`);
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
  if (!(error instanceof OrchestrationError) && systemCode(error) !== undefined) {
    const why = `this process cannot make a folder in the workspace to try it: ${messageOf(error)}`;
    return failure(why, 'Run doctor as the owner of the workspace, or name another one with --cwd.');
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
