import { describe, expect, it } from 'vitest';
import type { UnifiedSession } from '../../../../../src/core/orchestration/session/record.js';
import type { SessionStatus } from '../../../../../src/core/orchestration/session/status.js';
import {
  restoredRecord,
  type StoredRecord,
  storedRecord,
  storedRecordSchema,
} from '../../../../../src/core/orchestration/store/disk/stored-record.js';
import { unfrozenParts } from '../../../../support/frozen.js';
import {
  afterActions,
  createdSession,
  observed,
  runningSession,
  sessionIn,
  suspendedSession,
} from '../../../../support/sessions.js';

const throughJson = (stored: StoredRecord): StoredRecord => JSON.parse(JSON.stringify(stored));
const leaf = { kind: 'message', text: 'hello', first: true } as const;
const result = {
  kind: 'result',
  subtype: 'success',
  isError: false,
  turns: 2,
  costUsd: 0.5,
  tokens: { input: 1, output: 2, cacheRead: 3, cacheCreation: 4 },
} as const;

const STATUSES: SessionStatus[] = [
  'queued',
  'starting',
  'running',
  'paused',
  'waiting_feedback',
  'completed',
  'failed',
  'cancelled',
];

describe('a stored record', () => {
  it('what is not known of the cost of an open run is read from the log again', () => {
    const before = runningSession();
    const added = { input: 1, output: 0, cacheRead: 0, cacheCreation: 0 };
    const session = observed(before, { kind: 'usage', added, unpriced: 'claude-opus-9' });
    expect(session.runs[0]).toHaveProperty('unpriced');
    const stored = throughJson(storedRecord(7, session, before.metadata));
    expect(stored.session.runs[0]).not.toHaveProperty('unpriced');
    expect(stored.session.metadata).not.toHaveProperty('unpriced');
  });

  it.each([...STATUSES.map((status) => sessionIn(status)), suspendedSession()])(
    'a stored record in status $status is restored, without open questions',
    (session) => {
      const stored = throughJson(storedRecord(7, session, session.metadata));
      expect(storedRecordSchema().safeParse(stored).success).toBe(true);
      expect(stored.ticket).toBe(7);
      const restored = restoredRecord(stored);
      const { pendingApproval: _, pendingApprovals: __, ...rest } = session;
      expect(restored).toEqual({ ...rest, status: session.status === 'waiting_feedback' ? 'running' : session.status });
      expect(unfrozenParts(restored)).toEqual([]);
    },
  );

  it.each(['completed', 'running'] as const)(
    'a record of an earlier release gets conversationId from channelCoderSession: %s',
    (status) => {
      const session = { ...sessionIn(status), channelCoderSession: 'uuid' };
      const stored = throughJson(storedRecord(7, session, session.metadata));
      expect(stored.session).not.toHaveProperty('conversationId');
      expect(restoredRecord(stored)).toMatchObject({ conversationId: 'uuid', channelCoderSession: 'uuid' });
    },
  );

  it('a stored record with an open run has the metadata from before the run, as its log is read again', () => {
    const created = createdSession();
    const first = observed(
      afterActions(created, { type: 'launching', at: 2 }, { type: 'running', at: 3 }),
      leaf,
      result,
    );
    const { session } = throughJson(storedRecord(1, first, created.metadata));
    expect(session.metadata).toEqual(created.metadata);
    expect(session.runs[0]).toEqual({ number: 1, requestedAt: 1, launchedAt: 2, startedAt: 3 });

    const ended = afterActions(first, { type: 'ended', at: 9, status: 'completed', result: { reason: 'success' } });
    const second = observed(
      afterActions(
        ended,
        { type: 'continued', at: 10, feedback: 'more' },
        { type: 'launching', at: 11 },
        { type: 'running', at: 12 },
      ),
      leaf,
      result,
    );
    const again = throughJson(storedRecord(1, second, ended.metadata)).session;
    expect(again.metadata).toEqual(ended.metadata);
    expect(again.runs[0]).toMatchObject({ costUsd: 0.5, turns: 2 });
    expect(again.runs[1]).toEqual({ number: 2, feedback: 'more', requestedAt: 10, launchedAt: 11, startedAt: 12 });
    // When the log is read again, it adds up to the same.
    const replayed = observed(restoredRecord(throughJson(storedRecord(1, second, ended.metadata))), leaf, result);
    expect(replayed.metadata).toMatchObject({ messages: 2, costUsd: 1, turns: 4 });
    expect(replayed.metadata.costUsd).toBe(second.metadata.costUsd);
  });

  it.each<[string, UnifiedSession]>([
    ['a session that has ended', sessionIn('completed')],
    ['a session that waits for its usage limit', suspendedSession()],
    [
      'a session that waits for its next run',
      afterActions(sessionIn('completed'), { type: 'continued', at: 10, feedback: 'm' }),
    ],
  ])('a stored record without an open run has all metadata: %s', (_, session) => {
    const seen = { ...session, metadata: { ...session.metadata, messages: 5 } };
    expect(storedRecord(1, seen, createdSession().metadata).session).toBe(seen);
  });

  it('a stored record has no open questions, because the hooks ask again', () => {
    const waiting = sessionIn('waiting_feedback');
    const { session } = throughJson(storedRecord(1, waiting, waiting.metadata));
    expect(session).not.toHaveProperty('pendingApproval');
    expect(session).not.toHaveProperty('pendingApprovals');
  });

  it.each([
    ['a later version', (stored: StoredRecord) => ({ ...stored, version: 2 })],
    ['no ticket', ({ version, session }: StoredRecord) => ({ version, session })],
    ['an unknown status', (stored: StoredRecord) => ({ ...stored, session: { ...stored.session, status: 'x' } })],
    [
      'a run that is not an object',
      (stored: StoredRecord) => ({ ...stored, session: { ...stored.session, runs: [7] } }),
    ],
    ['half the metadata', (stored: StoredRecord) => ({ ...stored, session: { ...stored.session, metadata: {} } })],
  ])('a stored record with %s is refused', (_, change) => {
    const stored = throughJson(storedRecord(1, runningSession(), createdSession().metadata));
    expect(storedRecordSchema().safeParse(change(stored)).success).toBe(false);
  });
});
