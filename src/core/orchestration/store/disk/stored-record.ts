import type { SessionMetadata } from '../../session/metadata.js';
import type { UnifiedSession } from '../../session/record.js';
import { isActive, STATUSES } from '../../session/status.js';
import { hasOpenRun } from '../../session/transitions.js';
import { deepFrozen } from '../../util/deep-frozen.js';
import { lazily } from '../../util/zod.js';
import { STATE_VERSION } from './stored-spec.js';

/** A session's record on disk. */
export interface StoredRecord {
  readonly version: typeof STATE_VERSION;
  /** Determines which session came first to the queue. */
  readonly ticket: number;
  readonly session: UnifiedSession;
}

/**
 * A record in the form in which it is kept. The log of an open run is read again later. So the metadata in this form are those
 * from before the run.
 */
export function storedRecord(ticket: number, session: UnifiedSession, beforeRun: SessionMetadata): StoredRecord {
  if (!hasOpenRun(session)) return { version: STATE_VERSION, ticket, session };
  const { pendingApproval: _, pendingApprovals: __, pendingQuestions: ___, ...rest } = session;
  const runs = session.runs.map((run, index) => {
    if (index < session.runs.length - 1) return run;
    const { costUsd: _, unpriced: __, tokens: ___, turns: ____, counted: _____, ...known } = run;
    return known;
  });
  return { version: STATE_VERSION, ticket, session: { ...rest, runs, metadata: beforeRun } };
}

/** The record with which an adopting manager begins. Requests that waited for a person will be asked again. */
export function restoredRecord({ session }: StoredRecord): UnifiedSession {
  const { queuePosition: _, ...rest } = session;
  const asked = session.status === 'waiting_feedback' && session.waitingFor === undefined;
  const status = asked ? 'running' : session.status;
  return deepFrozen({ ...(isActive(status) ? rest : session), ...conversationOf(session), status });
}

/** Records of earlier releases have the id of the conversation only as `channelCoderSession`. */
function conversationOf({ channelCoderSession: id }: UnifiedSession): Pick<UnifiedSession, 'conversationId'> {
  return id === undefined ? {} : { conversationId: id };
}

export const storedRecordSchema = lazily((z) =>
  z.looseObject({
    version: z.literal(STATE_VERSION),
    ticket: z.number(),
    session: z.looseObject({
      id: z.string(),
      mode: z.string(),
      status: z.enum(STATUSES),
      createdAt: z.number(),
      environment: z.looseObject({ docker: z.boolean(), dockerImage: z.string(), cwd: z.string() }),
      runs: z.array(z.looseObject({ number: z.number() })),
      metadata: z.looseObject({
        messages: z.number(),
        recentMessages: z.array(z.unknown()),
        toolsUsed: z.array(z.unknown()),
        toolCounts: z.looseObject({}),
        errors: z.array(z.unknown()),
        errorCounts: z.looseObject({}),
        dangers: z.array(z.unknown()),
        diagnostics: z.array(z.unknown()),
      }),
    }),
  }),
);
