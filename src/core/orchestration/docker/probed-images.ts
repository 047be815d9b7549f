import type { z } from 'zod';
import { forgetOldest } from '../util/forget-oldest.js';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { readOwnFile } from '../util/fs/own-file.js';
import { serialized } from '../util/serialized.js';
import { lazily } from '../util/zod.js';

/** What a probe finds out about an image and a user. */
export interface ProbedImage {
  uid: number;
  gid: number;
  /** All groups of the user. */
  gids: number[];
  /** The home folder of the user that was probed. */
  home: string;
  /** Where Claude Code keeps its configuration: `CLAUDE_CONFIG_DIR`, or `~/.claude`. */
  configDir: string;
  /** True if the user can write to both folders, and read the settings in them. If not, Claude Code was not started. */
  works: boolean;
  /** The name and the shell of the user in `/etc/passwd`, or those of the image's own user. Empty if there is none. */
  name: string;
  shell: string;
  /** The home folder of the image's own user in `/etc/passwd`. Empty if there is none. */
  imageHome: string;
  /** The path of a usable `setpriv`. Empty if there is none. */
  setpriv: string;
  /** Other programs that are missing and needed to prepare a home folder. */
  lacks: string[];
  /** Files from which Claude Code starts: `claude`, what it leads to, and `node`. */
  programs: string[];
  /** The lines of `/proc/self/uid_map` and `gid_map`. */
  uidMap: string;
  gidMap: string;
  /** Empty if Claude Code was not started. */
  claudeVersion: string;
  /** The first line that Claude Code printed when it was started with a prompt. Absent if it was not started. */
  firstLine?: string | undefined;
  /** The exit code of a Claude Code that has ended without a line. */
  exitCode?: number | undefined;
  /** True if Claude's terminal UI asks a person nothing before it begins in the workspace. */
  onboarded: boolean;
  /** The variables of the image that a session's guard depends on. */
  env: Record<string, string>;
}

const probedListSchema = lazily((z) => z.array(z.tuple([z.string(), probedSchema()])));
const probedSchema = lazily<z.ZodType<ProbedImage>>((z) =>
  z.strictObject({
    uid: z.number(),
    gid: z.number(),
    gids: z.array(z.number()),
    home: z.string(),
    configDir: z.string(),
    works: z.boolean(),
    name: z.string(),
    shell: z.string(),
    imageHome: z.string(),
    setpriv: z.string(),
    lacks: z.array(z.string()),
    programs: z.array(z.string()),
    uidMap: z.string(),
    gidMap: z.string(),
    claudeVersion: z.string(),
    firstLine: z.string().optional(),
    exitCode: z.number().optional(),
    onboarded: z.boolean(),
    env: z.record(z.string(), z.string()),
  }),
);

/** An image that is rebuilt gets a new id, so the list would grow for ever. */
const MOST_IMAGES = 50;
const MOST_BYTES = 1024 * 1024;

/**
 * The results of image probes on disk. With them, the first session of a process starts as fast as the second one.
 *
 * The file saves time and nothing else: if it cannot be read or written, images are probed again.
 */
export class ProbedImages {
  readonly #path: string;
  /** One write at a time. */
  readonly #serialized = serialized();
  #known: Promise<Map<string, ProbedImage>> | undefined;

  /** @param path the file; its folder need not exist */
  constructor(path: string) {
    this.#path = path;
  }

  async get(key: string): Promise<ProbedImage | undefined> {
    return (await this.#read()).get(key);
  }

  async set(key: string, image: ProbedImage): Promise<void> {
    const known = await this.#read();
    known.delete(key);
    known.set(key, image);
    forgetOldest(known, MOST_IMAGES);
    await this.#serialized(() => writeAtomically(this.#path, JSON.stringify([...known]))).catch(() => {});
  }

  #read(): Promise<Map<string, ProbedImage>> {
    this.#known ??= readOwnFile(this.#path, { most: MOST_BYTES }).then(
      (text) => new Map(entriesOf(text)),
      () => new Map(),
    );
    return this.#known;
  }
}

/** Nothing if the text was damaged or written by a version that knows other facts. */
function entriesOf(text: string): [string, ProbedImage][] {
  try {
    return probedListSchema().parse(JSON.parse(text));
  } catch {
    return [];
  }
}
