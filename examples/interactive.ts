/** Claude's terminal UI in tmux. A person attaches to it, takes turns with the agent, and leaves. This program only watches. */
import { UnifiedSessionManager } from 'autonomous-orchestration';

const [cwd = '.', prompt = 'Look at the failing test with me'] = process.argv.slice(2);
await using manager = new UnifiedSessionManager();

manager.on('session:prompt', ({ text }) => console.log({ said: text }));
manager.on('session:waiting', ({ session, waitingFor }) => {
  if (waitingFor === 'person') console.log('Your turn:', session.runs.at(-1)?.attachCommand);
});

const { id } = await manager.create({ mode: 'interactive', prompt, cwd });
const { status, result } = await manager.waitFor(id);
console.log({ status, reason: result?.reason, text: result?.text });
