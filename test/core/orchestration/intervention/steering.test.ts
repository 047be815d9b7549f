import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { SteeringQueue } from '../../../../src/core/orchestration/intervention/steering.js';

describe('SteeringQueue', () => {
  it('hands out each message once, in order, and tells those who said it', async () => {
    const queue = new SteeringQueue();
    const heard = [queue.push('one'), queue.push('two')];
    expect(queue.take()).toEqual(['one', 'two']);
    expect(await Promise.all(heard)).toEqual([true, true]);
    expect(queue.take()).toEqual([]);
  });

  it('does not take a message for heard that nobody took', async () => {
    const queue = new SteeringQueue();
    const settled = vi.fn();
    void queue.push('one').then(settled);
    await Promise.resolve();
    expect(settled).not.toHaveBeenCalled();
    queue.end();
    await vi.waitFor(() => expect(settled).toHaveBeenCalledWith(false));
    expect(queue.take()).toEqual([]);
  });

  it('takes nothing more after its end', async () => {
    const queue = new SteeringQueue();
    queue.end();
    expect(await queue.push('late')).toBe(false);
    expect(queue.take()).toEqual([]);
  });

  it('tells when messages begin and cease to wait, not of each', () => {
    const queue = new SteeringQueue();
    const told = vi.fn();
    queue.onChange = told;
    expect(told).not.toHaveBeenCalled();
    void queue.push('one');
    void queue.push('two');
    expect(told.mock.calls).toEqual([[true]]);
    queue.take();
    queue.take();
    expect(told.mock.calls).toEqual([[true], [false]]);
  });

  it('tells at once of messages that were there before', () => {
    const queue = new SteeringQueue();
    void queue.push('early');
    const told = vi.fn();
    queue.onChange = told;
    expect(told.mock.calls).toEqual([[true]]);
  });

  it('hands out exactly once and in order, whatever happens when', async () => {
    const step = fc.oneof({ arbitrary: fc.constant('push'), weight: 3 }, fc.constant('take'), {
      arbitrary: fc.constant('end'),
      weight: 1,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const queue = new SteeringQueue();
        const flags: boolean[] = [];
        queue.onChange = (waiting) => void flags.push(waiting);
        const pushed: Promise<[string, boolean]>[] = [];
        const taken: string[] = [];
        for (const [index, what] of steps.entries()) {
          if (what === 'push') pushed.push(queue.push(`${index}`).then((heard) => [`${index}`, heard]));
          else if (what === 'take') taken.push(...queue.take());
          else queue.end();
        }
        queue.end();
        const outcomes = await Promise.all(pushed);
        expect(taken).toEqual(outcomes.filter(([, heard]) => heard).map(([text]) => text));
        // The flag never says the same twice.
        expect(flags.every((flag, index) => flag === (index % 2 === 0))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
