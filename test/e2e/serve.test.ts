import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AutonomousSession } from 'autonomous-orchestration/handlers';
import { expect, it, onTestFinished } from 'vitest';
import { bash, docker, engine, tempFolder } from './support.js';

const WITHIN = { timeout: 60_000 };

/** A server that is started as the README recommends, in its own process. */
class Served {
  readonly #child: ChildProcess;
  #url = '';
  #token = '';

  constructor(home: string, cwd: string) {
    const env = { ...process.env, DOCKER_HOST: engine.host, HOME: home };
    const path = join(import.meta.dirname, '../../examples/serve.ts');
    const args = ['--import', 'tsx', path, cwd, '0'];
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  static async start(home: string, cwd: string): Promise<Served> {
    const served = new Served(home, cwd);
    let output = '';
    for await (const chunk of served.#child.stdout ?? []) {
      output += chunk;
      const [, url, token] = /^Open (\S+)\/#token=(\S+)\n/m.exec(output) ?? [];
      if (url === undefined || token === undefined) continue;
      served.#url = `${url}/api/autonomous-sessions`;
      served.#token = decodeURIComponent(token);
      return served;
    }
    throw new Error(`serve.ts ended: ${output}`);
  }

  async get<T>(path = ''): Promise<T> {
    return this.#data(await fetch(`${this.#url}${path}`, { headers: this.#authorized }));
  }

  async post<T>(path: string, body: object): Promise<T> {
    const headers = { 'Content-Type': 'application/json', ...this.#authorized };
    return this.#data(await fetch(`${this.#url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) }));
  }

  /** Ends the server as a service manager does. */
  async end(): Promise<unknown[]> {
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    return exit;
  }

  get #authorized() {
    return { Authorization: `Bearer ${this.#token}` };
  }

  async #data<T>(response: Response): Promise<T> {
    const { success, data, error } = (await response.json()) as { success: boolean; data: T; error?: string };
    expect({ success, error }).toEqual({ success: true, error: undefined });
    return data;
  }
}

const running = (id: string): Promise<string> =>
  docker('ps', '--filter', `label=autonomous-orchestration.session=${id}`, '--format', '{{.Names}}');

it('serve.ts leaves its session running when it ends, and shows it live after a restart', async () => {
  const [home, cwd] = [await tempFolder(0), await tempFolder()];
  // The example gives its sessions no variables.
  const turns = [bash('until [ -e go ]; do sleep 0.1; done'), { ...bash('sleep 300'), text: 'I go on.' }];
  await writeFile(join(cwd, '.model-script.json'), JSON.stringify(turns));

  const first = await Served.start(home, cwd);
  const { id } = await first.post<AutonomousSession>('', { prompt: 'Work', taskId: 'long work' });
  onTestFinished(async () => {
    const left = await running(id);
    if (left !== '') await docker('rm', '--force', '--volumes', left);
  });
  await expect
    .poll(() => first.get<AutonomousSession>(`/${id}`), WITHIN)
    .toMatchObject({ currentTool: { name: 'Bash' } });
  expect(await first.end()).toEqual([0, null]);
  const container = await running(id);
  expect(container).not.toBe('');

  const second = await Served.start(home, cwd);
  expect(await second.get<AutonomousSession[]>()).toMatchObject([
    { id, taskId: 'long work', state: 'running', runs: [{ number: 1, containerName: container }] },
  ]);
  await writeFile(join(cwd, 'go'), '');
  await expect
    .poll(() => second.get<AutonomousSession>(`/${id}`), WITHIN)
    .toMatchObject({
      state: 'running',
      toolCalls: 2,
      currentTool: { input: { command: 'sleep 300' } },
      stats: { lastOutput: 'I go on.' },
    });
  expect(await running(id)).toBe(container);

  const cancelled = await second.post<AutonomousSession>(`/${id}/cancel`, { reason: 'enough' });
  expect(cancelled).toMatchObject({ state: 'cancelled', result: { error: 'enough' } });
  expect(await running(id)).toBe('');
  expect(await second.end()).toEqual([0, null]);
});
