import { describe, expect, it, vi } from 'vitest';
import { Backlog, type BacklogState } from '../../../../src/core/orchestration/monitoring/backlog.js';
import { fakeClock } from '../../../support/clock.js';

const MB = 1024 * 1024;

function scene() {
  fakeClock();
  const told: BacklogState[] = [];
  const backlog = new Backlog((state) => told.push(state));
  /** A slice of reading that takes `tookMs` and leaves the reader at an offset in a file of `size` bytes. */
  const slice = (offset: number, size: number, tookMs = 2, counts = true): void => {
    vi.advanceTimersByTime(tookMs);
    backlog.left({ offset, size }, tookMs, counts);
  };
  return { backlog, told, slice };
}

describe('Backlog', () => {
  it('reports behind as soon as more than 8 MB are unread', () => {
    const { told, slice } = scene();
    slice(0, 8 * MB);
    expect(told).toEqual([]);
    slice(0, 8 * MB + 1);
    expect(told).toEqual(['behind']);
  });

  it('reports behind when any bytes stay unread for half a second', () => {
    const { told, slice } = scene();
    for (let read = 0; read < 250; read++) slice(read, 1_000);
    expect(told).toEqual([]);
    slice(251, 1_000);
    slice(252, 1_000);
    expect(told).toEqual(['behind']);
  });

  it('reports nothing when bytes are read within half a second, however fast the log grows', () => {
    const { told, slice } = scene();
    for (let read = 0; read < 10_000; read++) slice(read * 1_000, read * 1_000 + 100_000);
    expect(told).toEqual([]);
  });

  it('reports caught-up when everything is read, for the first time and after each backlog', () => {
    const { backlog, told, slice } = scene();
    backlog.none();
    backlog.none();
    slice(0, 9 * MB);
    slice(5 * MB, 9 * MB);
    backlog.none();
    slice(9 * MB, 9 * MB + 1);
    expect(told).toEqual(['caught-up', 'behind', 'caught-up']);
  });
});

describe('a flood', () => {
  it('a flood is reported once when reading a backlog takes more than ten seconds', () => {
    const { backlog, told, slice } = scene();
    for (let read = 0; read < 5_500; read++) slice(read, 9 * MB);
    expect(told).toEqual(['behind']);
    for (let read = 5_500; read < 11_000; read++) slice(read, 9 * MB);
    expect(told).toEqual(['behind', 'flood']);
    expect(backlog.flooded).toBe(true);
  });

  it('a flood is reported when many backlogs together take more than ten seconds to read', () => {
    const { backlog, told, slice } = scene();
    for (let wave = 0; wave < 20 && !backlog.flooded; wave++) {
      for (let read = 0; read < 500; read++) slice(read, 9 * MB);
      backlog.none();
    }
    expect(told).toContain('flood');
  });

  it('no flood is reported when listeners are only sometimes slow, however long the run takes', () => {
    const { backlog, told, slice } = scene();
    for (let hour = 0; hour < 100; hour++) {
      slice(0, 9 * MB, 3_000);
      backlog.none();
      vi.advanceTimersByTime(3_600_000);
    }
    expect(told).not.toContain('flood');
  });

  it('no flood is reported while the reader reads what the log held when it was opened', () => {
    const { told, slice } = scene();
    for (let read = 0; read < 20_000; read++) slice(read, 900 * MB, 2, false);
    expect(told).toEqual(['behind']);
  });

  it('a flood is reported when the run has ended and the rest takes more than ten seconds to read', () => {
    const { backlog, told, slice } = scene();
    backlog.none();
    backlog.close();
    for (let read = 0; read < 6_000; read++) slice(read, 7_000);
    expect(told).toEqual(['caught-up', 'flood']);
  });
});
