import type { MountOption } from '../session/docker-options.js';
import type { FileIdentity } from '../util/fs/pinned-path.js';
/** A bind mount with nothing left open. */
export type Mount = Required<MountOption>;

/** A mount whose source was looked at: the path has no links, and led to this file or folder. */
export interface CheckedMount extends Mount {
  readonly identity: FileIdentity;
}
