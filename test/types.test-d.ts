import {
  type DangerContext,
  type DangerLevel,
  type IgnoredPaths,
  type RatedCall,
  rateDanger,
  rateDangers,
} from 'autonomous-orchestration/danger';
import {
  createAutonomousApp,
  type MonitorEvent,
  type MonitoredEvent,
  type STATUS_OF,
} from 'autonomous-orchestration/handlers';
import type { Hono } from 'hono';
import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import type {
  Admission,
  AfterSession,
  AnsweredPart,
  AnsweredQuestion,
  ApprovalSource,
  BlockedItem,
  CacheOption,
  ContainerOptions,
  ContinueOptions,
  CreateSessionOptions,
  Danger,
  DangerRecord,
  Decision,
  Denial,
  DockerOptions,
  ErrorSeverity,
  EventStreamOptions,
  GitIdentityOption,
  GuardRequest,
  KeepEnded,
  ListenerError,
  LoginSource,
  ModelPrice,
  ModelPrices,
  MonitoredSession,
  OrchestrationErrorCode,
  PackageManager,
  PendingQuestion,
  PortOption,
  PublishedPort,
  Question,
  QuestionAnswer,
  QuestionMode,
  QuestionOption,
  QuestionSource,
  QueueChangedEvent,
  QueueItem,
  QueueStatus,
  RunHandle,
  RunHooks,
  RunRequest,
  SessionApprovalEvent,
  SessionCache,
  SessionCreatedEvent,
  SessionDangerEvent,
  SessionDeniedEvent,
  SessionDependency,
  SessionEndedEvent,
  SessionEvent,
  SessionFilter,
  SessionLimits,
  SessionManagerEvents,
  SessionManagerOptions,
  SessionMessageEvent,
  SessionMetadata,
  SessionPausedEvent,
  SessionPriority,
  SessionQuestionEvent,
  SessionRemovedEvent,
  SessionResult,
  SessionResumedEvent,
  SessionRun,
  SessionSetupEvent,
  SessionSpec,
  SessionStatus,
  SessionSteeredEvent,
  Sessions,
  SessionToolEvent,
  SessionToolResultEvent,
  SetupCommand,
  SetupRun,
  TmpfsOption,
  ToolCall,
  ToolPolicy,
  ToolRule,
  ToolUsageRecord,
  TypedId,
  UlimitOption,
  UnifiedSession,
  UnifiedSessionManager,
  UnpricedUsage,
  Verdict,
  VolumeOption,
  WaitOptions,
} from '../src/index.js';
import { AutonomousExecutor, type PlanningExecutor, SimpleQueue, StreamMonitor } from '../src/index.js';

type Payload<Name extends keyof SessionManagerEvents> = Parameters<SessionManagerEvents[Name]>[0];
declare const manager: UnifiedSessionManager;
declare const event: SessionEvent;
declare const session: UnifiedSession;

describe('event names', () => {
  it('each event name has its own payload', () => {
    expectTypeOf<Payload<'session:created'>>().toEqualTypeOf<SessionCreatedEvent>();
    expectTypeOf<Payload<'session:message'>>().toEqualTypeOf<SessionMessageEvent>();
    expectTypeOf<Payload<'session:tool'>>().toEqualTypeOf<SessionToolEvent>();
    expectTypeOf<Payload<'session:tool-result'>>().toEqualTypeOf<SessionToolResultEvent>();
    expectTypeOf<Payload<'session:danger'>>().toEqualTypeOf<SessionDangerEvent>();
    expectTypeOf<Payload<'session:approval'>>().toEqualTypeOf<SessionApprovalEvent>();
    expectTypeOf<Payload<'session:question'>>().toEqualTypeOf<SessionQuestionEvent>();
    expectTypeOf<Payload<'session:denied'>>().toEqualTypeOf<SessionDeniedEvent>();
    expectTypeOf<Payload<'session:steered'>>().toEqualTypeOf<SessionSteeredEvent>();
    expectTypeOf<Payload<'session:paused'>>().toEqualTypeOf<SessionPausedEvent>();
    expectTypeOf<Payload<'session:resumed'>>().toEqualTypeOf<SessionResumedEvent>();
    expectTypeOf<Payload<'session:removed'>>().toEqualTypeOf<SessionRemovedEvent>();
    expectTypeOf<Payload<'queue:changed'>>().toEqualTypeOf<QueueChangedEvent>();
    expectTypeOf<Payload<'event'>>().toEqualTypeOf<SessionEvent>();
    expectTypeOf<Payload<'listener-error'>>().toEqualTypeOf<ListenerError>();
  });

  it('a listener receives the payload of its event', () => {
    manager.on('session:tool', ({ tool }) => expectTypeOf(tool).toEqualTypeOf<ToolUsageRecord>());
    manager.once('queue:changed', ({ queue }) => expectTypeOf(queue).toEqualTypeOf<QueueStatus>());
    manager.on('event', (one) => expectTypeOf(one).toEqualTypeOf<SessionEvent>());
    // @ts-expect-error there is no such event
    manager.on('session:unknown', () => {});
    // @ts-expect-error a message has no tool
    manager.on('session:message', ({ tool }) => tool);
  });

  it('the event names are the types of the events and two more names', () => {
    expectTypeOf<keyof SessionManagerEvents>().toEqualTypeOf<SessionEvent['type'] | 'event' | 'listener-error'>();
  });
});

