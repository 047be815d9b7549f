import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SessionTree } from '../../../../src/core/orchestration/family/session-tree.js';
import { planOf, requireDependencies } from '../../../../src/core/orchestration/manager/dependencies.js';
import { LiveSessions } from '../../../../src/core/orchestration/manager/live-sessions.js';
import { SessionQueue } from '../../../../src/core/orchestration/manager/session-queue.js';
import type { SessionAction } from '../../../../src/core/orchestration/session/actions.js';
import type { QueuePlan, SessionPriority } from '../../../../src/core/orchestration/session/queue-plan.js';
import type { TerminalStatus } from '../../../../src/core/orchestration/session/status.js';
import { isTerminal } from '../../../../src/core/orchestration/session/status.js';
import { SessionJournal } from '../../../../src/core/orchestration/store/disk/session-journal.js';
import { SessionStore } from '../../../../src/core/orchestration/store/store.js';
import { SYSTEM_CLOCK } from '../../../../src/core/orchestration/util/clock.js';
import { DEFAULT_POLICY } from '../../../../src/index.js';
import { createdSession } from '../../../support/sessions.js';

function storeOf(): SessionStore {
  return new SessionStore(SYSTEM_CLOCK, { tell: () => {} }, new SessionJournal({ docker: {}, policy: DEFAULT_POLICY }));
}

/** The queue of a manager whose runs end when the test says so. */
class Scene {
  readonly store = storeOf();
  readonly running: string[] = [];
  readonly plans = new Map<string, QueuePlan>();
  readonly queue: SessionQueue = new SessionQueue({
    store: this.store,
    clock: SYSTEM_CLOCK,
    stateDir: '/nowhere', // Nothing is held, so nothing is written.
    maxConcurrent: 2,
    maxQueued: 1_000,
    releaseSlotWhileWaiting: true,
    onStart: (id) => this.start(id),
    onDependencyFailed: (id, error) => this.end(id, 'failed', error),
  });

  statusOf(id: string) {
    return this.store.registry.get(id)?.status;
  }

  create(id: string, plan: QueuePlan): void {
    this.plans.set(id, plan);
    this.queue.admit(id, plan);
    const queuePosition = this.queue.positionOf(id);
    const starts = this.queue.isRunning(id);
    const { environment, mode } = createdSession();
    this.dispatch(id, {
      type: 'created',
      at: 1,
      session: { id, mode, environment, ...plan, ...(queuePosition !== undefined && { queuePosition }) },
      ...(queuePosition === undefined && !starts && { blocked: true as const }),
    });
    this.queue.settleNew(id);
    if (starts) this.start(id);
  }

  start(id: string): void {
    // It starts only if those before it have ended as they should, or if it has run before.
    if (this.store.registry.peek(id)?.runs.length === 0) {
      for (const { id: before, on } of this.plans.get(id)?.after ?? []) {
        const status = this.statusOf(before);
        expect(status && isTerminal(status)).toBe(true);
        if (on === 'completed') expect(status).toBe('completed');
      }
    }
    this.running.push(id);
    this.dispatch(id, { type: 'launching', at: 1 });
  }

  end(id: string, status: TerminalStatus, error = 'x'): void {
    const at = this.running.indexOf(id);
    if (at >= 0) this.running.splice(at, 1);
    this.dispatch(id, { type: 'ended', at: 1, status, result: { reason: status, error } });
    this.queue.leave(id);
  }

  continue(id: string): void {
    const admission = this.queue.enqueue(id);
    const waits = admission.status === 'queued';
    this.dispatch(id, { type: 'continued', at: 1, feedback: 'x', ...(waits && { queuePosition: admission.position }) });
    this.queue.reopened(id);
    if (!waits) this.start(id);
  }

  dispatch(id: string, action: SessionAction): void {
    this.store.dispatch(id, action);
  }

  /** Whether a waiting session may start, from the records alone. */
  mayStart(id: string): boolean {
    if ((this.store.registry.peek(id)?.runs.length ?? 0) > 0) return true;
    return (this.plans.get(id)?.after ?? []).every(({ id: before, on }) => {
      const status = this.statusOf(before);
      return on === 'completed' ? status === 'completed' : status !== undefined && isTerminal(status);
    });
  }
}

const pick = fc.nat(60);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('create' as const),
      after: fc.array(fc.record({ pick, on: fc.constantFrom('completed' as const, 'ended' as const) }), {
        maxLength: 3,
      }),
      priority: fc.constantFrom<SessionPriority | undefined>('high', 'normal', 'low', undefined),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      pick,
      status: fc.constantFrom<TerminalStatus>('completed', 'completed', 'failed', 'cancelled'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), pick }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('continue' as const), pick }) },
);

