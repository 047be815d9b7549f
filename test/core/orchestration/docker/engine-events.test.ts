import type http from 'node:http';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../../../src/core/orchestration/docker/engine-events.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';
import { FakeEngine } from '../../../support/fake-engine.js';

const line = (Action: string, name: string, exitCode?: string): string =>
  `${JSON.stringify({ Type: 'container', Action, Actor: { ID: `id-${name}`, Attributes: { name, exitCode } } })}\n`;

async function followed(): Promise<{
  fake: FakeEngine;
  stream: http.ServerResponse;
  events: EngineEvent[];
  until: (count: number) => Promise<void>;
  ended: Promise<void>;
  gone: Promise<void>;
  stop: () => void;
  keepAlive: (alive: boolean) => void;
}> {
  const response = deferred<http.ServerResponse>();
  const { fake, engine } = await FakeEngine.start({
    'GET /events': (stream) => {
      stream.writeHead(200, { 'content-type': 'application/json' });
      stream.flushHeaders();
      response.resolve(stream);
    },
  });
  const events: EngineEvent[] = [];
  const ending = deferred<void>();
  let wake = (): void => {};
  const onEvent = (event: EngineEvent): void => {
    events.push(event);
    wake();
  };
  const { end: stop, keepAlive } = await engine.events('owner=me', onEvent, () => ending.resolve());
  const stream = await response.promise;
  const until = async (count: number): Promise<void> => {
    while (events.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const gone = new Promise<void>((resolve) => stream.once('close', resolve));
  return { fake, stream, events, until, ended: ending.promise, gone, stop, keepAlive };
}

describe("the engine's events", () => {
  it('only future start and die events of containers with the label are requested', async () => {
    const { fake, stop } = await followed();
    stop();
    expect(fake.requests[0]).toMatch(
      /^GET \/events\?since=\d+&filters=\{"label":\["owner=me"\],"type":\["container"\],"event":\["start","die"\]\}$/,
    );
  });

  it('events are reported correctly, whatever chunks they arrive in', async () => {
    const { stream, events, until } = await followed();
    const text = line('start', 'ao-ä') + line('die', 'ao-ä', '137') + line('start', 'b');
    const bytes = Buffer.from(text);
    // One of the cuts tears the two bytes of 'ä'.
    for (let at = 0; at < bytes.length; at += 1) {
      await new Promise((resolve) => stream.write(bytes.subarray(at, at + 1), resolve));
    }
    await until(3);
    expect(events).toEqual([
      { action: 'start', containerId: 'id-ao-ä', containerName: 'ao-ä' },
      { action: 'die', containerId: 'id-ao-ä', containerName: 'ao-ä' },
      { action: 'start', containerId: 'id-b', containerName: 'b' },
    ]);
  });

  it('several events that arrive at once are reported, up to the last complete event', async () => {
    const { stream, events, until } = await followed();
    stream.write(`${line('start', 'a')}\n${line('start', 'b')}${line('start', 'c').slice(0, 20)}`);
    await until(2);
    expect(events.map(({ containerName }) => containerName)).toEqual(['a', 'b']);
    stream.write(line('start', 'c').slice(20));
    await until(3);
    expect(events[2]?.containerName).toBe('c');
  });

  it.each([
    ['ends the answer', (stream: http.ServerResponse) => void stream.end()],
    ['drops the connection', (stream: http.ServerResponse) => void stream.destroy()],
  ])('onEnd is called if the engine %s', async (_, cut) => {
    const { stream, ended } = await followed();
    cut(stream);
    await ended;
  });

  it('onEnd is not called if the library ends the connection itself', async () => {
    const { stop, gone, ended } = await followed();
    let told = false;
    void ended.then(() => {
      told = true;
    });
    stop();
    await gone;
    expect(told).toBe(false);
  });

  it('the connection keeps the process alive, unless it is told not to', async () => {
    const { keepAlive, stream, until, events } = await followed();
    // Only what keeps the process alive is listed.
    const pipes = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;
    const before = pipes();
    keepAlive(false);
    expect(pipes()).toBe(before - 1);
    stream.write(line('start', 'a'));
    await until(1);
    expect(events).toHaveLength(1);
    keepAlive(true);
    expect(pipes()).toBe(before);
  });

  it('a refused request for events is reported as DOCKER_UNAVAILABLE', async () => {
    const { engine } = await FakeEngine.start({ 'GET /events': { status: 500, json: { message: 'no' } } });
    const { message } = await errorOf(
      engine.events(
        'a=b',
        () => {},
        () => {},
      ),
      'DOCKER_UNAVAILABLE',
    );
    expect(message).toContain('follow events');
  });
});