describe('SessionEvent', () => {
  it('an event is distinguished by its type', () => {
    if (event.type === 'session:tool-result') expectTypeOf(event).toEqualTypeOf<SessionToolResultEvent>();
    if (event.type === 'queue:changed') expectTypeOf(event.queue).toEqualTypeOf<QueueStatus>();
    if (event.type === 'session:failed') expectTypeOf(event.result).toEqualTypeOf<SessionResult>();
    if (event.type === 'session:approval') expectTypeOf(event.by).toEqualTypeOf<ApprovalSource | undefined>();
    if (event.type === 'session:denied') expectTypeOf(event.denial).toEqualTypeOf<Denial>();
    if (event.type === 'session:danger') expectTypeOf(event.danger).toEqualTypeOf<DangerRecord>();
    if (event.type === 'session:paused') expectTypeOf(event.resumeAt).toEqualTypeOf<number | undefined>();
    if (event.type === 'session:started') expectTypeOf(event.run).toEqualTypeOf<SessionRun>();
    expectTypeOf<Extract<SessionEvent, { type: 'session:completed' | 'session:cancelled' }>>().toEqualTypeOf<never>();
    expectTypeOf<SessionEndedEvent['type']>().toEqualTypeOf<
      'session:completed' | 'session:failed' | 'session:cancelled'
    >();
  });

  it('an event always has a session and a time', () => {
    expectTypeOf(event.sessionId).toEqualTypeOf<string>();
    expectTypeOf(event.at).toEqualTypeOf<number>();
  });
});

