import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunHandle } from 'autonomous-orchestration';
import { describe, expect, it, vi } from 'vitest';
import type { RunPausing } from '../../../../src/core/orchestration/contract/run-handle.js';
import { endedRun } from '../../../../src/core/orchestration/contract/run-handle.js';
import { RunPause } from '../../../../src/core/orchestration/run/pause.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { errorOf } from '../../../support/errors.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { createdSession } from '../../../support/sessions.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A run that can be frozen, and the steps of that in their order. */
function scene({
  status = 'running',
  change = {},
  cannot = false,
}: {
  status?: 'running' | 'paused';
  change?: Partial<RunPausing>;
  /** Whether the run cannot be frozen. */
  cannot?: boolean;
} = {}) {
  const done: string[] = [];
  const pausing: RunPausing = {
    paused: false,
    async pause() {
      done.push('freeze');
    },
    async resume() {
      done.push('thaw');
    },
    ...change,
  };
  const handle = { ...endedRun({}), ...(cannot ? {} : { pausing }) };
  const requests = {
    pause: () => void done.push('deadlines stop'),
    resume: () => {
      done.push('deadlines go on');
      return new Map([['r', 9]]);
    },
  };
  const whileUnderWay = vi.fn((work: (handle: RunHandle) => Promise<void>) => work(handle));
  const record = new FakeRecord({
    session: { ...createdSession({ id: 'abcdefghijkl' }), status },
    clock: { now: () => 7 },
  });
  record.onChange((_, { type }) => void done.push(type));
  const heldFile = join(tempFolder(), 'held');
  const freeze = new RunPause({ record, requests, heldFile, control: { whileUnderWay } });
  return { freeze, done, record, pausing, whileUnderWay, handle, heldFile };
}

it('pause() freezes the agent, then the deadlines, then the record; resume() has the same order', async () => {
  const { freeze, done, record } = scene();
  await freeze.pause();
  expect(freeze.frozen).toBe(true);
  expect(done.splice(0)).toEqual(['freeze', 'deadlines stop', 'paused']);
  await freeze.resume();
  expect(freeze.frozen).toBe(false);
  expect(done).toEqual(['thaw', 'deadlines go on', 'resumed']);
  expect(record.actions.at(-1)).toEqual({ type: 'resumed', at: 7, deadlines: [['r', 9]] });
});

it('pause() does nothing if the run is already paused, nor does resume() if it is running', async () => {
  const { freeze, done } = scene();
  await freeze.resume();
  await Promise.all([freeze.pause(), freeze.pause()]);
  expect(done).toEqual(['freeze', 'deadlines stop', 'paused']);
});

it('pause() and resume() run one after the other, even if the first is slow or fails', async () => {
  const gate = deferred<void>();
  const pause = vi.fn().mockRejectedValueOnce(new Error('no')).mockReturnValueOnce(gate.promise);
  const { freeze, done } = scene({ change: { pause } });
  const calls = [freeze.pause(), freeze.pause(), freeze.resume()];
  await expect(calls[0]).rejects.toThrow('no');
  await vi.waitUntil(() => pause.mock.calls.length === 2, 30_000);
  expect(done).toEqual([]);
  gate.resolve();
  await Promise.all(calls.slice(1));
  expect(done).toEqual(['deadlines stop', 'paused', 'thaw', 'deadlines go on', 'resumed']);
});

it('pause() rejects and changes nothing if the run is not under way or cannot be frozen', async () => {
  const ending = scene();
  ending.whileUnderWay.mockRejectedValue(new Error('it ends'));
  await expect(ending.freeze.pause()).rejects.toThrow('it ends');
  const { freeze, done } = scene({ cannot: true });
  const { message } = await errorOf(freeze.pause(), 'ILLEGAL_TRANSITION');
  expect(message).toBe('Session abcdefghijkl cannot be paused: its executor has no means for that.');
  expect([...done, ...ending.done]).toEqual([]);
});

it.each<['running' | 'paused', boolean, string[]]>([
  ['running', false, []],
  ['running', true, ['deadlines stop', 'paused']],
  ['paused', true, ['deadlines stop']],
  ['paused', false, ['resumed']],
])("an adopted run's real state wins over the record: record %s, found frozen %s", (status, paused, expected) => {
  const { freeze, done, pausing } = scene({ status });
  freeze.syncWith({ pausing: { ...pausing, paused } });
  expect(freeze.frozen).toBe(paused);
  expect(done).toEqual(expected);
});

describe('a run that is held until its log is read', () => {
  it('hold() freezes and release() resumes the agent, without changes to deadlines and record', async () => {
    const { freeze, done, heldFile } = scene();
    await freeze.hold();
    await freeze.hold();
    expect(freeze.frozen).toBe(false);
    expect(existsSync(heldFile)).toBe(true);
    await freeze.release();
    await freeze.release();
    expect(done).toEqual(['freeze', 'thaw']);
    expect(existsSync(heldFile)).toBe(false);
  });

  it('a held run that a person pauses stays frozen after its release', async () => {
    const { freeze, done } = scene();
    await freeze.hold();
    await freeze.pause();
    await freeze.release();
    expect(freeze.frozen).toBe(true);
    expect(done.splice(0)).toEqual(['freeze', 'deadlines stop', 'paused']);
    await freeze.resume();
    expect(done).toEqual(['thaw', 'deadlines go on', 'resumed']);
  });

  it('a held run that a person resumes stays frozen until it is released', async () => {
    const { freeze, done } = scene();
    await freeze.pause();
    await freeze.hold();
    await freeze.resume();
    expect(freeze.frozen).toBe(false);
    expect(done.splice(0)).toEqual(['freeze', 'deadlines stop', 'paused', 'deadlines go on', 'resumed']);
    await freeze.release();
    expect(done).toEqual(['thaw']);
  });

  it('hold() does nothing if the executor cannot freeze the run', async () => {
    const { freeze, done, heldFile } = scene({ cannot: true });
    await freeze.hold();
    await freeze.release();
    expect(done).toEqual([]);
    expect(existsSync(heldFile)).toBe(false);
  });

  it('a held run continues when its process detaches, unless a person has paused it', async () => {
    const running = scene();
    await running.freeze.hold();
    await running.freeze.letGo(running.handle);
    expect(running.done).toEqual(['freeze', 'thaw']);
    const paused = scene();
    await paused.freeze.pause();
    await paused.freeze.hold();
    await paused.freeze.letGo(paused.handle);
    expect(paused.done).toEqual(['freeze', 'deadlines stop', 'paused']);
  });

  it.each<['running' | 'paused', boolean, boolean, string[]]>([
    ['running', true, false, ['thaw']],
    ['running', false, false, ['thaw']],
    ['paused', true, true, ['deadlines stop']],
  ])(
    'the next process does not record a held run as paused: record %s, container frozen %s',
    async (status, paused, frozen, expected) => {
      const { freeze, done, heldFile, pausing } = scene({ status });
      writeFileSync(heldFile, '');
      freeze.syncWith({ pausing: { ...pausing, paused } }, await freeze.wasHeld());
      await freeze.release();
      expect(freeze.frozen).toBe(frozen);
      expect(done).toEqual(expected);
      expect(existsSync(heldFile)).toBe(false);
    },
  );
});
