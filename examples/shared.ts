/** Takes part in the sessions of a state folder, whichever process runs them: prints the events of all sessions, and creates one. */
import { openSessions, UnifiedSessionManager } from 'autonomous-orchestration';

const [stateDir = 'state', cwd = '.'] = process.argv.slice(2);
const sessions = await openSessions({ stateDir });
console.log(
  sessions instanceof UnifiedSessionManager ? 'This process runs the sessions.' : 'Another process runs them.',
);

sessions.on('event', ({ type, sessionId }) => console.log(sessionId, type));
const { id } = await sessions.create({ prompt: 'Write a haiku about this folder into haiku.md.', cwd });
console.log((await sessions.waitFor(id)).status);
await sessions.close();
