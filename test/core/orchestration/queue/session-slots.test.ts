import { setImmediate as settled } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { SessionSlots } from '../../../../src/core/orchestration/queue/session-slots.js';

function scene({ maxConcurrent = 1, releaseSlotWhileWaiting = true } = {}) {
  const started: string[] = [];
  const changed: string[] = [];
  const slots = new SessionSlots({
    maxConcurrent,
    maxQueued: 10,
    releaseSlotWhileWaiting,
    onStart: (id) => started.push(id),
    onChange: (id) => changed.push(id),
  });
  return { slots, started, changed };
}

it('a released slot goes to the queue, and the session that released it gets the next free slot', async () => {
  const { slots, started, changed } = scene();
  for (const id of ['a', 'b', 'c']) slots.enqueue(id);
  const slot = slots.slotOf('a');
  expect(slot.isHeld).toBe(true);
  slot.release('children');
  expect([slot.isHeld, started, changed]).toEqual([false, ['b'], ['a']]);

  const back = slot.reclaim();
  const isBack = vi.fn();
  void Promise.resolve(back).then(isBack);
  await settled();
  expect(isBack).not.toHaveBeenCalled();
  expect(slots.status()).toMatchObject({ running: 1, items: [{ id: 'c', position: 1 }] });
  slots.leave('b');
  await settled();
  expect(isBack).toHaveBeenCalledOnce();
  // A session that gets its slot back is not started again.
  expect([slot.isHeld, started, changed]).toEqual([true, ['b'], ['a', 'a']]);
  slots.leave('a');
  expect(started).toEqual(['b', 'c']);
});

it.each([true, false])(
  'a session that waits for a person keeps its slot unless releaseSlotWhileWaiting is set: %s',
  (releaseSlotWhileWaiting) => {
    const { slots } = scene({ releaseSlotWhileWaiting });
    expect(slots.keepsSlot('person')).toBe(!releaseSlotWhileWaiting);
    expect([slots.keepsSlot('children'), slots.keepsSlot('slot')]).toEqual([false, false]);
  },
);

it('a session that reclaims its slot gets a free slot at once', () => {
  const { slots, changed } = scene();
  slots.enqueue('a');
  const slot = slots.slotOf('a');
  slot.release('children');
  expect(slot.reclaim()).toBe(true);
  expect([slot.isHeld, changed]).toEqual([true, ['a', 'a']]);
});

it.each([
  [false, 'person', true],
  [true, 'person', false],
  [false, 'children', false],
] as const)(
  'with releaseSlotWhileWaiting %s, a session that waits for %s keeps its slot: %s',
  (release, waitingFor, held) => {
    const { slots } = scene({ releaseSlotWhileWaiting: release });
    slots.enqueue('a');
    const slot = slots.slotOf('a');
    slot.release(waitingFor);
    expect(slot.isHeld).toBe(held);
  },
);

it('a session that has left gets no slot, even if its slot is reclaimed later', async () => {
  const { slots, changed } = scene();
  slots.enqueue('a');
  const slot = slots.slotOf('a');
  slot.release('children');
  expect(slots.leave('a')).toBe(false);
  const isBack = vi.fn();
  void Promise.resolve(slot.reclaim()).then(isBack);
  await settled();
  expect(isBack).not.toHaveBeenCalled();
  expect(slots.status().running).toBe(0);
  expect(changed).toEqual(['a']);
});

it('a session that leaves while it reclaims its slot does not get the slot', () => {
  const { slots, started } = scene();
  for (const id of ['a', 'b', 'c']) slots.enqueue(id);
  const slot = slots.slotOf('a');
  slot.release('children');
  void slot.reclaim();
  slots.leave('a');
  slots.leave('b');
  expect(started).toEqual(['b', 'c']);
  expect(slots.isRunning('a')).toBe(false);
});

it('a session that has ended keeps its slot until it leaves, and gets none if it rests', async () => {
  const { slots, started, changed } = scene({ maxConcurrent: 2 });
  for (const id of ['a', 'leader', 'c', 'd']) slots.enqueue(id);
  const [slot, leading] = [slots.slotOf('a'), slots.slotOf('leader')];
  leading.release('children');
  for (const id of ['a', 'leader']) slots.ending(id);
  slot.release('children');
  const isBack = vi.fn();
  void Promise.resolve(leading.reclaim()).then(isBack);
  expect([started, changed, slots.isRunning('a')]).toEqual([['c'], ['leader'], true]);
  slots.leave('a');
  await settled();
  expect([started, slots.isRunning('leader')]).toEqual([['c', 'd'], false]);
  expect(isBack).not.toHaveBeenCalled();
});

it('a session that ends while it reclaims its slot does not get the slot', async () => {
  const { slots, started } = scene();
  for (const id of ['a', 'b', 'c']) slots.enqueue(id);
  const slot = slots.slotOf('a');
  slot.release('children');
  const isBack = vi.fn();
  void Promise.resolve(slot.reclaim()).then(isBack);
  slots.ending('a');
  slots.leave('b');
  await settled();
  expect([started, slots.isRunning('a')]).toEqual([['b', 'c'], false]);
  expect(isBack).not.toHaveBeenCalled();
});

it('releasing the slot of an earlier run does not release the slot of the next run', () => {
  const { slots } = scene();
  slots.enqueue('a');
  const earlier = slots.slotOf('a');
  expect(slots.readmit('a')).toEqual({ status: 'starting' });
  const slot = slots.slotOf('a');
  earlier.release('children');
  expect([earlier.isHeld, slot.isHeld]).toEqual([false, true]);
});

it('a session that is readmitted keeps its slot, takes a free slot, or waits in the queue', () => {
  const { slots, started } = scene({ maxConcurrent: 2 });
  for (const id of ['a', 'b']) slots.enqueue(id);
  expect(slots.readmit('a')).toEqual({ status: 'starting' });
  expect(slots.status().running).toBe(2);
  slots.slotOf('a').release('children');
  expect(slots.readmit('a')).toEqual({ status: 'starting' });
  expect(slots.status().running).toBe(2);

  const slot = slots.slotOf('a');
  for (const id of ['c', 'd']) slots.enqueue(id);
  slot.release('children');
  void slot.reclaim();
  expect(slots.readmit('a')).toEqual({ status: 'queued', position: 2 });
  expect(slots.positionOf('a')).toBe(2);
  for (const id of ['b', 'c']) slots.leave(id);
  expect(started).toEqual(['c', 'd', 'a']);
});

it('while the queue stands still, no slot is free for a session that asks for one, and those that had one get it first', async () => {
  const { slots, started } = scene({ maxConcurrent: 3 });
  slots.enqueue('a');
  const slot = slots.slotOf('a');
  slot.release('children');
  const moveOn = slots.standStill();
  expect(slots.enqueue('new')).toEqual({ status: 'queued', position: 1 });
  expect(slots.readmit('woken')).toEqual({ status: 'queued', position: 2 });
  const isBack = vi.fn();
  void Promise.resolve(slot.reclaim()).then(isBack);
  slots.occupy('running');
  slots.occupy('also running');
  await settled();
  expect([isBack.mock.calls.length, slots.status(0).running, started]).toEqual([0, 2, []]);
  moveOn();
  await settled();
  expect([isBack.mock.calls.length, slots.status(0).running, started]).toEqual([1, 3, []]);
  slots.leave('running');
  slots.fill();
  expect([slots.status(0).running, started]).toEqual([3, ['new']]);
});
