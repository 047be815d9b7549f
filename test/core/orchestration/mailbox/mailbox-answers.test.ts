import { expect, it, onTestFinished, vi } from 'vitest';
import { MailboxAnswers } from '../../../../src/core/orchestration/mailbox/mailbox-answers.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('a wait that begins after close() sends its hook no signs that the process is alive', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const answers = new MailboxAnswers(tempFolder());
  const decided = deferred<string>();
  const before = answers.awaited('before', decided.promise);
  expect(vi.getTimerCount()).toBe(2);
  answers.close();
  const left = vi.getTimerCount();
  const after = answers.awaited('after', decided.promise);
  expect(vi.getTimerCount()).toBe(left);
  decided.resolve('no');
  expect(await Promise.all([before, after])).toEqual(['no', 'no']);
  expect(vi.getTimerCount()).toBe(0);
});
