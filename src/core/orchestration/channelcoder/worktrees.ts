import { realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { WorktreeInfo } from 'channelcoder';
import { messageOf, OrchestrationError, shown } from '../errors.js';
import { parseGitConfig } from '../workspace/git-config-file.js';
import { checkedOutBranch, findGitLayout, gitLayoutAt, readGitFile } from '../workspace/git-layout.js';
import { type GitSetting, gitSettings } from '../workspace/git-settings.js';
import type { WorktreeRequest } from '../workspace/worktree-request.js';

/** A worktree that a session works in. */
export interface Worktree {
  path: string;
  branch: string;
  /** Whether it was made by this call. */
  created: boolean;
}

/** Makes and removes worktrees, one at a time in each repository. */
export class Worktrees {
  /** The latest work in each repository, by its git folder. */
  readonly #last = new Map<string, Promise<unknown>>();

  /**
   * Finds the worktree of a branch, or makes it. Used instead of ChannelCoder's `worktree` option, which changes the
   * host's working directory around an await.
   *
   * @param beforeMaking called where there is none yet; what it rejects with keeps one from being made
   * @throws OrchestrationError `WORKTREE_FAILED`; no worktree is left behind (a branch that was made stays)
   */
  ensure(cwd: string, request: WorktreeRequest, beforeMaking: () => Promise<void> = async () => {}): Promise<Worktree> {
    return this.#inTurn(cwd, () => ensureWorktree(cwd, request, beforeMaking));
  }

  /** Removes a worktree, whatever is in it. The branch stays. */
  remove(cwd: string, path: string): Promise<void> {
    return this.#inTurn(cwd, async () => void (await callWorktreeUtils('remove', path, { cwd, force: true })));
  }

  /** Git fails where it meets a worktree that another git is just making (measured on 2.39). */
  async #inTurn<T>(cwd: string, work: () => Promise<T>): Promise<T> {
    const key = (await findGitLayout(cwd).catch(() => undefined))?.commonDir ?? cwd;
    const done = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => {}); // Its own caller hears of a failure.
    this.#last.set(key, settled);
    void settled.then(() => void (this.#last.get(key) === settled && this.#last.delete(key)));
    return done;
  }
}

async function ensureWorktree(
  cwd: string,
  request: WorktreeRequest,
  beforeMaking: () => Promise<void>,
): Promise<Worktree> {
  const { branch, path } = request;
  try {
    const existing = (await callWorktreeUtils('find', branch, { cwd })) as WorktreeInfo | null;
    if (existing) return { path: await usable(existing.path, cwd, path), branch, created: false };
    await beforeMaking();
    const options = { cwd, ...(path !== undefined && { path: resolve(cwd, path) }) };
    const made = await callWorktreeUtils('create', branch, options).catch(async (error: unknown) => {
      // ChannelCoder takes `base` to mean a new branch, so it is only given where there is none yet.
      if (!messageOf(error).includes('does not exist')) throw error;
      const base = request.base ?? (await checkedOutBranch(cwd));
      if (base === undefined) throw new Error("no branch is checked out in 'cwd'; give 'worktree.base'");
      return callWorktreeUtils('create', branch, { ...options, base });
    });
    return { path: await realpath((made as WorktreeInfo).path), branch, created: true };
  } catch (error) {
    throw new OrchestrationError(
      'WORKTREE_FAILED',
      `No worktree for branch ${shown(branch)} of ${cwd}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

/** The path of a worktree that git names, unless it is not one that a session may have. */
async function usable(path: string, cwd: string, wanted: string | undefined): Promise<string> {
  const layout = await gitLayoutAt(path).catch(() => undefined);
  if (!layout) throw new Error(`its worktree ${path} is gone; run 'git worktree prune'`);
  if (layout.gitDir === layout.commonDir) {
    throw new Error(`the branch is checked out in the repository itself, ${path}; choose another`);
  }
  // An agent may have written an entry into its repository that leads to the worktree of another.
  if (layout.commonDir !== (await findGitLayout(cwd))?.commonDir) {
    throw new Error(`${path}, where git says it is checked out, belongs to another repository`);
  }
  if (wanted !== undefined && resolve(cwd, wanted) !== layout.root) {
    throw new Error(`the branch is checked out at ${layout.root}, not at ${resolve(cwd, wanted)}`);
  }
  return layout.root;
}

/** Settings for git on the host: an agent may have written hooks and a file system monitor into its repository. */
const SAFE: readonly GitSetting[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
];

/** The commands of filters, which git executes when it checks files out. */
const FILTER = /^filter\..+\.(smudge|clean|process)$/;
/** The one filter that many repositories name themselves (`git lfs install --local`). */
const KNOWN_FILTER = /^git-lfs (smudge|clean|filter-process)( --skip)?( --)?( %f)?$/;

/** What a repository's own configuration would have git execute at a checkout is switched off. */
async function disarmed(cwd: string): Promise<GitSetting[]> {
  const layout = await findGitLayout(cwd);
  const config = layout && (await readGitFile(join(layout.commonDir, 'config')));
  const filters = (parseGitConfig(config ?? '') ?? []).filter(({ name }) => FILTER.test(name));
  return filters.filter(({ value }) => !KNOWN_FILTER.test(value)).map(({ name }) => [name, ''] as const);
}

/** CommonJS, as code for a worker that is given as text has to be. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { worktreeUtils } = require(workerData.channelcoder);
worktreeUtils[workerData.method](...workerData.args).then(
  (value) => parentPort.postMessage({ value }),
  (error) => parentPort.postMessage({ error: String(error?.message ?? error) }),
);
`;

/**
 * Calls ChannelCoder's `worktreeUtils` in a worker, because it takes no settings for git and gives git the environment
 * of the process: a worker has one of its own. What it prints on the console goes nowhere, too.
 */
async function callWorktreeUtils(method: 'find' | 'create' | 'remove', ...args: unknown[]): Promise<unknown> {
  const channelcoder = createRequire(import.meta.url).resolve('channelcoder');
  const { cwd } = args.at(-1) as { cwd: string };
  const env = { ...process.env, ...gitSettings(process.env, [...SAFE, ...(await disarmed(cwd))]) };
  const worker = new Worker(WORKER, {
    eval: true,
    env,
    workerData: { channelcoder, method, args },
    stdout: true,
    stderr: true,
  });
  return new Promise((resolve, reject) => {
    worker.once('message', ({ value, error }: { value?: unknown; error?: string }) =>
      error === undefined ? resolve(value) : reject(new Error(error)),
    );
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the worker ended without an answer')));
  });
}
