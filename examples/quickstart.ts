import { UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager();
manager.on('session:tool', ({ tool }) => console.log({ tool: tool.name, input: tool.input }));

const { id } = await manager.create({ prompt: 'Fix the failing test', cwd: process.argv[2] ?? '.' });
const { status, result, metadata } = await manager.waitFor(id);

console.log({ status, text: result?.text, costUsd: metadata.costUsd });
await manager.close();