describe('UnifiedSessionManager', () => {
  type Manager = UnifiedSessionManager;
  it('the manager has the methods of the contract', () => {
    expectTypeOf<ConstructorParameters<typeof UnifiedSessionManager>>().toEqualTypeOf<
      [options?: SessionManagerOptions]
    >();
    expectTypeOf<Manager['create']>().toEqualTypeOf<
      <T = unknown>(options: CreateSessionOptions<T>) => Promise<UnifiedSession<T>>
    >();
    expectTypeOf<Manager['get']>().toEqualTypeOf<
      <T = unknown>(id: string | TypedId<T>) => UnifiedSession<T> | undefined
    >();
    expectTypeOf<Manager['list']>().toEqualTypeOf<(filter?: SessionFilter) => UnifiedSession[]>();
    expectTypeOf<Manager['cancel']>().toEqualTypeOf<(id: string, reason?: string) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['continue']>().toEqualTypeOf<
      (id: string, feedback: string, options?: ContinueOptions) => Promise<UnifiedSession>
    >();
    expectTypeOf<Manager['pause']>().toEqualTypeOf<(id: string) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['resume']>().toEqualTypeOf<(id: string) => Promise<UnifiedSession>>();
    expectTypeOf<Manager['steer']>().toEqualTypeOf<(id: string, message: string) => Promise<void>>();
    expectTypeOf<Manager['approve']>().toEqualTypeOf<
      (id: string, requestId: string, note?: string) => Promise<UnifiedSession>
    >();
    expectTypeOf<Manager['deny']>().toEqualTypeOf<
      (id: string, requestId: string, reason?: string) => Promise<UnifiedSession>
    >();
    expectTypeOf<Manager['answer']>().toEqualTypeOf<
      (id: string, questionId: string, answers: readonly QuestionAnswer[]) => Promise<UnifiedSession>
    >();
    expectTypeOf<Sessions['answer']>().toEqualTypeOf<Manager['answer']>();
    expectTypeOf<SessionManagerOptions['git']>().toEqualTypeOf<GitIdentityOption | undefined>();
    expectTypeOf<CreateSessionOptions['git']>().toEqualTypeOf<GitIdentityOption | undefined>();
    expectTypeOf<SessionManagerOptions['questions']>().toEqualTypeOf<QuestionMode | undefined>();
    expectTypeOf<CreateSessionOptions['questions']>().toEqualTypeOf<QuestionMode | undefined>();
    expectTypeOf({
      branch: 'x',
      base: 'HEAD~1',
      copy: ['.env'],
      include: [],
      submodules: 'recursive' as const,
    }).toExtend<NonNullable<CreateSessionOptions['worktree']>>();
    expectTypeOf<Manager['remove']>().toEqualTypeOf<
      (id: string, options?: { force?: boolean }) => Promise<UnifiedSession>
    >();
    expectTypeOf<Sessions['remove']>().toEqualTypeOf<Manager['remove']>();
    expectTypeOf<SessionManagerOptions['keepEnded']>().toEqualTypeOf<KeepEnded | undefined>();
    expectTypeOf<SessionManagerOptions['login']>().toEqualTypeOf<LoginSource | false | undefined>();
    expectTypeOf<LoginSource>().toEqualTypeOf<{ readonly envFile: string } | { readonly command: string }>();
    // A session gives its own login in docker.env.
    expectTypeOf<CreateSessionOptions>().not.toHaveProperty('login');
    expectTypeOf<KeepEnded>().toEqualTypeOf<{ count?: number; days?: number }>();
    expectTypeOf<Manager['waitFor']>().toEqualTypeOf<
      <T = unknown>(id: string | TypedId<T>, options?: WaitOptions) => Promise<UnifiedSession<T>>
    >();
    expectTypeOf<SessionManagerOptions['prices']>().toEqualTypeOf<ModelPrices | undefined>();
    expectTypeOf<ModelPrices[string]>().toEqualTypeOf<ModelPrice>();
    expectTypeOf<SessionRun['unpriced']>().toEqualTypeOf<UnpricedUsage | undefined>();
    expectTypeOf<Manager['events']>().toEqualTypeOf<
      (options?: EventStreamOptions) => AsyncIterableIterator<SessionEvent>
    >();
    expectTypeOf<ReturnType<Manager['events']>>().toExtend<AsyncIterable<SessionEvent>>();
    expectTypeOf<Manager['queueStatus']>().toEqualTypeOf<() => QueueStatus>();
    expectTypeOf<Manager['close']>().toEqualTypeOf<(options?: { sessions?: 'detach' | 'cancel' }) => Promise<void>>();
    expectTypeOf<Manager>().toExtend<AsyncDisposable>();
  });

  it.each<Sessions>([])(
    'a schema types the result, from create() to waitFor(), wherever the manager is',
    async (sessions) => {
      const schema = z.object({ title: z.string(), tags: z.array(z.string()).default([]), at: z.coerce.date() });
      type Asked = { title: string; tags?: string[] | undefined; at?: unknown };
      const created = await sessions.create({ prompt: 'hello', output: schema });
      const ended = await sessions.waitFor(created.id);
      expectTypeOf(ended.result?.output).toEqualTypeOf<z.input<typeof schema> | undefined>();
      expectTypeOf(ended.result?.output?.title).toEqualTypeOf<string | undefined>();
      expectTypeOf<z.input<typeof schema>>().toExtend<Asked>();
      expectTypeOf(sessions.get(created.id)?.result?.output).toEqualTypeOf<z.input<typeof schema> | undefined>();
      expectTypeOf(created.id).toExtend<string>();
      expectTypeOf(ended).toExtend<UnifiedSession>();
      const byManager = await manager.waitFor(
        (await manager.create({ prompt: 'hello', output: z.array(z.number()) })).id,
      );
      expectTypeOf(byManager.result?.output).toEqualTypeOf<number[] | undefined>();
    },
  );

  it.each<Sessions>([])(
    'without a Standard Schema, ids are strings and the result can be anything',
    async (sessions) => {
      const created = await sessions.create({ prompt: 'hello', output: { type: 'object' } });
      expectTypeOf(created.id).toEqualTypeOf<string>();
      expectTypeOf((await sessions.waitFor(created.id)).result?.output).toEqualTypeOf<unknown>();
      expectTypeOf((await sessions.waitFor('some id')).result?.output).toEqualTypeOf<unknown>();
      expectTypeOf(created).toEqualTypeOf<UnifiedSession>();
      // @ts-expect-error no such effort
      void sessions.create({ prompt: 'hello', effort: 'huge' });
      // @ts-expect-error a schema is no text
      void sessions.create({ prompt: 'hello', output: '{}' });
    },
  );

  it('waitFor() and list() accept one status or several', () => {
    expectTypeOf<WaitOptions['status']>().toEqualTypeOf<SessionStatus | readonly SessionStatus[] | undefined>();
    expectTypeOf<WaitOptions['signal']>().toEqualTypeOf<AbortSignal | undefined>();
    expectTypeOf<SessionFilter['status']>().toEqualTypeOf<SessionStatus | readonly SessionStatus[] | undefined>();
  });

  it('create() refuses options that do not exist', () => {
    // @ts-expect-error a typing error
    void manager.create({ promt: 'hello' });
    // @ts-expect-error no such mode
    void manager.create({ prompt: 'hello', mode: 'fast' });
    // @ts-expect-error no such decision
    void manager.create({ prompt: 'hello', policy: { dangerous: 'maybe' } });
    // @ts-expect-error a typing error
    void manager.create({ prompt: 'hello', limits: { costUSD: 1 } });
    // @ts-expect-error a rule decides
    void manager.create({ prompt: 'hello', policy: { rules: [{ tool: 'Bash' }] } });
  });
});

