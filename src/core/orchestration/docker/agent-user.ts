import { ENTER, permits, WRITE } from '../util/fs/permission.js';
import type { IdMap } from './id-map.js';

/** What an engine says about its users. */
export interface EngineUsers {
  /** True if the engine runs in a virtual machine that hides the owners of shared files. */
  readonly areHidden: boolean;
  /** The folder of its images. Docker and Podman have another one for each user of a rootless engine, and for each mapping of ids. */
  readonly storage: string;
  /** False if the engine cannot give a folder in memory to a user: Podman refuses to. */
  readonly ownsMemory: boolean;
}

/** A user by ids. Where not said otherwise, the ids are those in the container. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
}

/** A folder of the machine that an agent works in. */
export interface WorkFolder {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  /** True if the system says that this process can make files in it. */
  readonly isOurs: boolean;
  /** True if nobody can write to it, because its file system is read-only. */
  readonly isFixed: boolean;
}

/**
 * The user of this process. Undefined on other systems than Linux: there the engine runs in a virtual machine, which hides the
 * owners of shared files.
 */
export function processUser(platform = process.platform): UserIds | undefined {
  const { getuid, getgid, getgroups } = process;
  if (platform !== 'linux' || !getuid || !getgid || !getgroups) return undefined;
  return { uid: getuid(), gid: getgid(), groups: getgroups() };
}

/**
 * The user that works in a folder, with ids of the machine. If this process is root, this is the folder's owner. If not, it is
 * the user of this process, with the group of the folder if that user is a member of it. All groups are needed if an access
 * control list lets that user in, because it may name any of them.
 */
export function workingUser(folder: WorkFolder, own: UserIds): UserIds {
  if (own.uid === 0) return { uid: folder.uid, gid: folder.gid, groups: [] };
  const { uid, gid } = own;
  const isMember = folder.gid !== gid && own.groups.includes(folder.gid);
  const user = { uid, gid, groups: isMember ? [folder.gid] : [] };
  if (permits(folder, user, WRITE | ENTER) || !folder.isOurs) return user;
  return { uid, gid, groups: own.groups.filter((id) => id !== gid) };
}

/** Ids of the machine as ids of the container. Undefined if the engine maps the user or the group to nothing. */
export function inContainer(user: UserIds, maps: IdMaps): UserIds | undefined {
  return translated(
    user,
    (id) => maps.uids.toContainer(id),
    (id) => maps.gids.toContainer(id),
  );
}

/** Ids of the container as ids of the machine. */
export function onMachine(user: UserIds, maps: IdMaps): UserIds | undefined {
  return translated(
    user,
    (id) => maps.uids.toMachine(id),
    (id) => maps.gids.toMachine(id),
  );
}

/** How the engine maps users and groups. */
export interface IdMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

type Translation = (id: number) => number | undefined;

function translated({ uid, gid, groups }: UserIds, ofUser: Translation, ofGroup: Translation): UserIds | undefined {
  const [user, group] = [ofUser(uid), ofGroup(gid)];
  if (user === undefined || group === undefined) return undefined;
  return { uid: user, gid: group, groups: groups.flatMap((id) => ofGroup(id) ?? []) };
}
