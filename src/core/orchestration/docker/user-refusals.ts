import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { type IdMaps, inContainer, type UserIds, type WorkFolder, workingUser } from './agent-user.js';
import { FIRST_LINE_S } from './probe-script.js';
import type { ProbedImage } from './probed-images.js';

/** Nobody who could be the user of a session can write to its folder. */
export function notWritable(
  folder: WorkFolder,
  { image, user }: Readonly<DockerOptions>,
  { own, image: images, maps }: { own: UserIds; image: UserIds; maps: IdMaps },
): OrchestrationError {
  const { uid, gid, isFixed } = folder;
  const what = ownerInWords(folder);
  return new OrchestrationError('WORKSPACE_NOT_WRITABLE', `${what} and ${why()}`);

  function why(): string {
    if (isFixed) return 'is on a file system that is read-only. Work in a folder that can be written.';
    if (user !== undefined)
      return `cannot be written by uid ${images.uid}, the user of docker.user. Change its owner or mode, or leave out docker.user.`;
    const wanted = workingUser(folder, own);
    const ofImage = `uid ${images.uid}, the user of image '${image}'`;
    if (!inContainer(wanted, maps)) {
      return (
        `uid ${wanted.uid}:${wanted.gid} of the machine has no number in the containers of this engine, which uses user namespaces ` +
        `(it is rootless, or has userns-remap). Nor can it be written by ${ofImage}, which is uid ${maps.uids.toMachine(images.uid)} ` +
        `on the machine. Give it to a user that the engine maps, for example with chown ${maps.uids.toMachine(0)}:${maps.gids.toMachine(0)}.`
      );
    }
    const who = own.uid === 0 ? 'its owner' : `uid ${own.uid}, the user of this process`;
    return `cannot be written by ${who}, nor by ${ofImage}. Change its owner or mode, or set docker.user to '${uid}:${gid}'.`;
  }
}

/**
 * The user whom a session got when it was created can no longer work in its folder. Nobody else takes that user's place: an agent
 * may have put a folder of somebody else there.
 *
 * @param user with ids of the machine
 */
export function handedOver(folder: WorkFolder, { uid, gid }: UserIds): OrchestrationError {
  return new OrchestrationError(
    'WORKSPACE_NOT_WRITABLE',
    `${ownerInWords(folder)} and cannot be written by uid ${uid}:${gid}, as whom the session was created to work. Give the folder ` +
      'back to that user, or create the session anew.',
  );
}

/** There is no folder whose owner could be the user of a session. */
export function gone(folder: string): OrchestrationError {
  return new OrchestrationError('UNSAFE_MOUNT', `The workspace ${quote(folder)} is gone; create the session anew.`);
}

function ownerInWords({ path, uid, gid, mode }: WorkFolder): string {
  return `${quote(path)} belongs to ${uid}:${gid} (mode ${(mode & 0o777).toString(8)})`;
}

/** What Claude Code says if it cannot reach its files. */
const FORBIDDEN = /EACCES|EROFS|EPERM|permission denied|read-only file system/i;

interface Tried {
  home: string;
  configDir: string;
  /** Programs that the image lacks. */
  lacks?: readonly string[];
  /** What the probe found, and for which user. */
  found?: ProbedImage;
  user?: UserIds;
}

/** Why Claude Code cannot work as a user, as the end of a sentence. Empty if it can. */
export function tried({ home, configDir, lacks = [], found, user }: Tried): string {
  const folders = `home '${home}', configuration '${configDir}'`;
  if (lacks.length > 0) {
    const packages = 'Debian and Ubuntu: util-linux, findutils, coreutils; Alpine: setpriv';
    return `the image's own user is another one or has no usable home folder, and to prepare one (${folders}) the image lacks ${lacks.join(', ')} (${packages}). Install that in the image, or run the session as the image's own user`;
  }
  if (!found || !user) return '';
  if (found.uid !== user.uid) return `it became uid ${found.uid} instead`;
  if (!found.works)
    return `${folders}: that user cannot write to these folders or not read the settings in them, even after root gave them to it. They may be on a read-only file system. Make them writable in the image, or set HOME or CLAUDE_CONFIG_DIR in docker.env`;
  const { firstLine = '', exitCode } = found;
  if (firstLine === '') return silent(folders, exitCode);
  // A line of JSON is the beginning of a conversation, and has words of the image in it.
  const isRefusal = !firstLine.startsWith('{') && FORBIDDEN.test(firstLine);
  return isRefusal ? `${folders}: it was started and said ${quote(firstLine)}` : '';
}

/** The exit codes of a program that `timeout` has ended, of coreutils and of busybox. */
const TIMED_OUT = [124, 137, 143];

function silent(folders: string, exitCode: number | undefined): string {
  // A program that only stands for Claude Code may have nothing to say. That it ends well says that nothing is in its way.
  if (exitCode === 0) return '';
  if (exitCode === undefined || TIMED_OUT.includes(exitCode))
    return `${folders}: it was started without network, and printed nothing within ${FIRST_LINE_S} s`;
  return `${folders}: it was started, and ended with exit code ${exitCode} without a word`;
}
