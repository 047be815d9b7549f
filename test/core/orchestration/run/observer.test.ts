import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { endedRun } from '../../../../src/core/orchestration/contract/run-handle.js';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import type { SessionSpec } from '../../../../src/core/orchestration/contract/session-spec.js';
import type { IgnoreRules } from '../../../../src/core/orchestration/git/ignored/ignore-rules.js';
import type { RunGuard } from '../../../../src/core/orchestration/guard/run-guard.js';
import { RunObserver } from '../../../../src/core/orchestration/run/observer.js';
import { RunProgress } from '../../../../src/core/orchestration/session/run-progress.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { eventually } from '../../../support/eventually.js';
import { FakeRecord } from '../../../support/fake-record.js';
import { tempFolder } from '../../../support/temp-folder.js';

it('the observer is caught up only after the ignore rules of the last commit have been read', async () => {
  const folder = new SessionFolder(tempFolder(), 'abcdefghijkl');
  await folder.create();
  const record = new FakeRecord();
  const read = deferred<void>();
  const order: string[] = [];
  const ignoreRules = {
    begin: () => void order.push('begun'),
    settled: () => read.promise,
    detach() {},
  } as Partial<IgnoreRules> as IgnoreRules;
  const observer = new RunObserver({
    request: { spec: { limits: {} } as SessionSpec, session: record.session, folder },
    record,
    control: { stopping: false, stop() {}, hold() {}, release() {} },
    guard: { ready: async () => {}, settle() {}, inspect: () => [] } as unknown as RunGuard,
    limits: { observe() {}, alive() {} },
    progress: new RunProgress(),
    lease: { after() {} },
    ignoreRules,
    prices: {},
  });
  onTestFinished(() => observer.close());
  await observer.before({ docker: false, dockerImage: '', cwd: tempFolder() });
  await observer.start(endedRun({}), { offset: 0, replay: undefined });
  void observer.caughtUp.then(() => order.push('caught up'));
  await new Promise((resolve) => setImmediate(resolve));
  order.push('read');
  read.resolve();
  await eventually(() => expect(order).toEqual(['begun', 'read', 'caught up']));
});

it('a usage limit whose reset is over is reported once in a run, and not for lines that are read again', async () => {
  const window = { status: 'rejected', rateLimitType: 'five_hour', resetsAt: Math.floor(Date.now() / 1_000) - 3_600 };
  const line = `${JSON.stringify({ type: 'rate_limit_event', rate_limit_info: window })}\n`;
  for (const replay of [undefined, { onHostLost: 'deny' } as const]) {
    const folder = new SessionFolder(tempFolder(), 'abcdefghijkl');
    await folder.create();
    writeFileSync(folder.log, line.repeat(3));
    const record = new FakeRecord();
    const observer = new RunObserver({
      request: { spec: { limits: {} } as SessionSpec, session: record.session, folder },
      record,
      control: { stopping: false, stop() {}, hold() {}, release() {} },
      guard: {
        ready: async () => {},
        settle() {},
        inspect: (observations: unknown) => observations,
      } as unknown as RunGuard,
      limits: { observe() {}, alive() {} },
      progress: new RunProgress(),
      lease: { after() {} },
      ignoreRules: { begin() {}, settled: async () => {}, detach() {} } as Partial<IgnoreRules> as IgnoreRules,
      prices: {},
    });
    onTestFinished(() => observer.close());
    await observer.before({ docker: false, dockerImage: '', cwd: tempFolder() });
    await observer.start(endedRun({}), { offset: 0, replay });
    await observer.caughtUp;
    const seen = record.actions.flatMap((action) => (action.type === 'observed' ? action.observations : []));
    expect(seen.filter(({ kind }) => kind === 'usage-window')).toHaveLength(3);
    const past = seen.filter((observation) => observation.kind === 'error' && observation.code === 'reset_past');
    expect(past).toHaveLength(replay ? 0 : 1);
  }
});
