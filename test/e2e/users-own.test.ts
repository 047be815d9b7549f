import { checkSessionsOf } from './own-users.js';

// The machine has no name for this user.
checkSessionsOf(1234, ['interactive', 'worktree']);
