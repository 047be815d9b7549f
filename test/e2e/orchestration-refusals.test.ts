import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { atWork, childrenOf, leading, outputsOf, UNTIL_GO } from './families.js';
import { bash, type ModelTurn, nextEvent, scripted, tempFolder, testManager } from './support.js';

/** Prints the output of each command, of both streams, and then its exit code. */
const tries = (...commands: string[]): ModelTurn =>
  bash(commands.map((command) => `{ ${command}; } 2>&1; echo "code $?"`).join('\n'));

/** The output and the exit code of each command. */
function answersIn(output = ''): { said: string; code: number }[] {
  return [...output.matchAll(/([\s\S]*?)code (\d+)(?:\n|$)/g)].map(([, said = '', code]) => ({
    said,
    code: Number(code),
  }));
}

const CHILD = [{ text: 'Child done.' }];

describe('the rights of a leader session', () => {
  it('a leader cannot create a child with a looser policy, higher limits or mode interactive', async () => {
    const { manager } = await testManager();
    const outputs = outputsOf(manager);
    const lead = [
      tries(
        'orchestrate create --dangerous allow Child',
        'orchestrate create --cost-usd 2 Child',
        'orchestrate create --tokens 1000001 Child',
        'orchestrate create --children 5 --mode orchestration Child',
        'orchestrate create --mode interactive Child',
      ),
      { text: 'L' },
    ];
    const limits = { costUsd: 1, tokens: 1_000_000, children: 4 };
    const parent = await manager.create(await leading({ Lead: lead, Child: CHILD }, { limits }));
    const { status, result } = await manager.waitFor(parent.id);
    expect({ status, result }).toMatchObject({ status: 'completed' });
    const answers = answersIn(outputs(parent)[0]);
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 1, 1, 2]);
    for (const [at, word] of [
      'policy',
      'limits.costUsd',
      'limits.tokens',
      'limits.children',
      'interactive',
    ].entries()) {
      expect(answers[at]?.said).toContain(word);
    }
    expect(manager.list()).toHaveLength(1);
  });

  it('a child session inherits policy and limits, which the leader may tighten', async () => {
    const { manager, stateDir } = await testManager();
    const lead = [
      bash('orchestrate create --cost-usd 0.5 --deny Read --children 2 Child; orchestrate wait'),
      { text: 'L' },
    ];
    const child = [
      bash('touch /workspace/by-child'),
      { tool: 'Read', input: { file_path: '/etc/hosts' } },
      { text: 'C' },
    ];
    const policy = { rules: [{ tool: 'Bash', matches: /touch/, decision: 'deny' as const }] };
    const limits = { costUsd: 1, durationMs: 600_000 };
    const options = await leading({ Lead: lead, Child: child }, { policy, limits });
    const parent = await manager.create(options);
    await manager.waitFor(parent.id);
    const [{ id = '', metadata } = {}] = childrenOf(manager, parent);
    expect(metadata?.toolsUsed.map(({ name, outcome }) => [name, outcome])).toEqual([
      ['Bash', 'denied'],
      ['Read', 'denied'],
    ]);
    const { spec } = JSON.parse(await readFile(join(stateDir, 'sessions', id, 'spec.json'), 'utf8'));
    expect(spec.limits).toEqual({ costUsd: 0.5, durationMs: 600_000, children: 2, logBytes: 1024 ** 3 });
  });

  it('limits.children and limits.depth bound the sessions that a leader creates', async () => {
    const { manager } = await testManager();
    const outputs = outputsOf(manager);
    const lead = [
      tries(
        'orchestrate create --mode orchestration Middle',
        'orchestrate create Child',
        'orchestrate create Child',
        'orchestrate wait',
      ),
      { text: 'L' },
    ];
    const parts = { Lead: lead, Middle: [tries('orchestrate create Leaf'), { text: 'M' }], Child: CHILD };
    const parent = await manager.create(await leading(parts, { limits: { children: 2 } }));
    await manager.waitFor(parent.id);
    const answers = answersIn(outputs(parent)[0]);
    expect(answers.map(({ code }) => code)).toEqual([0, 0, 1, 0]);
    expect(answers[2]?.said).toContain('limits.children');
    const [middle] = childrenOf(manager, parent);
    const [refused] = answersIn(outputs(middle ?? { id: '' })[0]);
    expect(refused?.code).toBe(1);
    // Its leader may or may not have two children by then: either limit refuses the grandchild.
    expect(refused?.said).toMatch(/limits\.(depth|children)/);
    expect(manager.list()).toHaveLength(3);
  });

  it('a child session cannot create a grandchild if only children are allowed', async () => {
    const { manager } = await testManager();
    const outputs = outputsOf(manager);
    const parts = {
      Lead: [bash('orchestrate create --mode orchestration Middle; orchestrate wait'), { text: 'L' }],
      Middle: [tries('orchestrate create Leaf'), { text: 'M' }],
    };
    const parent = await manager.create(await leading(parts));
    await manager.waitFor(parent.id);
    const [middle] = childrenOf(manager, parent);
    expect(answersIn(outputs(middle ?? { id: '' })[0])).toEqual([
      { code: 1, said: expect.stringContaining('limits.depth') },
    ]);
    expect(manager.list()).toHaveLength(2);
  });

  it('a leader cannot read, cancel, continue or await a session that it does not lead', async () => {
    const { manager } = await testManager();
    const outputs = outputsOf(manager);
    const parts = {
      Lead: [
        bash(
          'orchestrate create Sibling | cut -f 1 > /workspace/sibling; orchestrate create --mode orchestration Middle',
        ),
        bash('orchestrate wait'),
        { text: 'L' },
      ],
      Sibling: [UNTIL_GO, { text: 'The secret.' }],
      Middle: [
        tries(
          'orchestrate logs "$(cat /workspace/sibling)"',
          'orchestrate cancel "$(cat /workspace/sibling)"',
          'orchestrate continue "$(cat /workspace/sibling)" "Do something else"',
          'orchestrate wait "$(cat /workspace/sibling)"',
          'orchestrate list',
        ),
        bash('touch /workspace/go'),
        { text: 'M' },
      ],
    };
    const parent = await manager.create(await leading(parts));
    await manager.waitFor(parent.id);
    const [sibling, middle] = childrenOf(manager, parent);
    expect(sibling).toMatchObject({ status: 'completed', runs: [{ number: 1 }] });
    const answers = answersIn(outputs(middle ?? { id: '' })[0]);
    expect(answers.map(({ code }) => code)).toEqual([1, 1, 1, 1, 0]);
    for (const { said } of answers.slice(0, 4)) expect(said).toContain('You lead no session');
    expect(answers[4]?.said).toBe('');
  });

  it('an invalid orchestrate command fails and says what is wrong', async () => {
    const { manager, events } = await testManager();
    const outputs = outputsOf(manager);
    const lead = [
      tries(
        'orchestrate',
        'orchestrate nonsense',
        'orchestrate create',
        'orchestrate create one two',
        'orchestrate create --cost-usd much Child',
        'orchestrate create --base main Child',
        'orchestrate logs ../../etc/passwd',
        'orchestrate wait --timeout 0.1 unknown',
        `orchestrate create "$(printf '\\033[2J\\007')"`,
        `orchestrate $(seq 1100)`,
      ),
      tries(
        "head -c 3000000 /dev/zero | tr '\\0' x | orchestrate create -",
        "head -c 100000 /dev/zero | tr '\\0' x | { cat; echo Child; } | orchestrate create - | cut -f 2,3",
      ),
      bash('orchestrate wait'),
      { text: 'L' },
    ];
    const parent = await manager.create(await leading({ Lead: lead, Child: CHILD }));
    expect(await manager.waitFor(parent.id)).toMatchObject({ status: 'completed' });
    const [small, large] = outputs(parent).map(answersIn);
    expect(small?.map(({ code }) => code)).toEqual([0, 2, 2, 2, 2, 2, 1, 1, 0, 2]);
    expect(small?.[1]?.said).toContain('no command "nonsense"');
    expect(small?.[7]?.said).toContain('You lead no session');
    expect(large?.[0]).toMatchObject({ code: 1, said: expect.stringContaining('more than 2097152 bytes') });
    expect(large?.[1]).toMatchObject({ code: 0, said: expect.stringMatching(/^autonomous\t(starting|queued)\n$/) });
    const children = childrenOf(manager, parent);
    expect(children.map(({ status }) => status)).toEqual(['completed', 'completed']);
    expect(events.filter(({ type }) => type === 'session:failed')).toEqual([]);
  });
});

