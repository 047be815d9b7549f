// One of several processes that share a state folder: the server owns it, a script creates two sessions and waits for them, and
// `leave` creates one and exits. Each prints what it sees as lines of JSON.
import { openSessions, UnifiedSessionManager } from 'autonomous-orchestration';

const [role, stateDir = '', cwd = ''] = process.argv.slice(2);
/** @param {object} line */
const print = (line) => console.log(JSON.stringify(line));
const session = { prompt: 'Wait.', cwd, docker: /** @type {const} */ (false) };

if (role === 'server') {
  const manager = new UnifiedSessionManager({ stateDir });
  await manager.recover();
  print({ type: 'listening' });
  process.stdin.resume(); // Until it is killed.
} else if (role === 'leave') {
  const sessions = await openSessions({ stateDir });
  const { id } = await sessions.create({ ...session, detached: true });
  await sessions.close();
  print({ type: 'left', sessionId: id });
} else {
  const sessions = await openSessions({ stateDir }, (opened) => {
    opened.on('event', (event) => {
      const { type, sessionId } = event;
      print({ type, sessionId, ...(type === 'queue:changed' && { running: event.queue.running }) });
    });
  });
  print({ type: sessions instanceof UnifiedSessionManager ? 'owner' : 'client' });
  const created = await Promise.all([sessions.create(session), sessions.create(session)]);
  for (const { id } of created) print({ type: 'ended', sessionId: id, status: (await sessions.waitFor(id)).status });
  await sessions.close();
}
