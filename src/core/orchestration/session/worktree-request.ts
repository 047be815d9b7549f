/** Which worktree a session gets. A plain string is short for `{ branch }`. */
export interface WorktreeRequest {
  /** Created from `base` unless it exists; a worktree that already has it checked out is used as it is. */
  branch: string;
  /** The branch that a new one starts from. Default the one checked out in `cwd`. */
  base?: string;
  /** Where the worktree is made. Default `<repository>-<branch>` beside the repository. */
  path?: string;
}

/** The same for one session. */
export interface SessionWorktreeRequest extends WorktreeRequest {
  /** Whether only one will do that was made for the session: an agent asked for it, and may not have another's. */
  own?: true;
  /** Folders that repository and worktree have to lie in, as real paths. Default anywhere. */
  workspaces?: readonly string[];
}
