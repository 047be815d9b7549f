import type { RunHandle, RunRequest } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HooksCheck } from '../../../../src/core/orchestration/run/hooks-check.js';
import { DONE, ENDLESS, nextEvent, simulate } from '../../../support/simulate.js';

/** A simulation that knows whether a hook has reported. `asks` says about which calls the guard is asked. */
class Hooked extends SimulatedExecutor {
  constructor(
    script: SimulatedScript,
    readonly hasReport: () => Promise<boolean>,
    readonly asks: (call: { tool: string }) => boolean,
  ) {
    super(script);
  }

  override async launch(request: RunRequest): Promise<RunHandle> {
    const beforeTool: RunRequest['hooks']['beforeTool'] = async (call) =>
      this.asks(call) ? request.hooks.beforeTool(call) : { allowed: true };
    const hooks = { ...request.hooks, beforeTool };
    return { ...(await super.launch({ ...request, hooks })), hasHookReport: this.hasReport };
  }
}

const CALLS: SimulatedScript = ({ conversationId }) =>
  scriptedRun(
    [
      { tool: 'Bash', input: { command: 'ls' }, output: 'x' },
      { text: 'never', afterMs: 60_000 },
    ],
    {
      conversationId,
    },
  );

const scene = (script: SimulatedScript, hasReport: () => Promise<boolean>, asks = (_: { tool: string }) => false) =>
  simulate(DONE, { executors: { autonomous: new Hooked(script, hasReport, asks) } });

describe('a run whose hooks Claude Code does not run', () => {
  it('ends as guard_missing before its first call, and the reason names the settings of the organization', async () => {
    const { manager } = scene(ENDLESS, async () => false);
    const told = nextEvent(manager, 'session:error');
    const { id } = await manager.create({ prompt: 'x' });
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'guard_missing' }, metadata: { dangers: [] } });
    for (const word of [
      'allowManagedHooksOnly',
      'disableAllHooks',
      'strictPluginOnlyCustomization',
      'managedSourcesBehavior',
    ])
      expect(ended.result?.error).toContain(word);
    expect(ended.metadata.errors).toMatchObject([{ code: 'guard_missing', severity: 'critical' }]);
    expect((await told).error).toMatchObject({ code: 'guard_missing' });
  });

  it('ends as guard_missing also if a call runs first', async () => {
    const { manager } = scene(CALLS, async () => false);
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'guard_missing' } });
  });

  it('ends as guard_missing if hooks have reported, but not even the first call asks', async () => {
    const { manager } = scene(CALLS, async () => true);
    const { id } = await manager.create({ prompt: 'x' });
    const { result } = await manager.waitFor(id);
    expect(result?.reason).toBe('guard_missing');
    expect(result?.error).toMatch(/A call has run by then: The call "Bash" .* ran without asking/);
  });

  it('ends as guard_bypassed if an earlier call has asked', async () => {
    const { manager } = scene(
      ({ conversationId }) =>
        scriptedRun(
          [
            { tool: 'Read', input: { file_path: '/workspace/a' }, output: 'x' },
            { tool: 'Bash', input: { command: 'ls' }, output: 'x' },
            { text: 'never', afterMs: 60_000 },
          ],
          { conversationId },
        ),
      async () => true,
      ({ tool }) => tool === 'Read',
    );
    const { id } = await manager.create({ prompt: 'x' });
    expect(await manager.waitFor(id)).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed' } });
  });
});

describe('the check of the hooks', () => {
  const check = () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const onMissing = vi.fn();
    return { onMissing, check: new HooksCheck(onMissing) };
  };

  it('a report that comes late, but in time, is enough', async () => {
    const { check: hooks, onMissing } = check();
    let reported = false;
    const done = hooks.begin({ hasHookReport: async () => reported });
    expect(hooks.missing).toBe(true);
    await vi.advanceTimersByTimeAsync(1_500);
    reported = true;
    await vi.advanceTimersByTimeAsync(5_000);
    await done;
    expect([hooks.missing, onMissing.mock.calls.length]).toEqual([false, 0]);
  });

  it('nothing is checked where reports cannot be known, or when the run is over', async () => {
    const { check: hooks, onMissing } = check();
    await hooks.begin({});
    expect(hooks.missing).toBe(false);
    const done = hooks.begin({ hasHookReport: async () => false });
    hooks.end();
    await vi.advanceTimersByTimeAsync(5_000);
    await done;
    expect(onMissing).not.toHaveBeenCalled();
  });
});
