import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openSessions } from 'autonomous-orchestration';
import { expect, it, onTestFinished, vi } from 'vitest';

vi.setConfig({ testTimeout: 120_000 });

/** A `claude` that works until there is a file `go`. */
const CLAUDE = `#!/bin/sh
cat > /dev/null
echo '{"type":"system","subtype":"init","session_id":"11111111-2222-4333-8444-555555555555","model":"fake"}'
echo '{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"Hello."}]}}'
until [ -e go ]; do sleep 0.1; done
echo '{"type":"result","subtype":"success","is_error":false,"result":"Done.","num_turns":1,"total_cost_usd":0.01}'
touch done
`;

function scene() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'scratch-shared-')));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  writeFileSync(join(folder, 'claude'), CLAUDE);
  chmodSync(join(folder, 'claude'), 0o755);
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  for (const name of ['VITEST', 'NODE_ENV', 'VITEST_WORKER_ID', 'VITEST_POOL_ID']) delete env[name];
  const stateDir = join(folder, 'state');
  return {
    folder,
    stateDir,
    start(role) {
      const child = spawn(process.execPath, ['shared-program.mjs', role, stateDir, folder], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      const lines = [];
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(JSON.parse(line)));
      const exited = once(child, 'close');
      const seen = (type) => lines.filter((line) => line.type === type);
      const when = (type, times = 1) =>
        expect.poll(() => seen(type).length, { timeout: 60_000 }).toBeGreaterThanOrEqual(times);
      return { child, exited, seen, when };
    },
  };
}

it('a server and three scripts share one state folder, and the server is killed in the middle', async () => {
  const { folder, stateDir, start } = scene();
  const first = start('server');
  await first.when('listening');
  const scripts = [start('script'), start('script'), start('script')];
  for (const script of scripts) await script.when('client');
  const watching = await openSessions({ stateDir });
  const ofStatus = (status) => expect.poll(() => watching.list({ status }).length, { timeout: 60_000 });
  await ofStatus('running').toBe(3);
  await ofStatus('queued').toBe(3);
  await watching.close();
  first.child.kill('SIGKILL');
  await first.exited;
  const next = start('server');
  await next.when('listening');
  for (const script of scripts) await script.when('session:recovered', 6);
  writeFileSync(join(folder, 'go'), '');
  for (const { exited, seen } of scripts) {
    expect(await exited).toEqual([0, null]);
    expect(seen('ended').map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(Math.max(...seen('queue:changed').map(({ running }) => running))).toBe(3);
  }
  next.child.kill('SIGKILL');
  await next.exited;
});

it('a script starts a session and exits, and the session completes with nobody there', async () => {
  const { folder, stateDir, start } = scene();
  const script = start('leave');
  expect(await script.exited).toEqual([0, null]);
  const [{ sessionId }] = script.seen('left');
  writeFileSync(join(folder, 'go'), '');
  // Only then is a process there again.
  await expect.poll(() => existsSync(join(folder, 'done')), { timeout: 60_000 }).toBe(true);
  const sessions = await openSessions({ stateDir });
  expect((await sessions.waitFor(sessionId)).status).toBe('completed');
  await sessions.close();
});
