import { stripVTControlCharacters } from 'node:util';
import type { Sessions, UnifiedSession } from 'autonomous-orchestration';
import Table from 'cli-table3';
import logUpdate from 'log-update';

const REDRAW_MS = 100;
const COLUMNS = [16, 11, 5, 46, 7, 10, 8];

/**
 * Shows sessions. In a terminal this is a table that is redrawn, elsewhere a line for each change.
 *
 * @param only the id of the only session in the table; by default the table has all sessions
 */
export function showProgress(sessions: Sessions, only?: string): { finish(): void } {
  return process.stdout.isTTY ? showTable(sessions, only) : showLines(sessions);
}

function showTable(sessions: Sessions, only: string | undefined): { finish(): void } {
  const shown = (): UnifiedSession[] => sessions.list().filter(({ id }) => only === undefined || id === only);
  const draw = (): void => logUpdate(table(shown()));
  const timer = setInterval(draw, REDRAW_MS);
  return {
    finish() {
      clearInterval(timer);
      draw();
      logUpdate.done();
    },
  };
}

function showLines(sessions: Sessions): { finish(): void } {
  const write = (session: UnifiedSession, text: string): void => console.log(`${nameOf(session)}: ${plain(text)}`);
  sessions.on('session:queued', ({ session, position }) => write(session, `queued at position ${position}`));
  sessions.on('session:started', ({ session }) => write(session, 'started'));
  sessions.on('session:message', ({ session, text }) => write(session, text));
  sessions.on('session:tool', ({ session, tool }) => write(session, `uses ${tool.name} ${JSON.stringify(tool.input)}`));
  sessions.on('session:error', ({ session, error }) => write(session, `${error.severity}: ${error.message}`));
  for (const end of ['session:completed', 'session:failed', 'session:cancelled'] as const) {
    sessions.on(end, ({ session, result }) => {
      const cost = `$${(session.metadata.costUsd ?? 0).toFixed(4)}`;
      write(session, `${session.status} after ${seconds(session)}, ${cost}${result.error ? `: ${result.error}` : ''}`);
    });
  }
  return { finish() {} };
}

function table(sessions: readonly UnifiedSession[]): string {
  const rows = new Table({
    head: ['session', 'status', 'pos', 'last message', 'tools', 'cost', 'time'],
    colWidths: COLUMNS,
    style: { head: [], border: [] },
  });
  for (const session of sessions) {
    const { metadata, status, queuePosition } = session;
    const tools = Object.values(metadata.toolCounts).reduce((sum, count) => sum + count, 0);
    rows.push([
      nameOf(session),
      status,
      queuePosition ?? '',
      plain(metadata.lastMessage ?? session.result?.error ?? ''),
      tools,
      metadata.costUsd === undefined ? '' : `$${metadata.costUsd.toFixed(4)}`,
      seconds(session),
    ]);
  }
  return rows.toString();
}

function nameOf({ taskId, id }: UnifiedSession): string {
  return plain(taskId ?? id);
}

function seconds({ startedAt, endedAt }: UnifiedSession): string {
  return startedAt === undefined ? '' : `${(((endedAt ?? Date.now()) - startedAt) / 1000).toFixed(1)} s`;
}

/** An agent's text may contain characters that control a terminal. Only the visible characters are shown, on one line. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are removed here
  return stripVTControlCharacters(text).replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ');
}
