import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { isInside } from '../util/fs/is-inside.js';
import type { PinnedPath } from '../util/fs/pinned-path.js';

/** A line of `/proc/self/mountinfo`. */
interface MountPoint {
  readonly id: string;
  readonly device: string;
  /** The part of the device's file system that is mounted. */
  readonly root: string;
  readonly path: string;
  readonly fileSystem: string;
}

/** What the machine's mounts say about a folder. */
export interface MountView {
  /** The folder's path and all other paths that lead to it, because bind mounts give one folder several paths. */
  readonly names: readonly string[];
  /** Paths that lead to parts of the folder, and to file systems that are mounted below it. A container gets those as well. */
  readonly parts: readonly string[];
  /** The types of the file systems that the folder is on, and of those that are mounted below it. */
  readonly fileSystems: readonly string[];
}

/** The mounts of the machine, as this process sees them. Empty if the system has no such table. */
export class MountTable {
  readonly #points: readonly MountPoint[];

  private constructor(points: readonly MountPoint[]) {
    this.#points = points;
  }

  static async read(): Promise<MountTable> {
    const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
    return MountTable.parse(text);
  }

  /** @param text in the form of `/proc/self/mountinfo` */
  static parse(text: string): MountTable {
    return new MountTable(text.split('\n').flatMap((line) => parsed(line) ?? []));
  }

  view({ path, mountId }: Pick<PinnedPath, 'path' | 'mountId'>): MountView {
    const own = this.#points.find(({ id }) => id === mountId);
    if (!own) return { names: [path], parts: [], fileSystems: [] };
    const below = this.#points.filter((point) => point !== own && isInside(point.path, path));
    const folder = { ...own, root: join(own.root, relative(own.path, path)) };
    return {
      names: [path, ...this.#namesOf(folder)],
      parts: [folder, ...below].flatMap((part) => [
        ...this.#points
          .filter(({ device, root }) => device === part.device && isInside(root, part.root))
          .map((point) => point.path),
        ...(part === folder ? [] : [part.path, ...this.#namesOf(part)]),
      ]),
      fileSystems: [own, ...below].map(({ fileSystem }) => fileSystem),
    };
  }

  #namesOf({ device, root }: MountPoint): string[] {
    return this.#points
      .filter((point) => point.device === device && isInside(root, point.root))
      .map((point) => join(point.path, relative(point.root, root)));
  }
}

function parsed(line: string): MountPoint | undefined {
  const [before = '', after = ''] = line.split(' - ');
  const [id, , device, root, path] = before.split(' ').map(unescaped);
  const fileSystem = after.split(' ')[0];
  if (!id || !device || !path || !fileSystem || !root?.startsWith(sep)) return undefined;
  return { id, device, root, path, fileSystem };
}

/** The table writes spaces and similar characters in octal. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
