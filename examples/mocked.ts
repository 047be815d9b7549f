/** How to test a program that uses the library, with a mocked ChannelCoder. */
import { type ChannelCoderModule, UnifiedSessionManager } from 'autonomous-orchestration';

const channelCoder: ChannelCoderModule = {
  session: () => ({
    detached: async (prompt, options) => {
      console.log(prompt, options.outputFormat);
      return { success: true };
    },
  }),
  monitorLog: (_logFile, onEvent) => {
    onEvent({ type: 'system', subtype: 'init', session_id: 'conversation-1' });
    onEvent({ type: 'assistant', message: { content: [{ type: 'text', text: 'Hello.' }] } });
    onEvent({ type: 'result', subtype: 'success', result: 'Done.' });
    return () => {};
  },
};
const manager = new UnifiedSessionManager({ stateDir: process.argv[2] ?? 'state', channelCoder });
const { id } = await manager.create({ prompt: 'Tidy up' });
console.log((await manager.waitFor(id)).result?.text);
await manager.close();
