/** The exit code of a container that found other files mounted than those that were checked. */
export const MOUNTS_DIFFER = 97;

/** The container also writes this line into the log, because other programs may end with the same exit code. */
export const MOUNTS_REFUSED = 'autonomous-orchestration: what is mounted here is not what was checked';
