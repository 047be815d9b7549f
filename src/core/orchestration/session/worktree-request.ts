/** The worktree that a session gets. A plain string is short for `{ branch }`. */
export interface WorktreeRequest {
  /**
   * Created from `base` unless the branch exists. If a worktree already has the branch checked out, that worktree is used as it
   * is.
   */
  branch: string;
  /**
   * What a new branch starts from: a branch, a branch of a remote, a tag, a commit, and everything else that `git rev-parse`
   * takes, as in the checkout at `cwd`, except searches in messages (`:/text`, `^{/text}`). It is checked at `create()`. A branch or tag counts as it is when the session starts, and
   * anything else (`HEAD~1`) as it is at `create()`. It may be the branch of a session in `after` that is not made yet. Default:
   * the only remote branch with the name of `branch`, else what is checked out in `cwd`: a branch, or a commit.
   */
  base?: string;
  /** Where the worktree is made. Default `<repository>-<branch>` beside the repository, or beside the outermost one if it is a submodule. */
  path?: string;
  /**
   * Files that git ignores and that a new worktree gets copies of, such as `['.env', 'node_modules/']`: patterns as in
   * `.gitignore`, relative to the repository's top. Copies do not share changes with the originals. A pattern
   * that names nothing gives a warning in the record. Default: none.
   */
  copy?: readonly string[];
  /**
   * Files of the checkout at `cwd` with more such patterns, relative to the repository's top. Default: `.worktreeinclude`, if it
   * exists. `[]`: none.
   */
  include?: readonly string[];
  /**
   * Initialises the submodules of a new worktree from what the repository has of them in `.git/modules`, without the network.
   * `'recursive'` also initialises the submodules of submodules. A submodule that the repository does not have stays empty, with a
   * warning in the record. Default false.
   */
  submodules?: boolean | 'recursive';
}

/** The worktree request of one session. */
export interface SessionWorktreeRequest extends WorktreeRequest {
  /**
   * Set if the worktree has to be one that was made for this session. In this case an agent asked for it, and an agent may not
   * get a worktree of somebody else.
   */
  own?: true;
  /** The branches of the sessions that this one waits for. They may not be made yet when this session is created. */
  awaits?: readonly string[];
  /** The folder that the leader of this session has as a whole. Its agent may hand on the repository there, and no other. */
  root?: string;
  /** Folders that have to contain the repository and the worktree, as real paths. Default anywhere. */
  workspaces?: readonly string[];
}