describe('the parts of a manager on their own', () => {
  it('a StreamMonitor emits the events of a session with metadata in place of the record', () => {
    const monitor = new StreamMonitor();
    expectTypeOf(monitor.monitorSession).toEqualTypeOf<(session: MonitoredSession) => () => void>();
    expectTypeOf<UnifiedSession>().toExtend<MonitoredSession>();
    expectTypeOf<{ id: string; logFile: string }>().toExtend<MonitoredSession>();
    monitor.on('session:tool', ({ tool, metadata }) => {
      expectTypeOf(tool).toEqualTypeOf<ToolUsageRecord>();
      expectTypeOf(metadata).toEqualTypeOf<SessionMetadata>();
    });
    monitor.on('session:error', ({ error }) => expectTypeOf(error.severity).toEqualTypeOf<ErrorSeverity>());
    monitor.on('session:usage', ({ costUsd }) => expectTypeOf(costUsd).toEqualTypeOf<number | undefined>());
    monitor.on('session:result', ({ result }) => expectTypeOf(result.isError).toEqualTypeOf<boolean>());
    monitor.on('monitor-error', ({ error }) => expectTypeOf(error).toBeUnknown());
    monitor.on('event', (one) => {
      if (one.type === 'session:message') expectTypeOf(one.text).toEqualTypeOf<string>();
    });
    // @ts-expect-error only a manager knows of approvals
    monitor.on('session:approval', () => {});
  });

  it('a SimpleQueue knows the type of its items', () => {
    interface Build extends QueueItem {
      branch: string;
    }
    const queue = new SimpleQueue<Build>({ onError: (_, { branch }) => expectTypeOf(branch).toEqualTypeOf<string>() });
    expectTypeOf(queue.enqueue).toEqualTypeOf<(item: Build) => Promise<Admission>>();
    expectTypeOf<Extract<Admission, { status: 'queued' }>['position']>().toEqualTypeOf<number>();
    // @ts-expect-error a build needs a branch
    void queue.enqueue({ id: 'one', run() {} });
  });

  it('an AutonomousExecutor needs no options and creates sessions', () => {
    expectTypeOf<ConstructorParameters<typeof AutonomousExecutor>>().toEqualTypeOf<
      ConstructorParameters<typeof PlanningExecutor>
    >();
    expectTypeOf(new AutonomousExecutor().create).toEqualTypeOf<UnifiedSessionManager['create']>();
    expectTypeOf(new AutonomousExecutor({}).sessions).toEqualTypeOf<Sessions>();
  });

  it('setup and caches are options of a session and of a manager, and the record says what became of them', () => {
    expectTypeOf<CreateSessionOptions['setup']>().toEqualTypeOf<readonly SetupCommand[] | undefined>();
    expectTypeOf<SessionManagerOptions['setup']>().toEqualTypeOf<CreateSessionOptions['setup']>();
    expectTypeOf<CreateSessionOptions['caches']>().toEqualTypeOf<
      readonly (PackageManager | CacheOption)[] | undefined
    >();
    expectTypeOf<SessionManagerOptions['caches']>().toEqualTypeOf<CreateSessionOptions['caches']>();
    expectTypeOf<SessionRun['setup']>().toEqualTypeOf<readonly SetupRun[] | undefined>();
    expectTypeOf<SessionRun['ports']>().toEqualTypeOf<readonly PublishedPort[] | undefined>();
    expectTypeOf<SessionSetupEvent['state']>().toEqualTypeOf<'begun' | 'output' | 'ended'>();
    expectTypeOf<SessionSpec['caches']>().toEqualTypeOf<readonly SessionCache[] | undefined>();
  });

  it('the options of a container are options of docker', () => {
    expectTypeOf<DockerOptions>().toExtend<ContainerOptions>();
    expectTypeOf<DockerOptions['volumes']>().toEqualTypeOf<VolumeOption[] | undefined>();
    expectTypeOf<DockerOptions['tmpfs']>().toEqualTypeOf<TmpfsOption[] | undefined>();
    expectTypeOf<DockerOptions['ports']>().toEqualTypeOf<PortOption[] | undefined>();
    expectTypeOf<DockerOptions['ulimits']>().toEqualTypeOf<Record<string, number | UlimitOption> | undefined>();
  });

  it('docker accepts a boolean or options', () => {
    expectTypeOf<CreateSessionOptions['after']>().toEqualTypeOf<readonly AfterSession[] | undefined>();
    expectTypeOf<CreateSessionOptions['priority']>().toEqualTypeOf<SessionPriority | undefined>();
    expectTypeOf<CreateSessionOptions['notBefore']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<UnifiedSession['after']>().toEqualTypeOf<readonly SessionDependency[] | undefined>();
    expectTypeOf<QueueStatus['blocked']>().toEqualTypeOf<readonly BlockedItem[] | undefined>();
    expectTypeOf<CreateSessionOptions['docker']>().toEqualTypeOf<boolean | Partial<DockerOptions> | undefined>();
    expectTypeOf<UnifiedSession['conversationId']>().toEqualTypeOf<UnifiedSession['channelCoderSession']>();
  });
});

