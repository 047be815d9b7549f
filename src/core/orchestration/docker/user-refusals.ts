import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';
import { type IdMaps, inContainer, type UserIds, type WorkFolder, workingUser } from './agent-user.js';
import type { ProbedImage } from './probed-images.js';

/** Nobody who could be the user of a session can write to its folder. */
export function notWritable(
  folder: WorkFolder,
  { image, user }: Readonly<DockerOptions>,
  { own, image: images, maps }: { own: UserIds; image: UserIds; maps: IdMaps },
): OrchestrationError {
  const { path, uid, gid, mode } = folder;
  const what = `${quote(path)} belongs to ${uid}:${gid} (mode ${(mode & 0o777).toString(8)})`;
  return new OrchestrationError('WORKSPACE_NOT_WRITABLE', `${what} and ${why()}`);

  function why(): string {
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
    return `the image's own user is another one or has no home folder, and to prepare one (${folders}) the image lacks ${lacks.join(', ')} (${packages}). Install that in the image, or run the session as the image's own user`;
  }
  if (!found || !user) return '';
  if (found.uid !== user.uid) return `it became uid ${found.uid} instead`;
  if (!found.works)
    return `${folders}: that user cannot write to these folders or not read the settings in them, even after root gave them to it. They may be on a read-only file system. Make them writable in the image, or set HOME or CLAUDE_CONFIG_DIR in docker.env`;
  const { firstLine = '' } = found;
  if (firstLine === '') return `${folders}: it was started and printed nothing`;
  return FORBIDDEN.test(firstLine) ? `${folders}: it was started and said ${quote(firstLine)}` : '';
}
