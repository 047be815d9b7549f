import { describe, expect, it, vi } from 'vitest';
import { type ContainerListener, ContainerWatch } from '../../../../src/core/orchestration/docker/container-watch.js';
import type { DockerEngine } from '../../../../src/core/orchestration/docker/engine.js';
import type { EngineEvent } from '../../../../src/core/orchestration/docker/engine-events.js';
import { eventually } from '../../../support/eventually.js';

function watchOf(): {
  watch: ContainerWatch;
  events: ReturnType<typeof vi.fn>;
  /** Closes a connection. */
  end: ReturnType<typeof vi.fn>;
  /** Says if the connection keeps the process alive. */
  keepAlive: ReturnType<typeof vi.fn>;
  tell: (action: string, containerName: string) => void;
  loseConnection: () => void;
} {
  const [end, keepAlive] = [vi.fn(), vi.fn()];
  let onEvent: (event: EngineEvent) => void = () => {};
  let onEnd = (): void => {};
  const events = vi.fn(async (_label: string, event: typeof onEvent, ended: typeof onEnd) => {
    onEvent = event;
    onEnd = ended;
    return { end, keepAlive };
  });
  const watch = new ContainerWatch({ events } as unknown as DockerEngine, 'owner=me');
  const tell = (action: string, containerName: string): void => onEvent({ action, containerName, containerId: 'id' });
  return { watch, events, end, keepAlive, tell, loseConnection: () => onEnd() };
}

const listener = () => ({ onStart: vi.fn(), onDie: vi.fn(), onSilence: vi.fn() }) satisfies ContainerListener;

describe('ContainerWatch', () => {
  it('notifies each listener of its own container only', async () => {
    const { watch, events, tell } = watchOf();
    const [a, b] = [listener(), listener()];
    await watch.watch('a', a);
    await watch.watch('b', b);
    tell('start', 'a');
    tell('die', 'b');
    tell('start', 'stranger');
    tell('oom', 'a');
    expect(a.onStart.mock.calls).toEqual([['id']]);
    expect(b.onDie).toHaveBeenCalledTimes(1);
    expect([a.onDie, b.onStart].some((called) => called.mock.calls.length > 0)).toBe(false);
    expect(events.mock.calls.map(([label]) => label)).toEqual(['owner=me']);
  });

  it('shares one connection between all listeners, even if they are added while it is opened', async () => {
    const { watch, events } = watchOf();
    await Promise.all(['a', 'b', 'c'].map((name) => watch.watch(name, listener())));
    expect(events).toHaveBeenCalledTimes(1);
  });

  it('keeps the connection between two listeners, and lets the process end in the meantime', async () => {
    const { watch, events, end, keepAlive, tell } = watchOf();
    const [a, c] = [listener(), listener()];
    const unwatchA = await watch.watch('a', a);
    const unwatchB = await watch.watch('b', listener());
    unwatchA();
    tell('start', 'a');
    expect(a.onStart).not.toHaveBeenCalled();
    await eventually(() => expect(keepAlive.mock.calls).toEqual([[true], [true], [true]]));
    unwatchB();
    await eventually(() => expect(keepAlive).toHaveBeenLastCalledWith(false));
    await watch.watch('c', c);
    await eventually(() => expect(keepAlive).toHaveBeenLastCalledWith(true));
    tell('start', 'c');
    expect(c.onStart).toHaveBeenCalledTimes(1);
    expect(events).toHaveBeenCalledTimes(1);
    expect(end).not.toHaveBeenCalled();
  });

  it('opens a new connection for the next listener if the engine ended the old one between two listeners', async () => {
    const { watch, events, loseConnection } = watchOf();
    const unwatch = await watch.watch('a', listener());
    unwatch();
    loseConnection();
    await watch.watch('b', listener());
    expect(events).toHaveBeenCalledTimes(2);
  });

  it('closes the connection when close() is called, also if somebody still listens', async () => {
    const { watch, end } = watchOf();
    await watch.watch('a', listener());
    watch.close();
    await eventually(() => expect(end).toHaveBeenCalledTimes(1));
  });

  it('notifies all listeners of a lost connection, and connects again for the next listener', async () => {
    const { watch, events, loseConnection, tell } = watchOf();
    const [a, b] = [listener(), listener()];
    await watch.watch('a', a);
    await watch.watch('b', b);
    loseConnection();
    expect([a, b].map(({ onSilence }) => onSilence.mock.calls.length)).toEqual([1, 1]);
    await watch.watch('c', listener());
    expect(events).toHaveBeenCalledTimes(2);
    tell('start', 'a');
    expect(a.onStart).toHaveBeenCalledTimes(1);
  });

  it('rejects if the engine is unavailable, forgets the listener and tries again for the next listener', async () => {
    const { watch, events, tell } = watchOf();
    events.mockRejectedValueOnce(new Error('away'));
    const a = listener();
    await expect(watch.watch('a', a)).rejects.toThrow('away');
    await watch.watch('b', listener());
    tell('start', 'a');
    expect(a.onStart).not.toHaveBeenCalled();
    expect(events).toHaveBeenCalledTimes(2);
  });

  it('closes a connection that is still being opened when close() is called', async () => {
    const { watch, end } = watchOf();
    const watching = watch.watch('a', listener());
    watch.close();
    await watching;
    await eventually(() => expect(end).toHaveBeenCalledTimes(1));
  });
});
