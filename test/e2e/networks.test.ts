import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { UnifiedSession, UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import { bash, docker, type ModelTurn, nextEvent, RELEASES, scripted, tempFolder, testManager } from './support.js';

const PORT = 7000;
const SERVER = `node -e "require('http').createServer((q, r) => r.end('reached')).listen(${PORT}, '0.0.0.0', () => require('fs').writeFileSync('listening', ''))"`;

/** Starts a session whose agent listens on all its addresses, and returns its address. */
async function listening(manager: UnifiedSessionManager, options: { image: string; network?: string }) {
  const serve = bash(`(${SERVER} >/dev/null 2>&1 &) ; until [ -e listening ]; do sleep 0.05; done; echo up; sleep 300`);
  const call = nextEvent(manager, ({ type }) => type === 'session:tool');
  const { id } = await start(manager, options, serve);
  await call;
  await expect.poll(() => docker('exec', `ao-${id}-1`, 'ls', '/workspace')).toContain('listening');
  return docker('inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', `ao-${id}-1`);
}

async function start(
  manager: UnifiedSessionManager,
  options: { image: string; network?: string },
  ...turns: ModelTurn[]
) {
  return manager.create({
    prompt: 'Go',
    cwd: await tempFolder(),
    docker: { ...options, ...scripted(...turns).docker },
  });
}

/** The session of an agent that sends a request to an address. */
async function reached(
  manager: UnifiedSessionManager,
  options: { image: string; network?: string },
  address: string,
): Promise<UnifiedSession> {
  // Without its exit, the process would wait ten seconds for the connection.
  const ask = `fetch('http://${address}:${PORT}', { signal: AbortSignal.timeout(2000) }).then((r) => r.text()).catch(() => 'refused').then((said) => { console.log(said); process.exit(); })`;
  const { id } = await start(manager, options, bash(`node -e "${ask}"`), { history: true });
  return manager.waitFor(id);
}

describe.each(RELEASES)('the network of sessions, with Claude Code $version', ({ image }) => {
  it.each<[string, string | undefined, 'ok' | 'error', string]>([
    ['have their own network by default and cannot reach each other', undefined, 'ok', 'refused'],
    ['can reach each other on the network of the engine if that is asked for', 'bridge', 'ok', 'reached'],
  ])('sessions %s', async (_, network, outcome, said) => {
    const { manager, events } = await testManager();
    const options = { image, ...(network !== undefined && { network }) };
    const address = await listening(manager, options);
    expect(address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    const { id, metadata } = await reached(manager, options, address);
    expect(metadata.toolsUsed).toMatchObject([{ name: 'Bash', outcome }]);
    const results = events.flatMap((event) =>
      event.type === 'session:tool-result' && event.sessionId === id ? [JSON.stringify(event)] : [],
    );
    expect(results.join()).toContain(said);
  });

  it('the network of sessions uses the name servers of the bridge, not the slower one of the engine', async () => {
    const { manager } = await testManager();
    const servers = async (network?: string): Promise<unknown> => {
      const cwd = await tempFolder();
      const asked = bash('cat /etc/resolv.conf > servers');
      const options = { ...scripted(asked).docker, image, ...(network !== undefined && { network }) };
      const { id } = await manager.create({ prompt: 'Go', cwd, docker: options });
      expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
      return readFile(join(cwd, 'servers'), 'utf8');
    };
    const own = await servers();
    expect(own).toBe(await servers('bridge'));
    expect(own).not.toContain('127.0.0.11');
  });
});
