/**
 * Handlers for a server of your own. Import them from this file instead of from the file that they replace. Run on its own
 * (`npx tsx examples/autonomous-handlers.ts [port]`), this file serves the three routes that the older page polls.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { createAutonomousHandlers, type HandlerResult } from 'autonomous-orchestration/handlers';

export const manager = new UnifiedSessionManager();
export const { handleAutonomousList, handleAutonomousGet, handleAutonomousLogs, createAutonomousMonitor } =
  createAutonomousHandlers(manager);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await serve(Number(process.argv[2] ?? 4300));

async function serve(port: number): Promise<void> {
  await manager.recover(); // Takes over the sessions that an earlier process left.
  const server = createServer((request, response) => {
    void answer(request)
      .catch(() => refused('The address cannot be read.'))
      .then((result) => {
        const status = result.success ? 200 : result.code === 'INVALID_OPTIONS' ? 400 : 404;
        response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(result));
      });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/autonomous-sessions`);

  await Promise.race(['SIGINT', 'SIGTERM'].map((signal) => once(process, signal)));
  server.close();
  server.closeAllConnections();
  await manager.close({ sessions: 'detach' });
}

async function answer({ url = '', method, headers: { host = '' } }: IncomingMessage): Promise<HandlerResult<unknown>> {
  // A foreign page can have a host name that resolves to this machine (DNS rebinding). createAutonomousApp refuses such requests.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(host)) return refused('The host is not this one.');
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const [path, id] = /^\/api\/autonomous-sessions(?:\/([^/]+))?$/.exec(pathname) ?? [];
  if (method !== 'GET' || path === undefined) return { success: false, error: 'Not found' };
  if (id === undefined) return handleAutonomousList();
  if (id !== 'logs') return handleAutonomousGet(decodeURIComponent(id));
  const limit = Number(searchParams.get('limit') ?? 50);
  if (!Number.isInteger(limit) || limit < 1) return refused("'limit' has to be a positive integer.");
  return handleAutonomousLogs(limit);
}

function refused(error: string): HandlerResult<never> {
  return { success: false, error, code: 'INVALID_OPTIONS' };
}
