import { randomUUID } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import {
  BaseExecutor,
  OrchestrationError,
  type Preparation,
  type RunEnd,
  type RunHandle,
  type RunRequest,
  type SessionLimits,
  type ToolPolicy,
  type UnifiedSession,
} from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RunPausing } from '../../../../src/core/orchestration/contract/run-handle.js';
import { SessionFolder } from '../../../../src/core/orchestration/contract/session-folder.js';
import { CommittedRules } from '../../../../src/core/orchestration/git/ignored/committed-rules.js';
import { CallLedger } from '../../../../src/core/orchestration/guard/call-ledger.js';
import { DecisionLog } from '../../../../src/core/orchestration/guard/decision-log.js';
import { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { resolveCreateOptions, resolveManagerOptions } from '../../../../src/core/orchestration/options/resolve.js';
import { lastRun } from '../../../../src/core/orchestration/run/live-record.js';
import { Run } from '../../../../src/core/orchestration/run/run.js';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import { resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import { deferred } from '../../../../src/core/orchestration/util/deferred.js';
import { fakeClock } from '../../../support/clock.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';
import { ReducedRecord } from '../../../support/fake-record.js';
import { fakeRun } from '../../../support/fake-run.js';
import { afterActions, createdSession } from '../../../support/sessions.js';
import { tempFolder } from '../../../support/temp-folder.js';

const ID = 'abcdefghijkl';
const CONVERSATION = '11111111-2222-4333-8444-555555555555';
const INIT = { type: 'system', subtype: 'init', session_id: CONVERSATION, model: 'fake' };
const RESULT = { type: 'result', subtype: 'success', is_error: false, result: 'Done.' };
const called = (id: string, command: string): object => ({
  type: 'assistant',
  message: { id: randomUUID(), content: [{ type: 'tool_use', id, name: 'Bash', input: { command } }] },
});
const returned = (id: string, content: string, is_error = false): object => ({
  type: 'user',
  message: { content: [{ type: 'tool_result', tool_use_id: id, content, is_error }] },
});
const said = (text: string): object => ({
  type: 'assistant',
  message: { id: randomUUID(), content: [{ type: 'text', text }] },
});

const LAUNCHED: SessionAction = { type: 'launching', at: 2 };
const PLACED: SessionAction = { type: 'placed', logFile: '/log', logOffset: 0, containerName: 'ao-1' };
const RUNNING: Extract<SessionAction, { type: 'running' }> = {
  type: 'running',
  at: Date.now() - 1_000,
  containerId: 'c',
};

interface Scene {
  /** The actions on record of the adopted run. Default: those of a run that is running. */
  history?: SessionAction[];
  /** The lines that are in the run's log before the adoption. */
  log?: object[];
  /** The handle that the executor finds; undefined if it finds nothing. */
  found?: Partial<RunHandle> | undefined;
  /** Whether the run is found frozen. Default `false`. */
  frozen?: boolean;
  /** Called while the executor looks for the run. */
  finding?: () => Promise<void>;
  /** Called with each change of the record. */
  onChange?: (action: SessionAction) => void;
  policy?: ToolPolicy;
  limits?: SessionLimits;
  /** Writes the files that the previous process has left. */
  left?: (folder: SessionFolder) => Promise<void>;
}

/** A run that another process launched, and that a supervisor adopts. */
async function scene(options: Scene = {}) {
  const { history = [LAUNCHED, PLACED, RUNNING], log = [INIT], policy, limits = {}, left } = options;
  const stateDir = tempFolder();
  const folder = new SessionFolder(stateDir, ID);
  await folder.create();
  const write = (...lines: object[]): void =>
    appendFileSync(folder.log, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  write(...log);
  await left?.(folder);
  const record = new ReducedRecord({ session: afterActions(createdSession({ id: ID }), ...history) });
  record.run = lastRun(record.session);
  const { actions, session } = record;
  record.onChange((_, action) => options.onChange?.(action));
  const end = deferred<RunEnd>();
  const calls: string[] = [];
  let hooks: RunRequest['hooks'] | undefined;
  const pausing = (paused: boolean): RunPausing => ({
    paused,
    async pause() {
      calls.push('pause');
    },
    async resume() {
      calls.push('resume');
    },
  });
  const handle = fakeRun({
    started: Promise.resolve({ containerId: 'c' }),
    ended: end.promise,
    async stop(how) {
      calls.push(`stop ${how}`);
      end.resolve({ exitCode: 143 });
    },
    pausing: pausing(false),
    async detach() {
      calls.push('detach');
    },
    async release() {
      calls.push('release');
    },
  });
  class Fake extends BaseExecutor {
    async prepare(): Promise<Preparation> {
      throw new Error('It is prepared.');
    }
    async launch(request: RunRequest): Promise<RunHandle> {
      calls.push('launch');
      await request.onPlaced({});
      hooks = request.hooks;
      return handle;
    }
    override async adopt(request: RunRequest): Promise<RunHandle | undefined> {
      calls.push('adopt');
      await options.finding?.();
      hooks = request.hooks;
      if ('found' in options && options.found === undefined) return undefined;
      return { ...handle, ...options.found, ...(options.frozen && { pausing: pausing(true) }) };
    }
  }
  const saved = vi.spyOn(record, 'saved');
  const manager = resolveManagerOptions({ stateDir, ...(policy && { policy }) });
  const supervisor = new Run({
    executor: new Fake(),
    record,
    slot: { isHeld: true, release: () => {}, reclaim: () => true },
    isLast: () => true,
    lead: { spending: () => ({ costUsd: 0, tokens: 0 }), commandsFor: () => undefined },
    committedRules: new CommittedRules(),
    prices: {},
    missingEnv: undefined,
    adopt: policy?.onHostLost === undefined ? {} : { onHostLost: policy.onHostLost },
    request: {
      spec: resolveCreateOptions(ID, { prompt: 'x', limits }, manager),
      session,
      run: session.runs.at(-1)?.number ?? 1,
      folder,
      feedback: undefined,
      conversationId: undefined,
    },
  });
  onTestFinished(() => supervisor.detach());
  const typesOf = (): string[] => actions.map(({ type }) => type);
  const observedOf = () => actions.flatMap((action) => (action.type === 'observed' ? [action] : []));
  return {
    supervisor,
    actions,
    typesOf,
    observedOf,
    end,
    calls,
    saved,
    write,
    folder,
    session: (): UnifiedSession => record.session,
    hooks: (): RunRequest['hooks'] => {
      if (!hooks) throw new Error('It has no hooks.');
      return hooks;
    },
  };
}

describe('a run that is adopted while it is running', () => {
  it("an adopted run continues: no launch, no new 'running' action", async () => {
    const { supervisor, typesOf, calls } = await scene();
    await supervisor.takenOver;
    expect(calls).toEqual(['adopt']);
    expect(typesOf()).toEqual(['observed']);
    expect(supervisor.relaunched).toBe(false);
  });

  it('an adopted run is recorded as running if the previous process died before it recorded that', async () => {
    const { supervisor, typesOf, session } = await scene({ history: [LAUNCHED, PLACED] });
    await supervisor.takenOver;
    expect(typesOf()).toEqual(['running', 'observed']);
    expect(session()).toMatchObject({ status: 'running', runs: [{ containerId: 'c' }] });
  });

  it('old log lines are marked as replayed and have no durations, new log lines are not marked', async () => {
    const { supervisor, observedOf, write, session } = await scene({
      log: [INIT, called('a', 'ls'), returned('a', 'x'), called('b', 'ls')],
      found: { hooked: false },
    });
    await supervisor.takenOver;
    expect(observedOf().map(({ replayed }) => replayed)).toEqual([true, true, true, true]);
    expect(session().metadata.toolsUsed).toMatchObject([{ id: 'a', outcome: 'ok' }, { id: 'b' }]);
    expect(session().metadata.toolsUsed[0]).not.toHaveProperty('durationMs');
    write(said('later'), called('c', 'ls'), returned('c', 'x'));
    await eventually(() => expect(observedOf()).toHaveLength(7));
    for (const action of observedOf().slice(4)) expect(action).not.toHaveProperty('replayed');
    expect(session().metadata.toolsUsed[2]?.durationMs).toBeGreaterThanOrEqual(0);
  });

  it("only the log from the adopted run's offset on is read, not the log of earlier runs", async () => {
    const before = said('earlier');
    const logOffset = JSON.stringify(before).length + 1;
    const { supervisor, session } = await scene({
      log: [before, INIT, said('now')],
      history: [LAUNCHED, { ...PLACED, logOffset }, RUNNING],
    });
    await supervisor.takenOver;
    expect(session().metadata.recentMessages.map(({ text }) => text)).toEqual(['now']);
  });

  it('an adopted run ends with the result in its log and its exit code, and the exit is recorded once', async () => {
    const { supervisor, end, write, typesOf } = await scene();
    await supervisor.takenOver;
    write(RESULT);
    end.resolve({ exitCode: 0 });
    expect(await supervisor.finished).toMatchObject({
      status: 'completed',
      result: { text: 'Done.', exitCode: 0, reason: 'success' },
    });
    expect(typesOf().filter((type) => type === 'exited')).toHaveLength(1);
  });

  it('a tool call of an adopted run is put to a person only after the old log has been read', async () => {
    const { supervisor, hooks, typesOf } = await scene({
      policy: { rules: [{ tool: 'Bash', decision: 'ask' }] },
      found: { hooked: true },
    });
    void hooksLater(hooks).then((own) => own.beforeTool({ toolUseId: 't', tool: 'Bash', input: {} }));
    await eventually(() => expect(typesOf()).toContain('asked'));
    expect(typesOf()).toEqual(['observed', 'asked']);
    void supervisor.detach();
  });

  it('the time limit of an adopted run counts from the start of the run', async () => {
    const { supervisor } = await scene({ limits: { durationMs: 900 } });
    expect(await supervisor.finished).toMatchObject({ status: 'failed', result: { reason: 'timeout' } });
  });

  it('an adopted run whose log is gone is stopped and fails', async () => {
    const { supervisor, calls } = await scene({ left: async ({ log }) => rmSync(log) });
    expect(await supervisor.finished).toMatchObject({ status: 'failed' });
    expect(calls).toEqual(['adopt', 'stop gently', 'release']);
  });

  it('an adopted run whose log is gone fails even if it cannot be stopped', async () => {
    const stop = vi.fn().mockRejectedValue(new Error('no'));
    const { supervisor } = await scene({ left: async ({ log }) => rmSync(log), found: { stop } });
    expect(await supervisor.finished).toMatchObject({ status: 'failed' });
    expect(stop).toHaveBeenCalled();
  });
});

describe('a Docker engine that is unavailable during the adoption', () => {
  const away = new OrchestrationError('DOCKER_UNAVAILABLE', 'gone');

  it('the manager asks an unavailable engine again, because it may only be restarting', async () => {
    const finding = vi.fn(async () => {}).mockRejectedValueOnce(away);
    const { supervisor, calls } = await scene({ finding });
    await supervisor.takenOver;
    expect(calls).toEqual(['adopt', 'adopt']);
  });

  it('a manager that is detached in the meantime does not ask the engine again', async () => {
    const finding = vi.fn(async () => {}).mockRejectedValue(away);
    const { supervisor, calls } = await scene({ finding });
    await eventually(() => expect(calls).toEqual(['adopt']));
    void supervisor.detach();
    expect(await supervisor.finished).toBeUndefined();
    expect(calls).toEqual(['adopt']);
  });
});

describe('a manager that is detached from an adopted run', () => {
  it('a detached manager neither stops the run nor answers its open question', async () => {
    const { supervisor, hooks, calls, typesOf } = await scene({
      policy: { rules: [{ tool: 'Bash', decision: 'ask' }] },
      found: { hooked: true },
    });
    await supervisor.takenOver;
    const answered = vi.fn();
    void hooks().beforeTool({ toolUseId: 't', tool: 'Bash', input: {} }).then(answered);
    await eventually(() => expect(typesOf()).toContain('asked'));
    void supervisor.detach();
    supervisor.stop({ status: 'cancelled', reason: 'cancelled', error: 'mine' }, 'at-once');
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(calls).toEqual(['adopt', 'detach']);
    expect(answered).not.toHaveBeenCalled();
  });

  it('a manager that is detached while it reads the old log answers no tool call', async () => {
    const answered = vi.fn();
    const { supervisor, hooks } = await scene({
      found: { hooked: true },
      onChange: ({ type }) => {
        if (type !== 'observed') return;
        void hooks().beforeTool({ toolUseId: 't', tool: 'Bash', input: {} }).then(answered);
        void supervisor.detach();
      },
    });
    expect(await supervisor.finished).toBeUndefined();
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(answered).not.toHaveBeenCalled();
  });

  it('a manager that is detached while the run is ending reports no outcome', async () => {
    const { supervisor, hooks, end, typesOf } = await scene({
      policy: { rules: [{ tool: 'Bash', decision: 'ask' }] },
      found: { hooked: true },
      onChange: ({ type }) => {
        if (type === 'answered') void supervisor.detach();
      },
    });
    await supervisor.takenOver;
    void hooks().beforeTool({ toolUseId: 't', tool: 'Bash', input: {} });
    await eventually(() => expect(typesOf()).toContain('asked'));
    end.resolve({ exitCode: 0 });
    expect(await supervisor.finished).toBeUndefined();
  });
});

/** The hooks, as soon as the executor has them. */
async function hooksLater(hooks: () => RunRequest['hooks']): Promise<RunRequest['hooks']> {
  return eventually(hooks);
}

describe("decisions of the previous process's guard", () => {
  const log = [INIT, called('a', 'ls'), returned('a', 'x')];
  const allowedBefore = async ({ decisions }: SessionFolder): Promise<void> => {
    const ledger = new CallLedger();
    ledger.decided({ toolUseId: 'a', tool: 'Bash', input: { command: 'ls' } }, { allowed: true });
    const decision = ledger.decisionOn('a');
    const file = new DecisionLog(decisions);
    if (decision) await file.append(decision);
    file.close();
  };

  it('a call that the previous process allowed is not reported as bypassing the guard', async () => {
    const { supervisor, session } = await scene({ log, left: allowedBefore, found: { hooked: true } });
    await supervisor.takenOver;
    expect(supervisor.stopping).toBe(false);
    expect(session().metadata).toMatchObject({ dangers: [], toolsUsed: [{ outcome: 'ok' }] });
  });

  it('a call in the old log without a recorded decision ends the run as guard_bypassed', async () => {
    const { supervisor } = await scene({ log, found: { hooked: true } });
    expect(await supervisor.finished).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed' } });
  });

  it("with onHostLost 'allow', only a new call without a decision ends the run, not one in the old log", async () => {
    const { supervisor, write } = await scene({ log, found: { hooked: true }, policy: { onHostLost: 'allow' } });
    await supervisor.takenOver;
    expect(supervisor.stopping).toBe(false);
    write(called('b', 'ls'), returned('b', 'x'));
    expect(await supervisor.finished).toMatchObject({ result: { reason: 'guard_bypassed' } });
  });

  it('the decision file is kept after the end of the run and deleted when the next run is launched', async () => {
    const { supervisor, folder, end } = await scene({ log, left: allowedBefore, found: { hooked: true } });
    await supervisor.takenOver;
    expect(existsSync(folder.decisions)).toBe(true);
    end.resolve({ exitCode: 0 });
    await supervisor.finished;
    expect(existsSync(folder.decisions)).toBe(true);
    const anew = await scene({ log: [], left: allowedBefore, found: undefined, history: [LAUNCHED, PLACED] });
    await anew.supervisor.takenOver;
    await eventually(() => expect(anew.calls).toContain('launch'));
    expect(existsSync(anew.folder.decisions)).toBe(false);
  });
});

describe('messages that the user sent to an adopted run', () => {
  const left = async ({ steering, guard }: SessionFolder): Promise<void> => {
    const files = new MailboxFiles(guard);
    await files.create(resolvePolicy({ approvalTimeoutMs: 1 }));
    writeFileSync(`${files.answers}/written`, '');
    writeFileSync(
      steering,
      JSON.stringify([{ text: 'one', answer: 'written' }, { text: 'two', answer: 'lost' }, { text: 'three' }]),
    );
  };

  it('messages that the agent has not received yet are delivered exactly once', async () => {
    const { supervisor, hooks, actions } = await scene({ left, found: { hooked: true } });
    await supervisor.takenOver;
    const messages = await hooks().takeMessages(CONVERSATION, 'answer');
    expect(messages?.texts).toEqual(['two', 'three']);
    messages?.given();
    expect(actions.flatMap((action) => (action.type === 'steered' ? [action.message] : []))).toEqual(['two', 'three']);
    expect(await hooks().takeMessages(CONVERSATION, 'next')).toBeUndefined();
  });

  it('a message is kept on disk until it is delivered, even if the manager closes before', async () => {
    const { supervisor, folder } = await scene({ left, found: { hooked: true } });
    await supervisor.takenOver;
    const heard = errorOf(supervisor.steer('four'), 'MANAGER_CLOSED');
    await eventually(() => expect(readFileSync(folder.steering, 'utf8')).toContain('four'));
    void supervisor.detach();
    await heard;
    expect(JSON.parse(readFileSync(folder.steering, 'utf8'))).toMatchObject([
      { text: 'two' },
      { text: 'three' },
      { text: 'four' },
    ]);
  });
});

describe('a message that the user sends while the run is still being looked for', () => {
  it('if the disk refuses the message, steer() rejects and no rejection stays unhandled', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    onTestFinished(() => void process.off('unhandledRejection', unhandled));
    const gate = deferred<void>();
    const { supervisor } = await scene({
      left: async ({ steering }) => void mkdirSync(`${steering}/in the way`, { recursive: true }),
      found: { hooked: true },
      finding: () => gate.promise,
    });
    const said = errorOf(supervisor.steer('more'), 'STATE_NOT_WRITABLE');
    await new Promise((resolve) => setTimeout(resolve, 100)); // Gives the disk time to refuse the message.
    gate.resolve();
    await said;
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('a run that ended while no process watched it, or right after its adoption', () => {
  it('a run whose exit is on record ends with it, without a search for its container', async () => {
    const { supervisor, calls, typesOf } = await scene({
      log: [INIT, said('Bye.'), RESULT],
      history: [LAUNCHED, PLACED, RUNNING, { type: 'exited', end: { exitCode: 0 } }],
    });
    expect(await supervisor.finished).toMatchObject({ status: 'completed', result: { exitCode: 0, text: 'Done.' } });
    expect(calls).toEqual([]);
    expect(typesOf()).not.toContain('exited');
  });

  it('a run that ended unwatched keeps all messages of its log', async () => {
    const { supervisor, session, end } = await scene({
      log: [INIT, said('one'), said('two'), RESULT],
      found: { over: true, started: Promise.resolve(undefined) },
    });
    end.resolve({ exitCode: 3 });
    expect(await supervisor.finished).toMatchObject({ status: 'failed', result: { exitCode: 3 } });
    expect(session().metadata.recentMessages.map(({ text }) => text)).toEqual(['one', 'two']);
  });

  it('a run is over, and can be released, only after its exit is on disk', async () => {
    const { supervisor, calls, saved, end } = await scene();
    await supervisor.takenOver;
    const writing = deferred<void>();
    saved.mockImplementation(() => writing.promise);
    end.resolve({ exitCode: 0 });
    await eventually(() => expect(saved).toHaveBeenCalled());
    let finished = false;
    void supervisor.finished.then(() => {
      finished = true;
    });
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(finished).toBe(false);
    writing.resolve();
    await supervisor.finished;
    expect(calls).toEqual(['adopt']);
    await supervisor.remove();
    await supervisor.remove();
    expect(calls).toEqual(['adopt', 'release']);
  });

  it('a run is released even if its exit cannot be written to disk', async () => {
    const { supervisor, calls, saved, end } = await scene();
    await supervisor.takenOver;
    saved.mockRejectedValue(new Error('full'));
    end.resolve({ exitCode: 0 });
    await supervisor.finished;
    await supervisor.remove();
    expect(calls).toContain('release');
  });
});

describe('a run that was recorded as launching but is not found', () => {
  it.each<[string, Scene]>([
    ['its place (log and container name) was on record', { history: [LAUNCHED, PLACED], found: undefined }],
    ['its place was not on record', { history: [LAUNCHED] }],
  ])('a run that is not found is launched once, under its old number: %s', async (_, options) => {
    const { supervisor, calls, typesOf, session } = await scene({ ...options, log: [] });
    await eventually(() => expect(session().status).toBe('running'));
    expect(supervisor.relaunched).toBe(true);
    expect(calls.filter((call) => call === 'launch')).toHaveLength(1);
    expect(typesOf()).toEqual(['placed', 'running']);
    expect(session().runs).toHaveLength(1);
  });

  it('a run that is not found is not launched if it was being stopped', async () => {
    const stop = { status: 'cancelled', reason: 'cancelled', error: 'mine' } as const;
    const { supervisor, calls } = await scene({
      history: [LAUNCHED, PLACED, { type: 'stopping', stop }],
      found: undefined,
      log: [],
    });
    expect(await supervisor.finished).toEqual({ status: 'cancelled', result: { reason: 'cancelled', error: 'mine' } });
    expect(calls).toEqual(['adopt']);
  });
});

describe('a run that was being stopped when its process died', () => {
  it.each([undefined, 'more'])(
    'an adopted run is stopped for the recorded reason, and the recorded feedback is kept: %s',
    async (feedback) => {
      const stop = {
        status: 'cancelled',
        reason: 'cancelled',
        error: 'mine',
        ...(feedback !== undefined && { feedback }),
      } as const;
      const { supervisor, calls, typesOf } = await scene({
        history: [LAUNCHED, PLACED, RUNNING, { type: 'stopping', stop }],
      });
      expect(supervisor.stopping).toBe(true);
      expect(await supervisor.finished).toMatchObject({
        status: 'cancelled',
        result: { error: 'mine', exitCode: 143 },
      });
      expect(supervisor.continuing).toBe(feedback);
      expect(calls).toContain('stop gently');
      expect(typesOf()).not.toContain('stopping');
    },
  );
});

describe('a run that is adopted while it is frozen', () => {
  it('a frozen run is recorded as paused, and continues when it is resumed', async () => {
    const { supervisor, session, calls, typesOf } = await scene({ frozen: true });
    await supervisor.takenOver;
    expect(session().status).toBe('paused');
    await supervisor.resume();
    expect(session().status).toBe('running');
    expect(calls).toEqual(['adopt', 'resume']);
    expect(typesOf().filter((type) => type === 'paused')).toHaveLength(1);
  });

  it('a frozen run that is already recorded as paused is not recorded again', async () => {
    const { supervisor, session, typesOf } = await scene({
      history: [LAUNCHED, PLACED, RUNNING, { type: 'paused', at: 9 }],
      frozen: true,
    });
    await supervisor.takenOver;
    expect(session().status).toBe('paused');
    expect(typesOf()).not.toContain('paused');
  });

  it('a run that is found working becomes running, even if the record says paused', async () => {
    const { supervisor, session } = await scene({ history: [LAUNCHED, PLACED, RUNNING, { type: 'paused', at: 9 }] });
    await supervisor.takenOver;
    expect(session().status).toBe('running');
    await supervisor.pause();
    expect(session().status).toBe('paused');
  });

  it('a frozen run does not use up its time limit', async () => {
    fakeClock();
    const history = [LAUNCHED, PLACED, { ...RUNNING, at: Date.now() - 1_000 }];
    const { supervisor, typesOf } = await scene({ history, frozen: true, limits: { durationMs: 1_200 } });
    await supervisor.takenOver;
    vi.advanceTimersByTime(60_000);
    await turn();
    expect(typesOf()).not.toContain('stopping');
    await supervisor.resume();
    vi.advanceTimersByTime(200);
    expect(await supervisor.finished).toMatchObject({ result: { reason: 'timeout' } });
  });

  it('time that a run was frozen under the previous process does not count towards its limit', async () => {
    fakeClock();
    const now = Date.now();
    const history: SessionAction[] = [
      LAUNCHED,
      PLACED,
      { ...RUNNING, at: now - 1_000 },
      { type: 'paused', at: now - 900 },
    ];
    const { supervisor, typesOf } = await scene({ history, frozen: true, limits: { durationMs: 500 } });
    await supervisor.takenOver;
    await supervisor.resume();
    vi.advanceTimersByTime(300);
    await turn();
    expect(typesOf()).not.toContain('stopping');
  });
});

describe('an adopted run that waited for its children', () => {
  it('time that a run waited under the previous process does not count towards its limit', async () => {
    fakeClock();
    const now = Date.now();
    const history: SessionAction[] = [
      LAUNCHED,
      PLACED,
      { ...RUNNING, at: now - 10_000 },
      { type: 'resting', at: now - 9_900, waitingFor: 'children' },
      { type: 'woken', at: now - 100 },
    ];
    const { supervisor, typesOf } = await scene({ history, limits: { durationMs: 500 } });
    await supervisor.takenOver;
    vi.advanceTimersByTime(200);
    await turn();
    expect(typesOf()).not.toContain('stopping');
    vi.advanceTimersByTime(200);
    expect(await supervisor.finished).toMatchObject({ result: { reason: 'timeout' } });
  });
});