it('a session that is no leader has no orchestrate command, and handwritten requests are refused', async () => {
  // The attack here has to fail without the guard, too.
  const { manager } = await testManager({ policy: { dangerous: 'allow' } });
  const outputs = outputsOf(manager);
  const byHand = [
    'at=/run/autonomous-orchestration; id=$(cat /proc/sys/kernel/random/uuid)',
    "printf 'create\\000--mode\\000orchestration\\000Child\\000' > $at/requests/$id.part; mv $at/requests/$id.part $at/requests/$id.args",
    'until [ -e $at/answers/$id ]; do sleep 0.05; done; cat $at/answers/$id',
  ].join('\n');
  const script = scripted(bash('command -v orchestrate || echo none'), bash(byHand), { text: 'x' });
  const { id } = await manager.create({ ...script, prompt: 'Go', cwd: await tempFolder() });
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed' });
  expect(outputs({ id })).toEqual(['none', '1\nOnly an orchestration session leads others.']);
  expect(manager.list()).toHaveLength(1);
});

describe('a child session that the process creates', () => {
  it('a child session that the process creates inherits limits, is counted, and ends with its leader', async () => {
    const { manager, stateDir } = await testManager({ policy: { dangerous: 'allow' } });
    const limits = { costUsd: 1, children: 2 };
    const parts = { Lead: [UNTIL_GO, { text: 'L' }], Child: [bash('pwd; ls /workspace; sleep 300')] };
    const policy = { dangerous: 'ask' as const };
    const options = await leading(parts, { limits, policy });
    const parent = await manager.create(options);
    const parentId = parent.id;
    await nextEvent(manager, ({ type }) => type === 'session:tool');

    const refused = [
      { docker: false as const },
      { limits: { costUsd: 2 } },
      { limits: { children: 3 } },
      { policy: { dangerous: 'allow' as const } },
    ];
    for (const own of refused) {
      await expect(manager.create({ parentId, prompt: 'Child', ...own })).rejects.toMatchObject({
        code: 'INVALID_OPTIONS',
      });
    }
    expect(childrenOf(manager, parent)).toEqual([]);

    const [a, b, c] = await Promise.allSettled(
      ['a', 'b', 'c'].map((name) =>
        manager.create({ parentId, prompt: `Child ${name}`, limits: { tokens: 9_000_000 } }),
      ),
    );
    expect([a?.status, b?.status]).toEqual(['fulfilled', 'fulfilled']);
    expect(c).toMatchObject({ status: 'rejected', reason: { code: 'CHILDREN_LIMIT' } });
    const children = childrenOf(manager, parent);
    expect(children.map(({ environment }) => environment.cwd)).toEqual([options.cwd, options.cwd]);
    const file = join(stateDir, 'sessions', children[0]?.id ?? '', 'spec.json');
    const { spec, policy: inherited } = JSON.parse(await readFile(file, 'utf8'));
    expect(spec.limits).toEqual({ ...limits, tokens: 9_000_000, logBytes: 1024 ** 3 });
    expect(inherited.layers).toMatchObject([{ dangerous: 'ask' }]);

    await atWork(manager, 3);
    await manager.cancel(parentId);
    expect(childrenOf(manager, parent).map(({ status }) => status)).toEqual(['cancelled', 'cancelled']);
  });
});
