import { describe, expect, it } from 'vitest';
import type { SessionStatus } from '../../src/core/orchestration/session/status.js';
import { sessionDetails, sessionView } from '../../src/handlers/session-view.js';
import {
  ASKED,
  afterActions,
  createdSession,
  guardRequest,
  observed,
  runningSession,
  sessionIn,
} from '../support/sessions.js';

describe('sessionView', () => {
  it.each<[SessionStatus, string]>([
    ['queued', 'running'],
    ['starting', 'running'],
    ['running', 'running'],
    ['paused', 'running'],
    ['waiting_feedback', 'waiting_feedback'],
    ['completed', 'completed'],
    ['failed', 'error'],
    ['cancelled', 'error'],
  ])('sessionView() maps the state %s to the old status %s', (state, status) => {
    expect(sessionView(sessionIn(state))).toMatchObject({ state, status });
  });

  it.each([
    ['person', 'waiting_feedback'],
    ['children', 'running'],
    ['slot', 'running'],
  ] as const)('sessionView() maps a wait for %s to the old status %s', (waitingFor, status) => {
    const waits = afterActions(runningSession(), { type: 'resting', at: 4, waitingFor });
    expect(sessionView(waits)).toMatchObject({ state: 'waiting_feedback', waitingFor, status });
    const asks = afterActions(waits, { type: 'asked', at: 5, request: guardRequest('r') });
    expect(sessionView(asks)).toMatchObject({ waitingFor, status: 'waiting_feedback' });
    const works = afterActions(waits, { type: 'woken', at: 5 });
    expect(sessionView(works)).toMatchObject({ state: 'running', status: 'running' });
    expect(sessionView(works)).not.toHaveProperty('waitingFor');
  });

  it('sessionView() has the attach command of a run', () => {
    const attachCommand = 'tmux attach';
    const placed = { type: 'placed', logFile: 'log', logOffset: 0, attachCommand } as const;
    const session = afterActions(createdSession({ mode: 'interactive' }), { type: 'launching', at: 2 }, placed);
    expect(sessionView(session)).toMatchObject({ mode: 'interactive', runs: [{ number: 1, attachCommand }] });
  });

  it('sessionView() has the plan file, the changes in a worktree and their base', () => {
    const changes = { branch: 'a', base: 'b', commits: 1, files: 2, insertions: 3, deletions: 4, uncommitted: 5 };
    const result = { reason: 'success', text: 'x'.repeat(5_000), planFile: '/state/plan.md', changes };
    const session = afterActions(
      createdSession(),
      { type: 'launching', at: 2 },
      { type: 'placed', logFile: 'log', logOffset: 0, environment: { base: 'b' } },
      { type: 'running', at: 3 },
      { type: 'ended', at: 9, status: 'completed', result },
    );
    expect(sessionView(session)).toMatchObject({
      environment: { base: 'b' },
      result: { planFile: '/state/plan.md', changes, text: `${'x'.repeat(4_000)}…` },
    });
    expect(sessionDetails(session).result).toEqual(result);
  });

  it('sessionView() says whether a session works on without a process', () => {
    expect(sessionView({ ...runningSession(), detached: true })).toMatchObject({ detached: true });
    expect(sessionView(runningSession())).not.toHaveProperty('detached');
  });

  it('sessionView() has no key without a value', () => {
    const view = sessionView(createdSession());
    expect(Object.values(view)).not.toContain(undefined);
    expect(Object.values(view.stats)).not.toContain(undefined);
    expect(view).toMatchObject({ logFile: '', startTime: '1970-01-01T00:00:00.001Z', sessionName: 'task-session-1' });
  });

  it('sessionView() has the pid only during a run', () => {
    const launched = afterActions(
      createdSession(),
      { type: 'launching', at: 2 },
      { type: 'spawned', process: { pid: 7, startedAt: '' } },
      { type: 'running', at: 3 },
    );
    expect(sessionView(launched).pid).toBe(7);
    const ended = afterActions(launched, { type: 'ended', at: 9, status: 'completed', result: { reason: 'success' } });
    expect(sessionView(ended)).not.toHaveProperty('pid');
  });

  it('sessionView() has the current tool call with its input cut, until the call ends', () => {
    const input = { command: 'x'.repeat(5_000) };
    const working = observed(runningSession(), { kind: 'tool', id: 't', name: 'Bash', input });
    expect(sessionView(working).currentTool).toMatchObject({ name: 'Bash', startedAt: 100 });
    expect(JSON.stringify(sessionView(working).currentTool).length).toBeLessThan(600);
    const done = observed(working, { kind: 'tool-result', toolUseId: 't', outcome: 'ok', output: '' });
    expect(sessionView(done).currentTool).toBeUndefined();
  });

  it('sessionView() cuts and marks a long input of an approval, and sessionDetails() has all of it', () => {
    const input = { command: 'x'.repeat(5_000) };
    const request = guardRequest('long', { input });
    const session = afterActions(sessionIn('waiting_feedback'), { type: 'asked', at: 6, request });
    const [short, long] = sessionView(session).approvals;
    expect(short).toEqual(guardRequest(ASKED));
    expect(long).toMatchObject({ requestId: 'long', cut: true });
    expect(JSON.stringify(long).length).toBeLessThan(4_000);
    expect(sessionDetails(session).approvals).toEqual([guardRequest(ASKED), request]);
  });

  it('sessionView() has an approval of a call without input', () => {
    const request = guardRequest('bare', { input: undefined });
    const session = afterActions(runningSession(), { type: 'asked', at: 5, request });
    expect(sessionView(session).approvals).toEqual([request]);
  });

  it('sessionView() is small even with very long texts', () => {
    const text = 'x'.repeat(40_000);
    const session = afterActions(
      observed(runningSession(), { kind: 'message', text, first: true }),
      { type: 'ended', at: 200, status: 'failed', result: { reason: 'error', text, error: text } },
      { type: 'continued', at: 300, feedback: text },
      { type: 'launching', at: 301 },
      { type: 'running', at: 302 },
      { type: 'ended', at: 400, status: 'failed', result: { reason: 'error', text, error: text } },
    );
    const view = sessionView(session);
    expect(JSON.stringify(view).length).toBeLessThan(15_000);
    expect(view.stats.lastOutput).toBe(`${'x'.repeat(200)}…`);
    expect(sessionDetails(session).result).toEqual(session.result);
  });
});

describe('sessionDetails', () => {
  it('sessionDetails() has the last three messages and the lists of the record', () => {
    const messages = ['1', '2', '3', '4'].map((text) => ({ kind: 'message', text, first: true }) as const);
    const session = observed(runningSession(), ...messages);
    const { lastLogLines, metadata } = sessionDetails(session);
    expect(lastLogLines).toEqual(['2', '3', '4']);
    expect(session.metadata).toMatchObject(metadata);
    expect(metadata.recentMessages).toHaveLength(4);
  });

  it("sessionDetails() has only the agent's last messages, but all speakers in the list of the record", () => {
    const session = observed(
      runningSession(),
      { kind: 'message', text: 'Which?', first: true },
      { kind: 'prompt', text: 'This one' },
    );
    const { lastLogLines, metadata } = sessionDetails(session);
    expect(lastLogLines).toEqual(['Which?']);
    expect(metadata.recentMessages.at(-1)).toMatchObject({ text: 'This one', by: 'person' });
  });
});
