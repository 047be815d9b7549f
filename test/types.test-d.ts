import { describe, expectTypeOf, it } from 'vitest';
import type {
  CreateSessionOptions,
  EventStreamOptions,
  ListenerError,
  QueueChangedEvent,
  QueueStatus,
  SessionCreatedEvent,
  SessionEndedEvent,
  SessionEvent,
  SessionFilter,
  SessionManagerEvents,
  SessionManagerOptions,
  SessionMessageEvent,
  SessionResult,
  SessionRun,
  SessionStatus,
  SessionToolEvent,
  SessionToolResultEvent,
  ToolUsageRecord,
  UnifiedSession,
  UnifiedSessionManager,
  WaitOptions,
} from '../src/index.js';

type Payload<Name extends keyof SessionManagerEvents> = Parameters<SessionManagerEvents[Name]>[0];
declare const manager: UnifiedSessionManager;
declare const event: SessionEvent;
declare const session: UnifiedSession;

describe('event names', () => {
  it('have the payload of their own', () => {
    expectTypeOf<Payload<'session:created'>>().toEqualTypeOf<SessionCreatedEvent>();
    expectTypeOf<Payload<'session:message'>>().toEqualTypeOf<SessionMessageEvent>();
    expectTypeOf<Payload<'session:tool'>>().toEqualTypeOf<SessionToolEvent>();
    expectTypeOf<Payload<'session:tool-result'>>().toEqualTypeOf<SessionToolResultEvent>();
    expectTypeOf<Payload<'queue:changed'>>().toEqualTypeOf<QueueChangedEvent>();
    expectTypeOf<Payload<'event'>>().toEqualTypeOf<SessionEvent>();
    expectTypeOf<Payload<'listener-error'>>().toEqualTypeOf<ListenerError>();
  });

  it('give listeners their payload', () => {
    manager.on('session:tool', ({ tool }) => expectTypeOf(tool).toEqualTypeOf<ToolUsageRecord>());
    manager.once('queue:changed', ({ queue }) => expectTypeOf(queue).toEqualTypeOf<QueueStatus>());
    manager.on('event', (one) => expectTypeOf(one).toEqualTypeOf<SessionEvent>());
    // @ts-expect-error there is no such event
    manager.on('session:unknown', () => {});
    // @ts-expect-error a message has no tool
    manager.on('session:message', ({ tool }) => tool);
  });

  it('are the types of the events, and two more', () => {
    expectTypeOf<keyof SessionManagerEvents>().toEqualTypeOf<SessionEvent['type'] | 'event' | 'listener-error'>();
  });
});

describe('SessionEvent', () => {
  it('is told apart by its type', () => {
    if (event.type === 'session:tool-result') expectTypeOf(event).toEqualTypeOf<SessionToolResultEvent>();
    if (event.type === 'queue:changed') expectTypeOf(event.queue).toEqualTypeOf<QueueStatus>();
    if (event.type === 'session:failed') expectTypeOf(event.result).toEqualTypeOf<SessionResult>();
    if (event.type === 'session:started') expectTypeOf(event.run).toEqualTypeOf<SessionRun>();
    expectTypeOf<Extract<SessionEvent, { type: 'session:completed' | 'session:cancelled' }>>().toEqualTypeOf<never>();
    expectTypeOf<SessionEndedEvent['type']>().toEqualTypeOf<
      'session:completed' | 'session:failed' | 'session:cancelled'
    >();
  });

  it('always has session, type and time', () => {
    expectTypeOf(event.sessionId).toEqualTypeOf<string>();
    expectTypeOf(event.at).toEqualTypeOf<number>();
  });
});

describe('UnifiedSessionManager', () => {
  type Manager = UnifiedSessionManager;
  it('has the methods of the contract', () => {
    expectTypeOf<ConstructorParameters<typeof UnifiedSessionManager>>().toEqualTypeOf<
      [options?: SessionManagerOptions]
    >();
    expectTypeOf<Manager['create']>().toEqualTypeOf<(options: CreateSessionOptions) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['get']>().toEqualTypeOf<(id: string) => UnifiedSession | undefined>();
    expectTypeOf<Manager['list']>().toEqualTypeOf<(filter?: SessionFilter) => UnifiedSession[]>();
    expectTypeOf<Manager['cancel']>().toEqualTypeOf<(id: string, reason?: string) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['continue']>().toEqualTypeOf<(id: string, feedback: string) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['waitFor']>().toEqualTypeOf<(id: string, options?: WaitOptions) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['events']>().toEqualTypeOf<
      (options?: EventStreamOptions) => AsyncIterableIterator<SessionEvent>
    >();
    expectTypeOf<ReturnType<Manager['events']>>().toExtend<AsyncIterable<SessionEvent>>();
    expectTypeOf<Manager['queueStatus']>().toEqualTypeOf<() => QueueStatus>();
    expectTypeOf<Manager['close']>().toEqualTypeOf<(options?: { sessions?: 'detach' | 'cancel' }) => Promise<void>>();
    expectTypeOf<Manager>().toExtend<AsyncDisposable>();
  });

  it('waits for one status or several', () => {
    expectTypeOf<WaitOptions['status']>().toEqualTypeOf<SessionStatus | readonly SessionStatus[] | undefined>();
    expectTypeOf<WaitOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
    expectTypeOf<SessionFilter['status']>().toEqualTypeOf<SessionStatus | readonly SessionStatus[] | undefined>();
  });

  it('refuses options that do not exist', () => {
    // @ts-expect-error a typing error
    void manager.create({ promt: 'hello' });
    // @ts-expect-error no such mode
    void manager.create({ prompt: 'hello', mode: 'fast' });
  });
});

describe('records', () => {
  it('are read-only through and through', () => {
    // @ts-expect-error read-only
    session.status = 'failed';
    // @ts-expect-error read-only
    session.environment.cwd = '/';
    // @ts-expect-error read-only
    session.runs.push({ number: 1 });
    // @ts-expect-error read-only
    session.metadata.messages = 1;
    // @ts-expect-error read-only
    session.metadata.toolsUsed.length = 0;
    // @ts-expect-error read-only
    session.metadata.toolCounts.Bash = 1;
    // @ts-expect-error read-only
    session.metadata.errorCounts.info = 1;
    const [run] = session.runs;
    // @ts-expect-error read-only
    if (run) run.exitCode = 1;
    // @ts-expect-error read-only
    if (session.metadata.tokens) session.metadata.tokens.input = 1;
    // @ts-expect-error read-only
    if (session.result) session.result.reason = '';
    // @ts-expect-error read-only
    if (event.type === 'session:message') event.text = '';
  });
});