describe('policies and limits', () => {
  it('policy and limits are options of a session, and the policy also of the manager', () => {
    expectTypeOf<CreateSessionOptions['policy']>().toEqualTypeOf<ToolPolicy | undefined>();
    expectTypeOf<SessionManagerOptions['policy']>().toEqualTypeOf<ToolPolicy | undefined>();
    expectTypeOf<CreateSessionOptions['limits']>().toEqualTypeOf<SessionLimits | undefined>();
    expectTypeOf<Decision>().toEqualTypeOf<'allow' | 'ask' | 'deny'>();
    expectTypeOf<ToolRule['matches']>().toEqualTypeOf<RegExp | ((call: ToolCall) => boolean) | undefined>();
    expectTypeOf<ApprovalSource>().toEqualTypeOf<'person' | 'timeout' | 'end'>();
    expectTypeOf<Denial['by']>().toEqualTypeOf<'policy' | ApprovalSource>();
  });

  it('a policy can be a constant', () => {
    const policy = { rules: [{ tool: 'Bash', matches: /x/, decision: 'ask' }], dangerous: 'ask' } as const;
    expectTypeOf(policy).toExtend<ToolPolicy>();
  });
});

describe('autonomous-orchestration/danger', () => {
  it('rateDanger() rates one call and rateDangers() several calls', () => {
    expectTypeOf(rateDanger).toEqualTypeOf<(call: RatedCall, context: DangerContext) => Danger | undefined>();
    expectTypeOf(rateDangers).toEqualTypeOf<
      (calls: readonly RatedCall[], context: DangerContext) => (Danger | undefined)[]
    >();
    expectTypeOf<Danger['level']>().toExtend<DangerLevel>();
    expectTypeOf<DangerContext['ignored']>().toEqualTypeOf<IgnoredPaths | undefined>();
  });

  it('rateDanger() accepts the calls of the main entry and needs a workspace', () => {
    expectTypeOf<ToolCall>().toExtend<RatedCall>();
    // @ts-expect-error nobody knows where the command runs
    rateDanger({ tool: 'Bash', input: {} }, {});
  });
});

