/** The exit code of a container in which the home folder of the agent's user could not be prepared. */
export const HOME_UNPREPARED = 98;

/** The container also writes this line into the log, because other programs may end with the same exit code. */
export const HOME_REFUSED = 'autonomous-orchestration: the home folder cannot be prepared for the user of this session';
