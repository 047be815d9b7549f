import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { ListenerError } from '../../../../src/core/orchestration/util/isolated-emitter.js';
import { IsolatedEmitter } from '../../../../src/core/orchestration/util/isolated-emitter.js';

interface Events {
  one: [number];
  event: [number];
  'listener-error': [ListenerError];
}

class Emitter extends IsolatedEmitter<Events> {}

/** An emitter, and what was reported as 'listener-error'. */
function reporting(): { emitter: Emitter; reported: ListenerError[] } {
  const emitter = new Emitter();
  const reported: ListenerError[] = [];
  emitter.on('listener-error', (failure) => reported.push(failure));
  return { emitter, reported };
}

const broken = new Error('broken');
const thrower = (): void => {
  throw broken;
};

describe('a listener that throws', () => {
  it('a listener that throws does not affect the emitter or other listeners, and is reported once', () => {
    const { emitter, reported } = reporting();
    const others = [vi.fn(), vi.fn()];
    emitter.on('one', (value) => void others[0]?.(value));
    emitter.on('one', thrower);
    emitter.on('one', (value) => void others[1]?.(value));
    expect(emitter.emit('one', 1)).toBe(true);
    emitter.emit('one', 2);
    for (const other of others) expect(other.mock.calls).toEqual([[1], [2]]);
    expect(reported).toEqual([{ event: 'one', error: broken }]);
  });

  it('each listener that throws is reported', () => {
    const { emitter, reported } = reporting();
    for (const _ of [1, 2]) {
      emitter.on('one', () => {
        throw broken;
      });
    }
    emitter.emit('one', 1);
    expect(reported).toHaveLength(2);
  });

  it('an asynchronous listener that rejects is reported', async () => {
    const { emitter } = reporting();
    const reported = new Promise<ListenerError>((resolve) => emitter.on('listener-error', resolve));
    emitter.on('one', async () => {
      throw broken;
    });
    emitter.emit('one', 1);
    expect(await reported).toEqual({ event: 'one', error: broken });
  });

  it("an error of a listener becomes a process warning if nobody listens to 'listener-error'", async () => {
    const emitter = new Emitter();
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    emitter.on('one', thrower);
    emitter.emit('one', 1);
    expect(await warned).toMatchObject({
      name: 'ListenerError',
      message: "A listener for 'one' failed: broken",
    });
  });

  it("a 'listener-error' listener that throws causes one warning, and no endless loop", () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => void warn.mockRestore());
    const emitter = new Emitter();
    emitter.on('listener-error', thrower);
    emitter.on('one', () => {
      throw broken;
    });
    emitter.emit('one', 1);
    expect(warn).toHaveBeenCalledTimes(1);
  });
});

describe('adding and removing listeners', () => {
  it('once() calls a listener once, even if the listener throws', () => {
    const { emitter, reported } = reporting();
    const listener = vi.fn(thrower);
    emitter.once('one', listener);
    emitter.emit('one', 1);
    emitter.emit('one', 2);
    expect(listener.mock.calls).toEqual([[1]]);
    expect(reported).toHaveLength(1);
    expect(emitter.listenerCount('one')).toBe(0);
  });

  it.each(['off', 'removeListener'] as const)('%s() removes only the given listener', (remove) => {
    const emitter = new Emitter();
    const [kept, removed, once] = [vi.fn(), vi.fn(), vi.fn()];
    emitter.on('one', kept);
    emitter.addListener('one', removed);
    emitter.once('one', once);
    emitter[remove]('one', removed);
    emitter[remove]('one', once);
    emitter.emit('one', 1);
    expect([kept, removed, once].map(({ mock }) => mock.calls.length)).toEqual([1, 0, 0]);
  });

  it('off() without a listener removes all listeners of the event', () => {
    const emitter = new Emitter();
    emitter.on('one', vi.fn());
    emitter.on('one', vi.fn());
    emitter.off('one');
    expect(emitter.listenerCount('one')).toBe(0);
  });

  it('a listener of two events receives both, and can be removed from one of them', () => {
    const emitter = new Emitter();
    const listener = vi.fn();
    emitter.on('one', listener);
    emitter.on('event', listener);
    emitter.emit('one', 1);
    emitter.emit('event', 1);
    expect(listener).toHaveBeenCalledTimes(2);
    emitter.off('one', listener);
    emitter.emit('one', 2);
    emitter.emit('event', 2);
    expect(listener).toHaveBeenCalledTimes(3);
  });

  it('a listener of two events that throws twice is reported once', () => {
    const { emitter, reported } = reporting();
    emitter.on('one', thrower);
    emitter.on('event', thrower);
    emitter.emit('one', 1);
    emitter.emit('event', 1);
    expect(reported).toEqual([{ event: 'one', error: broken }]);
  });

  it('a listener that is removed by an earlier listener still gets the event of that moment, and no later one', () => {
    const emitter = new IsolatedEmitter<Events>();
    const second = vi.fn();
    emitter.on('one', () => void emitter.off('one', second));
    emitter.on('one', second);
    emitter.emit('one', 1);
    emitter.emit('one', 2);
    expect(second.mock.calls).toEqual([[1]]);
    expect(emitter.listenerCount('one')).toBe(1);
  });

  it('a listener that is added by an earlier listener gets only later events', () => {
    const emitter = new IsolatedEmitter<Events>();
    const added = vi.fn();
    emitter.once('one', () => void emitter.on('one', added));
    emitter.emit('one', 1);
    emitter.emit('one', 2);
    expect(added.mock.calls).toEqual([[2]]);
  });

  it('removeAllListeners() removes the listeners of one event, or of all', () => {
    const emitter = new IsolatedEmitter<Events>();
    const [one, all] = [vi.fn(), vi.fn()];
    emitter.on('one', one).on('event', all);
    emitter.removeAllListeners('one');
    expect([emitter.emit('one', 1), emitter.emit('event', 1)]).toEqual([false, true]);
    emitter.removeAllListeners();
    expect(emitter.emit('event', 2)).toBe(false);
    expect([one.mock.calls.length, all.mock.calls.length]).toEqual([0, 1]);
  });

  it('a listener is called with its context', () => {
    const emitter = new Emitter();
    const context = { seen: 0 };
    emitter.on(
      'one',
      function (this: typeof context, value: number) {
        this.seen = value;
      },
      context,
    );
    emitter.emit('one', 7);
    expect(context.seen).toBe(7);
  });
});
