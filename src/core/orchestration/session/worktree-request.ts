/** The worktree that a session gets. A plain string is short for `{ branch }`. */
export interface WorktreeRequest {
  /**
   * Created from `base` unless the branch exists. If a worktree already has the branch checked out, that worktree is used as it
   * is.
   */
  branch: string;
  /** The branch that a new branch starts from. Default: the branch that is checked out in `cwd`. */
  base?: string;
  /** Where the worktree is made. Default `<repository>-<branch>` beside the repository. */
  path?: string;
}

/** The worktree request of one session. */
export interface SessionWorktreeRequest extends WorktreeRequest {
  /**
   * Set if the worktree has to be one that was made for this session. In this case an agent asked for it, and an agent may not
   * get a worktree of somebody else.
   */
  own?: true;
  /** The folder that the leader of this session has as a whole. Its agent may hand on the repository there, and no other. */
  root?: string;
  /** Folders that have to contain the repository and the worktree, as real paths. Default anywhere. */
  workspaces?: readonly string[];
}
