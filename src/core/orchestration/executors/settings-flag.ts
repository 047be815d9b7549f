import { CONTAINER_SETTINGS } from '../mailbox/mailbox-files.js';

/**
 * Gives Claude Code in a container the guard's settings a second time, by their path on the command line. If an organization's
 * server gives managed settings, Claude Code does not read the managed file, and takes the hooks from here. If it reads the
 * managed file, no hook runs twice: `allowManagedHooksOnly` there leaves out all others, and equal hooks run once (measured on
 * 2.1.98 and 2.1.332). The file is mounted read-only, outside of the workspace.
 */
export const SETTINGS_FLAG: readonly string[] = ['--settings', CONTAINER_SETTINGS];
