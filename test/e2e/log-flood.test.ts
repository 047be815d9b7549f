import { existsSync, readdirSync } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UnifiedSessionManager } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  attempt,
  bash,
  docker,
  nextEvent,
  RELEASES,
  release,
  scripted,
  size,
  tempFolder,
  testManager,
  UNTIL_RELEASED,
} from './support.js';

const MB = 1024 * 1024;

const flooding = (line: string, seconds: number): string => `timeout ${seconds} yes '${line}' > /proc/1/fd/1\n`;

/** How an agent floods its log before it makes calls that policy denies. */
const FLOODS = {
  'first, with lines that are not stream-json': flooding('y'.repeat(100), 8),
  'all the time, with messages': `(${flooding('{"type":"assistant","message":{"content":[{"type":"text","text":"y"}]}}', 60)}) &
    sleep 2`,
};

/** Kills every hook before it can ask. */
const KILL_HOOKS = `(while :; do for p in /proc/[0-9]*; do
  if tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -qE 'claude-code/autonomous'; then
    [ "\${p#/proc/}" != "$$" ] && grep -q sh $p/comm && kill -9 \${p#/proc/} 2>/dev/null
  fi
done; done) >/dev/null 2>&1 &
`;

describe.each(RELEASES)('an agent of Claude Code $version that floods its log', ({ version, image }) => {
  // With `FULL=1` every flood on each release, by default one each.
  const own = version === RELEASES[0].version ? 0 : 1;
  it.each(Object.entries(FLOODS).filter((_, index) => size(1, 2) === 2 || index === own))(
    'an agent that floods its log and kills its hooks runs at most three denied calls: %s',
    { timeout: 300_000 },
    async (_, flood) => {
      const policy = {
        rules: [{ tool: 'Bash', matches: /forbidden/, decision: 'deny' as const, reason: 'Not that.' }],
      };
      const attack = async () => {
        const { manager } = await testManager({ policy });
        const cwd = await tempFolder();
        await writeFile(join(cwd, 'flood.sh'), flood);
        await writeFile(join(cwd, 'kill.sh'), KILL_HOOKS);
        const calls = Array.from({ length: 25 }, (__, index) => bash(`echo forbidden > f${index}.txt; sleep 1`));
        const script = scripted(bash('sh flood.sh; true'), bash('sh kill.sh'), ...calls, { text: 'Done.' });
        const limits = { durationMs: 60_000 };
        const { id } = await manager.create({ prompt: 'Go', cwd, docker: { ...script.docker, image }, limits });
        const { status, result } = await manager.waitFor(id);
        const ran = readdirSync(cwd).filter((name) => name.startsWith('f') && name.endsWith('.txt')).length;
        return { status, reason: result?.reason ?? '', ran };
      };
      let outcome = await attack();
      // If every hook had its answer before it was killed, every call was denied, and the attack failed.
      for (let tries = 1; tries < 3 && outcome.status === 'completed' && outcome.ran === 0; tries++)
        outcome = await attack();
      expect(outcome.ran).toBeLessThanOrEqual(3);
      if (outcome.ran === 0 && outcome.status === 'completed') return;
      expect(outcome.status).toBe('failed');
      // Whichever comes first: a denied call is seen to run, or the log takes too long to read. The newest release may also
      // hang by itself, when it writes while the flood has filled its output.
      const hangs = version === RELEASES[1].version ? ['timeout'] : [];
      expect(['guard_bypassed', 'log_limit', ...hangs]).toContain(outcome.reason);
    },
  );

  it('an agent that exceeds limits.logBytes is stopped, and its log grows hardly further', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    await writeFile(join(cwd, 'flood.sh'), flooding('y'.repeat(100), 60));
    const script = scripted(bash('sh flood.sh'), { text: 'Done.' });
    const options = { prompt: 'Go', cwd, docker: { ...script.docker, image }, limits: { logBytes: 20 * MB } };
    const { id } = await manager.create(options);
    const { status, result, logFile = '' } = await manager.waitFor(id);
    expect({ status, reason: result?.reason }).toEqual({ status: 'failed', reason: 'log_limit' });
    const { size: bytes } = await stat(logFile);
    expect(bytes).toBeGreaterThan(20 * MB);
    expect(bytes).toBeLessThanOrEqual(21 * MB);
  });
});

it('a log does not grow beyond its limit while no manager runs', async () => {
  const { manager, stateDir } = await testManager();
  const cwd = await tempFolder();
  const wait = 'touch begun; until [ -e alone ]; do sleep 0.1; done';
  await writeFile(join(cwd, 'flood.sh'), `${wait}\n${flooding('y'.repeat(100), 3)}touch flooded`);
  const script = scripted(bash('sh flood.sh'), { text: 'Done.' });
  const { id } = await manager.create({ prompt: 'Go', cwd, ...script, limits: { logBytes: 20 * MB } });
  const isThere = (name: string) => expect.poll(() => existsSync(join(cwd, name)), { timeout: 60_000 }).toBe(true);
  await isThere('begun');
  const { logFile = '' } = manager.get(id) ?? {};
  await manager.close();
  await writeFile(join(cwd, 'alone'), '');
  await isThere('flooded');
  expect((await stat(logFile)).size).toBe(21 * MB);
  const next = new UnifiedSessionManager({ stateDir });
  onTestFinished(() => next.close({ sessions: 'cancel' }));
  await next.recover();
  expect(await next.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'log_limit' } });
});

it('a run that a killed process left frozen while reading its log continues under the next manager', async () => {
  const { manager, stateDir } = await testManager();
  const cwd = await tempFolder();
  const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
  const { id } = await manager.create({ prompt: 'Go', cwd, ...scripted(bash(UNTIL_RELEASED), { text: 'Done.' }) });
  await calls;
  await manager.close();
  // What the process leaves behind.
  await docker('pause', `ao-${id}-1`);
  await writeFile(join(stateDir, 'sessions', id, 'held'), '');
  const next = new UnifiedSessionManager({ stateDir });
  onTestFinished(() => next.close({ sessions: 'cancel' }));
  const paused: string[] = [];
  next.on('session:paused', (event) => paused.push(event.sessionId));
  await next.recover();
  await release(id);
  expect(await next.waitFor(id)).toMatchObject({ status: 'completed', result: { text: 'Done.' } });
  expect(paused).toEqual([]);
  expect(await attempt('ls', [join(stateDir, 'sessions', id, 'held')])).toMatchObject({ code: 2 });
});
