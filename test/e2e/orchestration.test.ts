import { describe, expect, it } from 'vitest';
import { atWork, childrenOf, containersOfAll, go, leading, mostAtWork, outputsOf, UNTIL_GO } from './families.js';
import { bash, endedGone, nextEvent, testManager } from './support.js';

const LEAD = [
  bash('for name in a b c d; do orchestrate create "Child $name" || exit 1; done'),
  bash('orchestrate wait'),
  bash('orchestrate list --json; orchestrate logs "$(orchestrate list | head -n 1 | cut -f 1)"'),
  { text: 'All done.' },
];
const CHILD = [bash('sleep 0.3'), { text: 'Child done.' }];

describe('a leader session', () => {
  it('a leader runs four child sessions, two at a time, and receives the result of each', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 2 });
    const outputs = outputsOf(manager);
    const parent = await manager.create(await leading({ Lead: LEAD, Child: CHILD }));
    const done = await manager.waitFor(parent.id);
    expect(done).toMatchObject({ status: 'completed', result: { text: 'All done.' } });
    const children = childrenOf(manager, done);
    expect(children.map(({ status, mode }) => [status, mode])).toEqual(Array(4).fill(['completed', 'autonomous']));
    expect(mostAtWork(events)).toBe(2);
    await endedGone(manager);
    expect(manager.queueStatus().running).toBe(0);
    expect(await containersOfAll(manager.list())).toEqual([]);

    const [created = '', waited = '', followed = ''] = outputs(parent);
    for (const { id } of children) {
      expect(created).toMatch(new RegExp(`^${id}\tautonomous\t(starting|queued)$`, 'm'));
      expect(waited).toContain(`${id}\tautonomous\tcompleted\tChild done.`);
      expect(followed).toContain(`"id":"${id}"`);
    }
    expect(followed).toMatch(/\ttool\tBash .*sleep 0\.3.* ok/);
    expect(followed).toMatch(/\tmessage\tChild done\./);
  });

  it('a leader can continue one child session with feedback and cancel another', async () => {
    const { manager } = await testManager();
    const outputs = outputsOf(manager);
    const lead = [
      bash(
        'orchestrate create "Child" | cut -f 1 > /workspace/child; orchestrate create "Other" | cut -f 1 > /workspace/other',
      ),
      bash(
        'until [ -e /workspace/begun ]; do sleep 0.1; done; orchestrate continue "$(cat /workspace/child)" "Do it otherwise"; ' +
          'orchestrate cancel "$(cat /workspace/other)" "Not needed"',
      ),
      bash('orchestrate wait; echo "code $?"'),
      { text: 'L' },
    ];
    // Claude forgets a call that was interrupted, so the model makes it a second time.
    const child = [bash('test -e begun || { touch begun; sleep 300; }'), { history: true }];
    const parent = await manager.create(await leading({ Lead: lead, Child: child, Other: [UNTIL_GO, { text: 'O' }] }));
    const done = await manager.waitFor(parent.id);
    expect(done).toMatchObject({ status: 'completed', result: { text: 'L' } });
    const [again, other] = childrenOf(manager, done);
    expect(again).toMatchObject({
      status: 'completed',
      runs: [{ stop: { feedback: 'Do it otherwise' } }, { feedback: 'Do it otherwise', commandId: expect.any(String) }],
      result: { text: expect.stringContaining('Do it otherwise') },
    });
    expect(again?.runs[0]?.stop?.commandId).toBe(again?.runs[1]?.commandId);
    expect(other).toMatchObject({ status: 'cancelled', result: { error: 'Not needed' } });
    expect(outputs(parent)[2]).toContain('code 4');
    await endedGone(manager);
    expect(await containersOfAll(manager.list())).toEqual([]);
  });

  it('three leaders that share two slots do not block each other', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 2, maxQueued: 20 });
    const options = await leading({ Lead: LEAD, Child: CHILD });
    const parents = await Promise.all([1, 2, 3].map(() => manager.create(options)));
    const ends = await Promise.all(parents.map(({ id }) => manager.waitFor(id)));
    expect(ends.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed']);
    expect(ends.flatMap((end) => childrenOf(manager, end)).map(({ status }) => status)).toEqual(
      Array(12).fill('completed'),
    );
    expect(mostAtWork(events)).toBe(2);
  });

  it('a leader can lead another leader if limits.depth allows it', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 1 });
    const options = await leading(
      {
        Lead: [
          bash('orchestrate create --mode orchestration Middle; orchestrate wait; orchestrate list'),
          { text: 'L' },
        ],
        Middle: [bash('orchestrate create Leaf; orchestrate wait'), { text: 'M' }],
        Leaf: [bash('command -v orchestrate || echo none'), { text: 'The leaf.' }],
      },
      { limits: { depth: 2 } },
    );
    const outputs = outputsOf(manager);
    const parent = await manager.create(options);
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    const [middle, ...others] = childrenOf(manager, parent);
    const [leaf, ...more] = childrenOf(manager, middle ?? { id: '' });
    expect([others, more]).toEqual([[], []]);
    expect([middle?.mode, leaf?.mode]).toEqual(['orchestration', 'autonomous']);
    expect(leaf?.result?.text).toBe('The leaf.');
    // The leader sees its grandchild, too.
    const lines = outputs(parent).at(-1)?.split('\n').slice(-3) ?? [];
    expect(lines.join('\n')).toContain(`${leaf?.id}\tautonomous\tcompleted\tThe leaf.`);
    expect(outputs(leaf ?? { id: '' })).toEqual(['none']);
    expect(mostAtWork(events)).toBe(1);
  });

  it('a leader works in a slot again while one of its commands waits in the background', async () => {
    const { manager, events } = await testManager({ maxConcurrent: 1 });
    const lead = [
      bash('orchestrate create "Child a"; orchestrate create "Child b"'),
      bash('orchestrate wait > /workspace/waited 2>&1 & echo it waits'),
      bash('echo works'),
      bash('echo works on'),
      bash('orchestrate wait; until [ -s /workspace/waited ]; do sleep 0.1; done; cat /workspace/waited'),
      { text: 'All done.' },
    ];
    const outputs = outputsOf(manager);
    const parent = await manager.create(await leading({ Lead: lead, Child: CHILD }));
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    expect(mostAtWork(events)).toBe(1);
    expect(outputs(parent).slice(1, 4)).toEqual(['it waits', 'works', 'works on']);
    expect(
      outputs(parent)
        .at(-1)
        ?.match(/completed\tChild done\./g),
    ).toHaveLength(4);
    await endedGone(manager);
    expect(manager.queueStatus().running).toBe(0);
  });
});

