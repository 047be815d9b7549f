/**
 * For shell scripts: `npx tsx examples/script.ts [--cwd DIR] "prompt"`. Shows progress on a terminal, and writes a line of JSON
 * for each event elsewhere. Exit code 0: completed, 1: failed, 130: cancelled (Ctrl-C), 2: the options were refused.
 */
import { parseArgs } from 'node:util';
import { OrchestrationError, type SessionEvent, UnifiedSessionManager } from 'autonomous-orchestration';
import { showProgress } from './support/progress.js';

const REFUSED = ['INVALID_OPTIONS', 'WORKSPACE_NOT_FOUND', 'WORKSPACE_NOT_WRITABLE', 'UNSAFE_MOUNT'];

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
// The reader of the output has closed the pipe, as in `script.ts … | head`.
process.stdout.on('error', () => stop.abort());

const manager = new UnifiedSessionManager();
process.exitCode = await run(process.argv.slice(2)).catch((error: unknown) => {
  if (stop.signal.aborted) return 130;
  console.error(error instanceof Error ? error.message : error);
  return error instanceof OrchestrationError && !REFUSED.includes(error.code) ? 1 : 2;
});
await manager.close();

async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: { cwd: { type: 'string' } }, allowPositionals: true });
  const [prompt = '', ...more] = positionals;
  if (more.length > 0)
    throw new OrchestrationError('INVALID_OPTIONS', 'There is more than one prompt: put it in quotes.');
  const progress = process.stdout.isTTY ? showProgress(manager) : undefined;
  if (!progress) manager.on('event', (event) => void process.stdout.write(`${lineOf(event)}\n`));

  const { id } = await manager.create({ prompt, cwd: values.cwd ?? '.', signal: stop.signal });
  const { status } = await manager.waitFor(id);
  progress?.finish();
  if (status === 'cancelled') return 130;
  return status === 'completed' ? 0 : 1;
}

function lineOf(event: SessionEvent): string {
  const json = JSON.stringify({ ...event, session: undefined });
  // JSON does not escape these characters. An agent may write them, and a terminal would obey them.
  return json.replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}
