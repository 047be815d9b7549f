import http from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { DockerEngine } from '../../src/core/orchestration/docker/engine.js';
import { tempFolder } from './temp-folder.js';

export interface EngineCall {
  method: string;
  /** The decoded path, with the query. */
  path: string;
  body: unknown;
}

type Answer =
  | { status: number; json?: unknown; text?: string }
  | ((response: http.ServerResponse, call: EngineCall) => void);

/** A minimal Docker engine for tests. It answers on its own socket and records the calls. */
export class FakeEngine {
  readonly calls: EngineCall[] = [];
  /** The answers by `'METHOD /path'`, without the query. A call without an answer gets 404. */
  readonly answers: Record<string, Answer>;
  /** Answers calls that have no entry in `answers`. */
  fallback: (call: EngineCall) => Answer | undefined = () => undefined;
  readonly socketPath = join(tempFolder(), 'engine.sock');
  readonly server = http.createServer((request, response) => void this.#answer(request, response));

  private constructor(answers: Record<string, Answer>) {
    this.answers = answers;
  }

  static async start(answers: Record<string, Answer> = {}): Promise<{ fake: FakeEngine; engine: DockerEngine }> {
    const fake = new FakeEngine(answers);
    await new Promise<void>((resolve) => fake.server.listen(fake.socketPath, resolve));
    const engine = new DockerEngine(async () => ({ socketPath: fake.socketPath }));
    onTestFinished(() => {
      engine.close();
      fake.server.closeAllConnections();
      fake.server.close();
    });
    return { fake, engine };
  }

  /** The calls as `'METHOD path'`. */
  get requests(): string[] {
    return this.calls.map(({ method, path }) => `${method} ${path}`);
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { method = '', url = '' } = request;
    const call = { method, path: decodeURIComponent(url), body: text === '' ? undefined : JSON.parse(text) };
    this.calls.push(call);
    const answer = this.answers[`${method} ${url.split('?')[0]}`] ??
      this.fallback(call) ?? { status: 404, json: { message: 'no such thing' } };
    if (typeof answer === 'function') answer(response, call);
    else if (answer.json === undefined) response.writeHead(answer.status).end(answer.text);
    else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
  }
}

/** The engine's answer to an inspection, with this `State`. */
export function containerState(state: object = {}): { status: number; json: unknown } {
  const all = {
    Running: false,
    Paused: false,
    StartedAt: '2026-11-22T21:00:00Z',
    ExitCode: 0,
    OOMKilled: false,
    Error: '',
    ...state,
  };
  return { status: 200, json: { Id: 'id-1', State: all } };
}
