import { checkSessionsOf } from './own-users.js';

// The uid of the image's own user. By default `matrix.test.ts` has sessions of that user, which a process of root starts.
checkSessionsOf(1000, ['planning']);
