import type { MountOption } from '../session/docker-options.js';
import type { FileIdentity } from '../util/fs/pinned-path.js';
/** A bind mount with all defaults filled in. */
export type Mount = Required<MountOption>;

/** A mount whose source was examined. The path has no links, and it led to this file or folder. */
export interface CheckedMount extends Mount {
  readonly identity: FileIdentity;
}