it('sessions start only after those before them, none that may start waits while a slot is free, and all end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
      const scene = new Scene();
      const all = (): string[] => [...scene.plans.keys()];
      const where = (fits: (status: string) => boolean): string[] =>
        all().filter((id) => fits(scene.statusOf(id) ?? ''));
      const oneOf = (ids: readonly string[], at: number): string | undefined => ids[at % (ids.length || 1)];
      const check = (): void => {
        const waiting = where((status) => status === 'queued');
        const { queued, items, blocked = [] } = scene.queue.status();
        expect(queued).toBe(waiting.length);
        expect(new Set(items.map(({ id }) => id))).toEqual(new Set(waiting.filter((id) => scene.mayStart(id))));
        expect(blocked.length).toBe(waiting.length - items.length);
        for (const { id, position } of items) expect(scene.store.registry.get(id)?.queuePosition).toBe(position);
        for (const { id } of blocked) expect(scene.store.registry.get(id)?.queuePosition).toBeUndefined();
        if (items.length > 0) expect(scene.running.length).toBe(2);
        // Nothing waits for what has failed.
        for (const { id } of blocked) {
          for (const { id: before, on } of scene.plans.get(id)?.after ?? []) {
            if (on === 'completed') expect(['failed', 'cancelled']).not.toContain(scene.statusOf(before));
          }
        }
      };
      steps.forEach((one, index) => {
        if (one.kind === 'create') {
          const after = one.after.flatMap(({ pick: at, on }) => {
            const id = oneOf(all(), at);
            return id === undefined ? [] : [{ id, on }];
          });
          const options = { after, ...(one.priority && { priority: one.priority }) };
          scene.create(`s${index}`, planOf(options, undefined));
        } else if (one.kind === 'end') {
          const id = oneOf(scene.running, one.pick);
          if (id !== undefined) scene.end(id, one.status);
        } else if (one.kind === 'cancel') {
          const id = oneOf(
            where((status) => status === 'queued'),
            one.pick,
          );
          if (id !== undefined) scene.end(id, 'cancelled');
        } else {
          const ended = where((status) => isTerminal(status as TerminalStatus));
          const ran = ended.filter((id) => (scene.store.registry.peek(id)?.runs.length ?? 0) > 0);
          const id = oneOf(ran, one.pick);
          if (id !== undefined) scene.continue(id);
        }
        check();
      });
      // There is no circle: if every run completes, every session ends.
      for (let [id] = scene.running; id !== undefined; [id] = scene.running) scene.end(id, 'completed');
      expect(where((status) => !isTerminal(status as TerminalStatus))).toEqual([]);
      expect(scene.queue.status()).toMatchObject({ running: 0, queued: 0, items: [] });
    }),
    { numRuns: 150 },
  );
});

interface Family {
  readonly leads: boolean;
  readonly parent: number | undefined;
  readonly after: readonly number[];
}

const family = fc.record({
  leads: fc.boolean(),
  parent: fc.option(fc.nat(12), { nil: undefined }),
  after: fc.array(fc.nat(12), { maxLength: 2 }),
});

/** True if sessions wait for each other in a circle. Each leader is taken to wait for all that it leads. */
function hasCircle(sessions: ReadonlyMap<string, { waitsFor: readonly string[] }>): boolean {
  const done = new Set<string>();
  const reaches = (id: string, path: ReadonlySet<string>): boolean => {
    if (path.has(id)) return true;
    if (done.has(id)) return false;
    const found = (sessions.get(id)?.waitsFor ?? []).some((next) => reaches(next, new Set([...path, id])));
    if (!found) done.add(id);
    return found;
  };
  return [...sessions.keys()].some((id) => reaches(id, new Set()));
}

it('a session is refused if and only if it and those that wait for it would wait for each other', () => {
  fc.assert(
    fc.property(fc.array(family, { minLength: 2, maxLength: 14 }), (families: Family[]) => {
      const store = storeOf();
      const leading = new Set<string>();
      const tree = new SessionTree(store.registry, {
        get: (id) => ({ spec: { id } as never, executor: { leads: leading.has(id) } }),
      });
      const live = new LiveSessions();
      const sessions = new Map<string, { parent: string | undefined; after: readonly string[] }>();
      const graph = () =>
        new Map(
          [...sessions].map(([id, { after }]) => {
            const children = [...sessions].filter(([, { parent }]) => leading.has(id) && parent === id);
            return [id, { waitsFor: [...after, ...children.map(([child]) => child)] }] as const;
          }),
        );
      families.forEach(({ leads, parent, after }, index) => {
        const ids = [...sessions.keys()];
        const named = (at: number): string | undefined => ids[at % (ids.length || 1)];
        const id = `s${index}`;
        const plan = planOf({ after: after.flatMap((at) => named(at) ?? []).map((one) => ({ id: one })) }, undefined);
        const parentId = parent === undefined ? undefined : named(parent);
        let refused = false;
        try {
          requireDependencies(id, plan, parentId, { registry: store.registry, live, tree });
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_OPTIONS' });
          refused = true;
        }
        sessions.set(id, { parent: parentId, after: (plan.after ?? []).map((one) => one.id) });
        if (leads) leading.add(id);
        expect(hasCircle(graph())).toBe(refused);
        if (refused) {
          sessions.delete(id);
          leading.delete(id);
          return;
        }
        const { environment, mode } = createdSession();
        const session = { id, mode, environment, ...plan, ...(parentId !== undefined && { parentId }) };
        store.dispatch(id, { type: 'created', at: index, session, blocked: true });
      });
    }),
    { numRuns: 500 },
  );
});
