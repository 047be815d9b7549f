/** A session from a ChannelCoder prompt file, whose front matter says what data it takes. */
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';

const manager = new UnifiedSessionManager();
const { id } = await manager.create({
  // Relative paths mean files of the workspace; this one is ours.
  promptFile: join(import.meta.dirname, 'prompts/review.md'),
  data: { path: 'src', focus: 'error handling', limit: 3 },
  cwd: process.argv[2] ?? '.',
});

const { status, result, metadata } = await manager.waitFor(id);
console.log({ status, text: result?.text, tools: metadata.toolCounts, costUsd: metadata.costUsd });
await manager.close();
