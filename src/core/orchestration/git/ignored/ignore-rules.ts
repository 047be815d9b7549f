import type { IgnoredPaths } from '../../../../danger/index.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { readOwnFile } from '../../util/fs/own-file.js';
import { lazily } from '../../util/zod.js';
import { type CommittedRules, placeInRepository } from './committed-rules.js';
import { type IgnoreFile, ignoredPaths } from './ignored-paths.js';

/** No repository has that many ignore rules. */
const MOST_BYTES = 16 * 1024 * 1024;

const stored = lazily((z) => z.array(z.object({ folder: z.string(), lines: z.array(z.string()) })));

/**
 * Tells which paths of a workspace the user's committed rules ignored when the session began. The rules are read once, before
 * an agent works. If the agent changes or commits rules later, that says nothing about which files the user can do without.
 */
export class IgnoreRules {
  /** The file with the rules, for later runs and other processes. */
  readonly #file: string;
  readonly #committed: CommittedRules;
  /**
   * The rules file of the session that leads this one. This session uses those rules, because the leader's agent may have made
   * the commit with which this session begins.
   */
  readonly #inherited: string | undefined;
  #paths: IgnoredPaths = () => false;
  #reading: Promise<void> | undefined;
  #detached = false;

  constructor(file: string, committed: CommittedRules, inherited?: string) {
    this.#file = file;
    this.#committed = committed;
    this.#inherited = inherited;
  }

  /** No path is ignored until the rules are read. */
  readonly ignored: IgnoredPaths = (path) => this.#paths(path);

  /**
   * Reads the rules while the run starts.
   *
   * @param isFirst true if no agent has worked in this session before
   */
  begin(workspace: string, isFirst: boolean): void {
    this.#reading ??= this.#read(workspace, isFirst).catch(() => {});
  }

  /** Resolves when no read or write is under way any more. */
  async settled(): Promise<void> {
    await this.#reading;
  }

  /** From here on, nothing is written. */
  detach(): void {
    this.#detached = true;
  }

  async #read(workspace: string, isFirst: boolean): Promise<void> {
    const kept = await filesFrom(this.#file);
    const files = kept ?? (isFirst ? await this.#found(workspace) : []);
    if (files.length > 0) this.#paths = ignoredPaths(files, await placeInRepository(workspace));
    if (!kept && isFirst && !this.#detached) await writeAtomically(this.#file, JSON.stringify(files));
  }

  async #found(workspace: string): Promise<readonly IgnoreFile[]> {
    if (this.#inherited === undefined) return this.#committed.of(workspace);
    return (await filesFrom(this.#inherited)) ?? [];
  }
}

/** Undefined if no process has got as far as writing the rules. */
async function filesFrom(file: string): Promise<readonly IgnoreFile[] | undefined> {
  try {
    return stored().parse(JSON.parse(await readOwnFile(file, { most: MOST_BYTES })));
  } catch {
    return undefined;
  }
}
