import type { RunHandle } from 'autonomous-orchestration';
import { expect, it, vi } from 'vitest';
import { deferred } from '../../../src/core/orchestration/deferred.js';
import { RunFreeze } from '../../../src/core/orchestration/run-freeze.js';
import { errorOf } from '../../support/errors.js';
import { createdSession } from '../../support/sessions.js';

/** A run that can be frozen, and the order of what is done for that. */
function scene({ status = 'running', change = {} }: { status?: 'running' | 'paused'; change?: object } = {}) {
  const done: string[] = [];
  const handle = {
    async pause() {
      done.push('freeze');
    },
    async resume() {
      done.push('thaw');
    },
    ...change,
  } as RunHandle;
  const approvals = {
    pause: () => void done.push('deadlines stop'),
    resume: () => {
      done.push('deadlines go on');
      return new Map([['r', 9]]);
    },
  };
  const whileUnderWay = vi.fn((work: (handle: RunHandle) => Promise<void>) => work(handle));
  const dispatch = vi.fn(({ type }: { type: string }) => void done.push(type));
  const session = () => ({ ...createdSession({ id: 'abcdefghijkl' }), status });
  const freeze = new RunFreeze({ approvals, now: () => 7, dispatch, session, whileUnderWay });
  return { freeze, done, dispatch, whileUnderWay };
}

it('freezes the agent, then the deadlines, then the record; and lets them go on in the same order', async () => {
  const { freeze, done, dispatch } = scene();
  await freeze.pause();
  expect(freeze.frozen).toBe(true);
  expect(done.splice(0)).toEqual(['freeze', 'deadlines stop', 'paused']);
  await freeze.resume();
  expect(freeze.frozen).toBe(false);
  expect(done).toEqual(['thaw', 'deadlines go on', 'resumed']);
  expect(dispatch).toHaveBeenLastCalledWith({ type: 'resumed', at: 7, deadlines: new Map([['r', 9]]) });
});

it('does nothing twice', async () => {
  const { freeze, done } = scene();
  await freeze.resume();
  await Promise.all([freeze.pause(), freeze.pause()]);
  expect(done).toEqual(['freeze', 'deadlines stop', 'paused']);
});

it('does one after the other, also where the first takes long or fails', async () => {
  const gate = deferred<void>();
  const pause = vi.fn().mockRejectedValueOnce(new Error('no')).mockReturnValueOnce(gate.promise);
  const { freeze, done } = scene({ change: { pause } });
  const calls = [freeze.pause(), freeze.pause(), freeze.resume()];
  await expect(calls[0]).rejects.toThrow('no');
  await vi.waitUntil(() => pause.mock.calls.length === 2, 10_000);
  expect(done).toEqual([]);
  gate.resolve();
  await Promise.all(calls.slice(1));
  expect(done).toEqual(['deadlines stop', 'paused', 'thaw', 'deadlines go on', 'resumed']);
});

it('changes nothing where the run is not under way, or cannot be frozen', async () => {
  const ending = scene();
  ending.whileUnderWay.mockRejectedValue(new Error('it ends'));
  await expect(ending.freeze.pause()).rejects.toThrow('it ends');
  const { freeze, done } = scene({ change: { pause: undefined } });
  const { message } = await errorOf(freeze.pause(), 'ILLEGAL_TRANSITION');
  expect(message).toBe('Session abcdefghijkl cannot be paused: its executor has no means for that.');
  expect([...done, ...ending.done]).toEqual([]);
});

it.each<['running' | 'paused', boolean, string[]]>([
  ['running', false, []],
  ['running', true, ['deadlines stop', 'paused']],
  ['paused', true, ['deadlines stop']],
  ['paused', false, ['resumed']],
])('believes the run that is found, and not the record: %s, found frozen: %s', (status, paused, expected) => {
  const { freeze, done } = scene({ status });
  freeze.found({ paused });
  expect(freeze.frozen).toBe(paused);
  expect(done).toEqual(expected);
});
