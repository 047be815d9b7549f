import { CODE_AND_SECRETS } from './corpus/code-and-secrets.js';
import { DELETING_AND_MACHINE } from './corpus/deleting-and-machine.js';
import { EDITING_AND_GIT } from './corpus/editing-and-git.js';
import { EXPLORING_AND_BUILDING } from './corpus/exploring-and-building.js';
import type { Group } from './corpus/group.js';
import { SERVICES } from './corpus/services.js';

/**
 * Commands as coding agents write them while they work, labelled by what they can lose: a task is explored, built, tested, repaired,
 * committed and deployed. The agent works in a container, in `/workspace`.
 */
export const CORPUS: readonly Group[] = [
  ...EXPLORING_AND_BUILDING,
  ...EDITING_AND_GIT,
  ...DELETING_AND_MACHINE,
  ...CODE_AND_SECRETS,
  ...SERVICES,
];
