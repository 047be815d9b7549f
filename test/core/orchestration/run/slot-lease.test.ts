import { setImmediate as settled } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Slot } from '../../../../src/core/orchestration/queue/slot.js';
import { SlotLease } from '../../../../src/core/orchestration/run/slot-lease.js';
import type { WaitingFor } from '../../../../src/core/orchestration/session/status.js';
import { type Deferred, deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { FakeRecord } from '../../../support/fake-record.js';

/** A slot that other sessions may take while it is not held. */
class FakeSlot implements Slot {
  isHeld: boolean;
  /** Whether no other session has the slot. */
  isFree = true;
  wanted: Deferred<void> | undefined;

  constructor(isHeld: boolean) {
    this.isHeld = isHeld;
  }

  release(): void {
    this.isHeld = false;
  }

  reclaim(): true | Promise<void> {
    if (this.isHeld || this.wanted) throw new Error('it was asked for twice');
    if (this.isFree) {
      this.isHeld = true;
      return true;
    }
    this.wanted = deferred<void>();
    return this.wanted.promise;
  }

  /** Other sessions take the slot or give it back. */
  setFree(isFree: boolean): void {
    this.isFree = isFree;
    if (!isFree || !this.wanted) return;
    this.isHeld = true;
    this.wanted.resolve();
    this.wanted = undefined;
  }
}

function scene(waitingFor?: WaitingFor) {
  const slot = new FakeSlot(waitingFor === undefined);
  const told: string[] = [];
  const record = new FakeRecord();
  record.onChange((_, action) => {
    told.push(action.type === 'resting' ? `waits for ${action.waitingFor}` : action.type);
    if (action.type === 'woken') expect(slot.isHeld, 'a slot when it wakes').toBe(true);
  });
  const rest = new SlotLease(slot, record, waitingFor);
  return { slot, told, rest };
}

/** Whether the promise has resolved by now. */
async function isOver(work: Promise<unknown>): Promise<boolean> {
  let over = false;
  void work.then(() => {
    over = true;
  });
  await settled();
  return over;
}

describe('an orchestrate command that waits for child sessions', () => {
  it('a waiting command gives the slot back, and continues when it has a slot again', async () => {
    const { slot, told, rest } = scene();
    const children = deferred<string>();
    const waiting = rest.during(() => children.promise);
    expect({ held: slot.isHeld, resting: rest.resting, told }).toEqual({
      held: false,
      resting: true,
      told: ['waits for children'],
    });
    slot.setFree(false);
    children.resolve('all done');
    expect(await isOver(waiting)).toBe(false);
    expect(told).toEqual(['waits for children', 'waits for slot']);
    slot.setFree(true);
    expect(await waiting).toBe('all done');
    expect(rest.resting).toBe(false);
    expect(told).toEqual(['waits for children', 'waits for slot', 'woken']);
  });

  it('a wait that fails takes the slot back, too', async () => {
    const { slot, rest } = scene();
    await expect(rest.during(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect([slot.isHeld, rest.resting]).toEqual([true, false]);
  });

  it('a command that finishes first leaves the other command waiting without a slot', async () => {
    const { slot, told, rest } = scene();
    const [one, two] = [deferred<void>(), deferred<void>()];
    const first = rest.during(() => one.promise);
    const second = rest.during(() => two.promise);
    one.resolve();
    await first;
    expect([slot.isHeld, rest.resting, told]).toEqual([false, true, ['waits for children']]);
    two.resolve();
    await second;
    expect([slot.isHeld, rest.resting]).toEqual([true, false]);
  });
});

describe('a tool call of a session with a slot lease', () => {
  it('a tool call changes nothing if no command waits', async () => {
    const { told, rest } = scene();
    await rest.before('one');
    rest.after('one');
    expect(told).toEqual([]);
  });

  it('a tool call that runs beside a waiting command holds a slot until it ends', async () => {
    const { slot, told, rest } = scene();
    const children = deferred<void>();
    const waiting = rest.during(() => children.promise);
    slot.setFree(false);
    const before = rest.before('one');
    expect(await isOver(before)).toBe(false);
    slot.setFree(true);
    await before;
    await rest.before('two');
    expect(slot.isHeld).toBe(true);
    rest.after('one');
    rest.after('unknown');
    expect(slot.isHeld).toBe(true);
    rest.after('two');
    expect(slot.isHeld).toBe(false);
    children.resolve();
    await waiting;
    expect(told).toEqual(['waits for children', 'waits for slot', 'woken', 'waits for children', 'woken']);
  });

  it('a tool call that waits for a slot still gets one when a second command begins to wait', async () => {
    const { slot, rest } = scene();
    const children = deferred<void>();
    const waits = [rest.during(() => children.promise)];
    slot.setFree(false);
    const before = rest.before('one');
    waits.push(rest.during(() => children.promise));
    slot.setFree(true);
    await before;
    expect(slot.isHeld).toBe(true);
    rest.after('one');
    expect(slot.isHeld).toBe(false);
    children.resolve();
    await Promise.all(waits);
  });
});

describe('a second command that waits while tool calls run', () => {
  /** A session in which a command waits, and tool calls have begun beside it. */
  async function beside(...calls: string[]) {
    const given = scene();
    const [children, others] = [deferred<void>(), deferred<void>()];
    const first = given.rest.during(() => children.promise);
    for (const call of calls) await given.rest.before(call);
    return { ...given, children, others, first };
  }

  it('the second command leaves the slot to the running call until that call ends', async () => {
    const { slot, rest, others } = await beside('waits too', 'works');
    void rest.during(() => others.promise);
    expect(slot.isHeld).toBe(true);
    rest.after('works');
    expect(slot.isHeld).toBe(false);
  });

  it('the slot is given back when every running call has a waiting command', async () => {
    const { slot, rest, others } = await beside('one', 'two');
    void rest.during(() => others.promise);
    expect(slot.isHeld).toBe(true);
    void rest.during(() => others.promise);
    expect(slot.isHeld).toBe(false);
  });

  it('the second command has a slot again when it ends, although the first still waits', async () => {
    const { slot, rest, others, children, first } = await beside('waits too');
    const second = rest.during(() => others.promise);
    expect(slot.isHeld).toBe(false);
    others.resolve();
    await second;
    expect([slot.isHeld, rest.resting]).toEqual([true, false]);
    rest.after('waits too');
    expect(slot.isHeld).toBe(false);
    children.resolve();
    await first;
  });

  it('a waiting command whose call was stopped does not count for a later call', async () => {
    const { slot, rest, others } = await beside('stopped');
    void rest.during(() => others.promise);
    rest.after('stopped');
    await rest.before('later');
    expect(slot.isHeld).toBe(true);
  });

  it('calls without a reported end from an earlier wait do not keep a new wait from giving the slot back', async () => {
    const { slot, rest, children, first } = await beside('lost', 'lost, too');
    children.resolve();
    await first;
    void rest.during(() => new Promise(() => {}));
    expect(slot.isHeld).toBe(false);
  });

  it('calls that begin after the last wait ended do not keep a new wait from giving the slot back', async () => {
    const { slot, rest } = scene();
    const children = deferred<void>();
    const first = rest.during(() => children.promise);
    slot.setFree(false);
    const calls = ['one', 'two'].map((call) => rest.before(call));
    children.resolve();
    await settled();
    slot.setFree(true);
    await Promise.all([first, ...calls]);
    void rest.during(() => new Promise(() => {}));
    expect(slot.isHeld).toBe(false);
  });

  it('the oldest calls are forgotten when more calls are open than ever run at once', async () => {
    const made = Array.from({ length: 1_000 }, (_, index) => `made up ${index}`);
    const { slot, rest } = await beside('the oldest', ...made);
    for (const call of made) rest.after(call);
    expect(slot.isHeld).toBe(false);
  });
});

it('an adopted run that was resting rests without a slot, and takes one before it continues', async () => {
  const { slot, told, rest } = scene('children');
  expect(rest.resting).toBe(true);
  await rest.during(async () => {});
  expect([slot.isHeld, told]).toEqual([true, ['woken']]);
});

it('a run whose record is closed keeps its slot and does not rest', () => {
  const slot = new FakeSlot(true);
  const rest = new SlotLease(slot, new FakeRecord({ open: false }));
  rest.rest('person');
  expect([slot.isHeld, rest.resting]).toEqual([true, false]);
});

const step = fc.record({
  kind: fc.constantFrom('wait', 'over', 'before', 'after', 'wake', 'free', 'taken', 'settle', 'settle'),
  pick: fc.nat(5),
});

it('an agent never works without a slot and ends awake, in any order of waits, calls and slot changes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 40, size: 'max' }), async (adopted, steps) => {
      const { slot, told, rest } = scene(adopted ? 'children' : undefined);
      const waits: Deferred<void>[] = [];
      const calls: string[] = [];
      const work: Promise<unknown>[] = [];
      const over = new Set<string>();
      const withoutSlot: string[] = [];
      for (const [index, { kind, pick }] of steps.entries()) {
        if (kind === 'wait') {
          await settled(); // A command comes from a file: calls that may begin have begun by then.
          const children = deferred<void>();
          waits.push(children);
          work.push(rest.during(() => children.promise));
        } else if (kind === 'over') {
          for (const wait of waits.splice(pick, 1)) wait.resolve();
        } else if (kind === 'before') {
          const call = `call ${index}`;
          calls.push(call);
          const begun = rest.before(call).then(() => {
            if (!slot.isHeld && !over.has(call)) withoutSlot.push(call);
          });
          work.push(begun);
        } else if (kind === 'after') {
          for (const call of calls.splice(pick, 1)) {
            over.add(call);
            rest.after(call);
          }
        } else if (kind === 'wake') {
          work.push(rest.wake());
        } else if (kind === 'settle') {
          await settled();
        } else {
          slot.setFree(kind === 'free');
        }
        if (!rest.resting) expect(slot.isHeld, 'a slot while it is awake').toBe(true);
      }
      for (const wait of waits) wait.resolve();
      await settled();
      slot.setFree(true);
      await settled();
      await rest.wake();
      await Promise.all(work);
      expect(withoutSlot, 'calls that began without a slot').toEqual([]);
      expect([rest.resting, slot.isHeld]).toEqual([false, true]);
      // Waits and wakes alternate.
      const changes = told.filter((what) => what !== 'waits for slot');
      const first = adopted ? 'woken' : 'waits for children';
      changes.forEach((what, at) => {
        expect(what === first).toBe(at % 2 === 0);
      });
    }),
    { numRuns: 1_500 },
  );
});
