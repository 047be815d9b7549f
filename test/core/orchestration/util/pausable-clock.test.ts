import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PausableClock } from '../../../../src/core/orchestration/util/pausable-clock.js';
import { fakeClock } from '../../../support/clock.js';

const DAY = 86_400_000;

describe('PausableClock', () => {
  beforeEach(() => fakeClock());

  it('the clock stands still while it is stopped, and continues from there', () => {
    const clock = new PausableClock();
    vi.advanceTimersByTime(100);
    expect(clock.now()).toBe(100);
    clock.stop();
    vi.advanceTimersByTime(1_000);
    expect(clock.now()).toBe(100);
    clock.start();
    vi.advanceTimersByTime(5);
    expect(clock.now()).toBe(105);
  });

  it('a second stop() or start() has no effect', () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    clock.start();
    clock.after(10, ring);
    clock.stop();
    vi.advanceTimersByTime(50);
    clock.stop();
    clock.start();
    clock.start();
    vi.advanceTimersByTime(9);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it('after() calls back once, when the clock has run for that long', () => {
    const clock = new PausableClock();
    const ring = vi.fn(() => clock.now());
    vi.advanceTimersByTime(7);
    clock.after(100, ring);
    vi.advanceTimersByTime(60);
    clock.stop();
    vi.advanceTimersByTime(DAY);
    expect(ring).not.toHaveBeenCalled();
    clock.start();
    vi.advanceTimersByTime(39);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(DAY);
    expect(ring.mock.results).toEqual([{ type: 'return', value: 107 }]);
  });

  it('a timer that is set while the clock stands still counts from the next start()', () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    clock.stop();
    clock.after(10, ring);
    vi.advanceTimersByTime(1_000);
    expect(ring).not.toHaveBeenCalled();
    clock.start();
    vi.advanceTimersByTime(9);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it('timers can be cancelled one by one or all together, and none is left', () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    const forget = clock.after(10, ring);
    clock.after(20, ring);
    clock.after(30, ring);
    expect(vi.getTimerCount()).toBe(3);
    forget();
    forget();
    expect(vi.getTimerCount()).toBe(2);
    clock.clear();
    expect(vi.getTimerCount()).toBe(0);
    clock.stop();
    clock.start();
    vi.advanceTimersByTime(100);
    expect(ring).not.toHaveBeenCalled();
  });

  it('a timer that has rung is not set again by start()', () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    clock.after(1, ring);
    vi.advanceTimersByTime(1);
    clock.stop();
    clock.start();
    expect(vi.getTimerCount()).toBe(0);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it("a timer may be set for longer than Node's timers allow", () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    clock.after(60 * DAY, ring);
    vi.advanceTimersByTime(60 * DAY - 1);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(2);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it("the clock ignores changes of the system's clock", () => {
    const clock = new PausableClock();
    const ring = vi.fn();
    clock.after(100, ring);
    vi.setSystemTime(Date.now() + DAY);
    expect(clock.now()).toBe(0);
    vi.advanceTimersByTime(99);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it('a callback can set the next timer and stop the clock', () => {
    const clock = new PausableClock();
    const ring = vi.fn(() => clock.stop());
    clock.after(10, () => clock.after(10, ring));
    vi.advanceTimersByTime(20);
    expect(ring).toHaveBeenCalledTimes(1);
    expect(clock.now()).toBe(20);
    vi.advanceTimersByTime(20);
    expect(clock.now()).toBe(20);
  });

  it('each timer rings exactly once, when it is due, for any sequence of stop() and start()', () => {
    const step = fc.tuple(fc.constantFrom('stop', 'start', 'set'), fc.integer({ min: 1, max: 50 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const clock = new PausableClock();
        let ran = 0;
        let runs = true;
        const rang: number[] = [];
        const due: number[] = [];
        for (const [what, ms] of steps) {
          if (what === 'set') {
            due.push(ran + ms);
            clock.after(ms, () => rang.push(clock.now()));
          } else {
            clock[what as 'stop' | 'start']();
            runs = what === 'start';
          }
          vi.advanceTimersByTime(ms);
          if (runs) ran += ms;
          expect(clock.now()).toBeCloseTo(ran, 6);
          const expected = due.filter((time) => time <= ran).sort((a, b) => a - b);
          expect(rang.map(Math.round)).toEqual(expected);
        }
        clock.clear();
      }),
      { numRuns: 300 },
    );
  });
});

it("the clock's timers do not keep the process alive", async () => {
  const module = join(import.meta.dirname, '../../../../src/core/orchestration/util/pausable-clock.ts');
  const script = `import { PausableClock } from ${JSON.stringify(module)};
    new PausableClock().after(3_600_000, () => {}); console.log('ends');`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toBe('ends\n');
});