describe('an executor that a user writes', () => {
  it('an executor asks through the hooks of its request', () => {
    expectTypeOf<RunRequest['hooks']>().toEqualTypeOf<RunHooks>();
    expectTypeOf<ReturnType<RunHooks['beforeTool']>>().toEqualTypeOf<Promise<Verdict>>();
    expectTypeOf<Extract<Verdict, { allowed: false }>['reason']>().toEqualTypeOf<string>();
  });

  it('an executor needs no pause, no guard and nothing to remove', () => {
    expectTypeOf<Pick<RunHandle, 'started' | 'ended' | 'stop' | 'detach'>>().toExtend<RunHandle>();
  });
});

describe('records', () => {
  it('a record has approvals, dangers and usage limits', () => {
    expectTypeOf(session.pendingApproval).toEqualTypeOf<GuardRequest | undefined>();
    expectTypeOf(session.pendingApprovals).toEqualTypeOf<readonly GuardRequest[] | undefined>();
    expectTypeOf(session.pendingQuestions).toEqualTypeOf<readonly PendingQuestion[] | undefined>();
    expectTypeOf(session.answeredQuestions).toEqualTypeOf<readonly AnsweredQuestion[] | undefined>();
    expectTypeOf<PendingQuestion['questions']>().toEqualTypeOf<readonly Question[]>();
    expectTypeOf<Question['options']>().toEqualTypeOf<readonly QuestionOption[]>();
    expectTypeOf<AnsweredQuestion['by']>().toEqualTypeOf<QuestionSource>();
    expectTypeOf<AnsweredQuestion['questions']>().toEqualTypeOf<readonly AnsweredPart[]>();
    expectTypeOf(session.resumeAt).toEqualTypeOf<number | undefined>();
    expectTypeOf<ToolUsageRecord['danger']>().toEqualTypeOf<Danger | undefined>();
    expectTypeOf(session.metadata.dangers).toEqualTypeOf<readonly DangerRecord[]>();
    // The input of an agent can have any shape.
    expectTypeOf<GuardRequest['input']>().toBeUnknown();
    expectTypeOf<Denial['input']>().toBeUnknown();
    expectTypeOf<ToolCall['input']>().toBeUnknown();
  });

  it('a record is read-only at every level', () => {
    // @ts-expect-error read-only
    if (session.pendingApproval) session.pendingApproval.deadline = 1;
    // @ts-expect-error read-only
    session.pendingApprovals?.pop();
    // @ts-expect-error read-only
    session.metadata.dangers.length = 0;
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

describe('handlers', () => {
  it('createAutonomousApp() needs no options, and returns a Hono app with its token', () => {
    expectTypeOf(createAutonomousApp).toBeCallableWith(manager);
    expectTypeOf(createAutonomousApp(manager)).toExtend<Hono>();
    expectTypeOf(createAutonomousApp(manager).token).toEqualTypeOf<string>();
  });

  it('STATUS_OF has a status for each code', () => {
    expectTypeOf<keyof typeof STATUS_OF>().toEqualTypeOf<OrchestrationErrorCode>();
    expectTypeOf<(typeof STATUS_OF)[OrchestrationErrorCode]>().toExtend<number>();
  });

  it('an event of a monitor has the fields of the older contract', () => {
    interface Old {
      type: 'autonomous-event' | 'error';
      taskId: string;
      message?: string;
      event?: { type: string; tool?: string; content?: string; error?: string };
    }
    expectTypeOf<MonitorEvent>().toExtend<Old>();
    expectTypeOf<MonitoredEvent['input']>().toEqualTypeOf<unknown>();
  });
});
