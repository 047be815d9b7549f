/** Where the shell of a container's start looks for programs. The session's own PATH may begin in its workspace. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