describe('a leader that waits for its child sessions', () => {
  const WAITS = {
    Lead: [bash('orchestrate create Child'), bash('orchestrate wait'), { history: true }],
    Child: [UNTIL_GO, { text: 'Child done.' }],
  };

  async function waiting(maxConcurrent: number) {
    const { manager, events } = await testManager({ maxConcurrent });
    const options = await leading(WAITS);
    const rests = nextEvent(manager, ({ type }) => type === 'session:waiting');
    const parent = await manager.create(options);
    await rests;
    await atWork(manager, 1);
    const now = () => manager.get(parent.id);
    expect(now()).toMatchObject({ status: 'waiting_feedback', waitingFor: 'children' });
    expect(manager.queueStatus().running).toBe(1);
    return { manager, events, parent, now, letGo: () => go(options.cwd) };
  }

  it('a waiting leader receives a message when it continues', async () => {
    const { manager, events, parent, letGo } = await waiting(1);
    const heard = manager.steer(parent.id, 'Look left.');
    await letGo();
    await heard;
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    const own = events.filter(({ sessionId }) => sessionId === parent.id).map(({ type }) => type);
    expect(own.filter((type) => type === 'session:steered')).toHaveLength(1);
    expect(own.indexOf('session:working')).toBeLessThan(own.indexOf('session:steered'));
  });

  it('a waiting leader can be paused and resumed, and still waits', async () => {
    const { manager, events, parent, now, letGo } = await waiting(1);
    expect(await manager.pause(parent.id)).toMatchObject({ status: 'paused', waitingFor: 'children' });
    expect(await manager.resume(parent.id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'children' });
    expect(manager.queueStatus().running).toBe(1);

    await manager.pause(parent.id);
    const works = nextEvent(manager, ({ type, sessionId }) => type === 'session:working' && sessionId === parent.id);
    await letGo();
    await works;
    expect(now()).toMatchObject({ status: 'paused' });
    expect(now()).not.toHaveProperty('waitingFor');
    expect(await manager.resume(parent.id)).toMatchObject({ status: 'running' });
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    expect(mostAtWork(events)).toBe(1);
  });

  it('a waiting leader that is continued with feedback does not share the slot of its child session', async () => {
    const { manager, events, parent, letGo } = await waiting(1);
    const [child] = childrenOf(manager, parent);
    const next = await manager.continue(parent.id, 'Never mind.');
    expect(next).toMatchObject({ status: 'queued', queuePosition: 1, runs: [{ number: 1 }, { number: 2 }] });
    expect(manager.get(child?.id ?? '')?.status).toBe('running');
    await letGo();
    const ended = await manager.waitFor(parent.id);
    expect(ended).toMatchObject({ status: 'completed' });
    expect(ended.result?.text).toContain('Never mind.');
    expect(manager.get(child?.id ?? '')?.status).toBe('completed');
    expect(mostAtWork(events)).toBe(1);
    await endedGone(manager);
    expect(manager.queueStatus().running).toBe(0);
  });

  it('a waiting leader gets a slot before queued sessions when its child session ends', async () => {
    const { manager, events, parent, letGo } = await waiting(1);
    const { prompt: _, ...options } = await leading(WAITS);
    const create = () => manager.create({ ...options, mode: 'autonomous', prompt: 'Another' });
    const others = [await create(), await create()];
    expect(others.map(({ queuePosition }) => queuePosition)).toEqual([1, 2]);
    await letGo();
    await Promise.all([parent, ...others].map(({ id }) => manager.waitFor(id)));
    expect(mostAtWork(events)).toBe(1);
    const at = (type: string, id = ''): number =>
      events.findLastIndex((event) => event.type === type && event.sessionId === id);
    // The first of the queued sessions has the slot of the child before the leader learns of the end.
    expect(at('session:working', parent.id)).toBeLessThan(at('session:started', others[1]?.id));
  });
});
