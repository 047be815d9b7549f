import { setImmediate as turn } from 'node:timers/promises';
import { type CreateSessionOptions, OrchestrationError, UnifiedSessionManager } from 'autonomous-orchestration';
import { SimulatedExecutor, type SimulatedScript } from 'autonomous-orchestration/testing';
import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { DONE, everyMode } from '../../../support/simulate.js';
import { tempFolder } from '../../../support/temp-folder.js';

const most = vi.hoisted(() => ({ value: 0 }));
vi.mock('../../../../src/core/orchestration/manager/most-in-memory.js', () => ({
  get MOST_ENDED_IN_MEMORY() {
    return most.value;
  },
}));

class Leading extends SimulatedExecutor {
  override readonly leads = true;
}

/** Numbers name sessions by the order in which they were created, modulo how many there are. */
type Step =
  | {
      readonly do: 'create';
      readonly fails: boolean;
      readonly leads: boolean;
      readonly parent?: number;
      readonly after?: number;
    }
  | { readonly do: 'continue' | 'cancel' | 'remove' | 'get' | 'wait'; readonly session: number }
  | { readonly do: 'list' | 'restart' };

const session = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record(
      { do: fc.constant('create' as const), fails: fc.boolean(), leads: fc.boolean(), parent: session, after: session },
      { requiredKeys: ['do', 'fails', 'leads'] },
    ),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('continue', 'cancel', 'remove', 'get', 'wait'),
      session,
    }) as fc.Arbitrary<Step>,
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('list', 'restart') }) as fc.Arbitrary<Step> },
);

const SCRIPT: SimulatedScript = (request) =>
  'text' in request.spec.prompt && request.spec.prompt.text === 'fail' ? { steps: [], exitCode: 3 } : DONE(request);

/** What a user sees of these steps, without ids, times and paths, which are others each time. */
async function seenWith(limit: number, steps: readonly Step[]): Promise<unknown[]> {
  most.value = limit;
  const stateDir = tempFolder();
  const open = (): UnifiedSessionManager =>
    new UnifiedSessionManager({
      stateDir,
      socket: false,
      executors: { ...everyMode(new SimulatedExecutor(SCRIPT)), orchestration: new Leading(SCRIPT) },
    });
  let manager = open();
  const ids: string[] = [];
  const idOf = (number: number): string => ids[number % Math.max(ids.length, 1)] ?? 'no session';
  const plain = (value: unknown): unknown =>
    JSON.parse(
      JSON.stringify(value ?? null, (key, inner) =>
        /At$|Ms$|^(at|lastActivity|logFile|conversationId|channelCoderSession|cwd)$/.test(key) ? undefined : inner,
      ).replaceAll(/[0-9a-z]{12}/g, (text) => (ids.includes(text) ? `#${ids.indexOf(text)}` : text)),
    );
  const run = async (item: Step): Promise<unknown> => {
    switch (item.do) {
      case 'create': {
        const options: CreateSessionOptions = {
          prompt: item.fails ? 'fail' : 'x',
          mode: item.leads ? 'orchestration' : 'autonomous',
          taskId: `task ${ids.length % 2}`,
          ...(item.parent !== undefined && ids.length > 0 && { parentId: idOf(item.parent) }),
          ...(item.after !== undefined && ids.length > 0 && { after: [{ id: idOf(item.after) }] }),
        };
        const { id } = await manager.create(options);
        ids.push(id);
        return manager.waitFor(id);
      }
      case 'continue':
        await manager.continue(idOf(item.session), 'more');
        return manager.waitFor(idOf(item.session));
      case 'cancel':
        return manager.cancel(idOf(item.session));
      case 'remove':
        return manager.remove(idOf(item.session));
      case 'get':
        return manager.get(idOf(item.session));
      case 'wait':
        return manager.waitFor(idOf(item.session));
      case 'list':
        return [
          manager.list(),
          manager.list({ taskId: 'task 1' }),
          manager.list({ status: ['failed', 'cancelled'] }),
          manager.list({ mode: 'orchestration', parentId: idOf(0) }),
        ];
      case 'restart': {
        await manager.close();
        manager = open();
        const { known, requeued, closed } = await manager.recover();
        return [known, requeued, closed].map((list) => list.map((id) => ids.indexOf(id)).sort());
      }
    }
  };
  const seen: unknown[] = [];
  for (const item of [...steps, { do: 'list' as const }]) {
    seen.push(
      await run(item).then(plain, (error: unknown) =>
        error instanceof OrchestrationError ? error.code : String(error),
      ),
    );
    for (let count = 0; count < 5; count++) await turn(); // Lets sessions leave memory.
  }
  await manager.close();
  return seen;
}

it('whatever is done, a user sees the same with few ended sessions in memory as with all of them', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(0, 1, 3),
      fc.array(step, { minLength: 3, maxLength: 14 }),
      async (limit, steps) => {
        expect(await seenWith(limit, steps)).toEqual(await seenWith(Number.POSITIVE_INFINITY, steps));
      },
    ),
    { numRuns: 30, seed: 16, endOnFailure: true },
  );
}, 120_000);
