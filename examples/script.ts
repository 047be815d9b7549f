/**
 * For shell scripts. `start` exits at once, and the session works on with nobody there:
 *
 *     id=$(npx tsx examples/script.ts start --cwd ~/project "Fix the failing test")
 *     npx tsx examples/script.ts follow "$id" && echo "It is done."
 *     npx tsx examples/script.ts continue "$id" "Add a test for it"
 *
 * Exit code 0: done (`follow`: the session completed), 1: failed, 2: the command was refused, 130: `follow` was interrupted, and
 * the session works on.
 */
import { parseArgs } from 'node:util';
import { OrchestrationError, openSessions, type SessionEvent, type Sessions } from 'autonomous-orchestration';
import { showProgress } from './support/progress.js';

const USAGE = 'usage: script.ts start [--cwd DIR] PROMPT | follow ID | continue ID FEEDBACK';
const REFUSED = [
  'INVALID_OPTIONS',
  'WORKSPACE_NOT_FOUND',
  'WORKSPACE_NOT_WRITABLE',
  'UNSAFE_MOUNT',
  'SESSION_NOT_FOUND',
  'ILLEGAL_TRANSITION',
  'QUEUE_FULL',
  'UNSAFE_SETTINGS',
];

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return error instanceof OrchestrationError && !REFUSED.includes(error.code) ? 1 : 2;
});

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { cwd: { type: 'string' } }, allowPositionals: true });
  const [command, first = '', second = ''] = positionals;
  switch (`${command} ${positionals.length - 1}`) {
    case 'start 1':
      return start(first, values.cwd ?? '.');
    case 'follow 1':
      return follow(first);
    case 'continue 2':
      return continueWith(first, second);
    default:
      throw new Error(USAGE);
  }
}

/** In the process that runs the sessions, if there is one. Otherwise this process takes over what earlier ones have left. */
async function withSessions<T>(
  work: (sessions: Sessions) => Promise<T>,
  listen?: (sessions: Sessions) => void,
): Promise<T> {
  await using sessions = await openSessions({}, listen);
  return await work(sessions);
}

/** Prints the id of the new session. If other sessions have all slots, the session waits until a later command starts it. */
async function start(prompt: string, cwd: string): Promise<number> {
  const { id } = await withSessions((sessions) => sessions.create({ prompt, cwd, detached: true }));
  console.log(id); // When the sessions are closed, the container runs.
  return 0;
}

/** Starts a further run of the same conversation. */
async function continueWith(id: string, feedback: string): Promise<number> {
  await withSessions((sessions) => sessions.continue(id, feedback));
  return 0;
}

/** Shows a session until it ends: as a table on a terminal, elsewhere a line of JSON for each event, and one for the outcome. */
async function follow(id: string): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  // The reader of the output has closed the pipe, as in `script.ts follow … | head`.
  process.stdout.on('error', () => interrupted.abort());
  let progress: ReturnType<typeof showProgress> | undefined;
  const write = (line: object): void => void (progress ?? process.stdout.write(`${harmless(line)}\n`));
  const listen = (sessions: Sessions): void => {
    progress?.finish();
    if (process.stdout.isTTY) progress = showProgress(sessions, id);
    sessions.on('event', (event: SessionEvent) => {
      if (event.sessionId === id) write({ ...event, session: undefined });
    });
  };
  return withSessions(async (sessions) => {
    try {
      const { status, result } = await sessions.waitFor(id, { signal: interrupted.signal });
      write({ id, status, result });
      return status === 'completed' ? 0 : 1;
    } catch (error) {
      if (interrupted.signal.aborted) return 130;
      throw error;
    } finally {
      progress?.finish();
    }
  }, listen);
}

/** JSON does not escape all characters that a terminal would obey, and an agent may write them. */
function harmless(line: object): string {
  return JSON.stringify(line).replace(/[\u007f-\u009f]/g, (char) => `\\u00${char.charCodeAt(0).toString(16)}`);
}
