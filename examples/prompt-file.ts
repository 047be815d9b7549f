/** A session from a ChannelCoder prompt file. The file's front matter says which data it takes. */
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager();
const { id } = await manager.create({
  // A relative path would mean a file of the workspace, but this file belongs to the example.
  promptFile: join(import.meta.dirname, 'prompts/review.md'),
  data: { path: 'src', focus: 'error handling', limit: 3 },
  cwd: process.argv[2] ?? '.',
});

const { status, result, metadata } = await manager.waitFor(id);
console.log({ status, text: result?.text, tools: metadata.toolCounts, costUsd: metadata.costUsd });
await manager.close();
