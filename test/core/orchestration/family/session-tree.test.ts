import { describe, expect, it } from 'vitest';
import type { SessionSpec } from '../../../../src/core/orchestration/contract/session-spec.js';
import type { BaseExecutor } from '../../../../src/core/orchestration/executors/base-executor.js';
import { handedDown, SessionTree } from '../../../../src/core/orchestration/family/session-tree.js';
import { type SessionLimits, tightenLimits } from '../../../../src/core/orchestration/session/limits.js';
import { resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import type { SessionMode, SessionStatus } from '../../../../src/core/orchestration/session/status.js';
import { SessionRegistry } from '../../../../src/core/orchestration/store/registry.js';
import { errorOf } from '../../../support/errors.js';
import { sessionIn } from '../../../support/sessions.js';

const _LEADS = { leads: true } as BaseExecutor;
const _FOLLOWS = { leads: false } as BaseExecutor;

interface Member {
  parentId?: string;
  mode?: SessionMode;
  status?: SessionStatus;
  limits?: SessionLimits;
  costUsd?: number;
  tokens?: number;
}

/** A family of sessions by id, oldest first. Whose mode is not said leads. */
function familyOf(members: Record<string, Member>) {
  const registry = new SessionRegistry();
  const specs = new Map<string, SessionSpec>();
  const add = (id: string, member: Member = {}, createdAt = specs.size): UnifiedSession => {
    const { parentId, mode = 'orchestration', status = 'running', limits = {}, costUsd, tokens } = member;
    const record = sessionIn(status, { id, mode, ...(parentId !== undefined && { parentId }) });
    const used = { input: tokens ?? 0, output: 0, cacheRead: 0, cacheCreation: 0 };
    const metadata = {
      ...record.metadata,
      ...(costUsd !== undefined && { costUsd }),
      ...(tokens !== undefined && { tokens: used }),
    };
    registry.set({ ...record, createdAt, metadata });
    specs.set(id, { id, limits } as SessionSpec);
    return registry.require(id);
  };
  for (const [id, member] of Object.entries(members)) add(id, member);
  const family = new SessionTree(registry, {
    get(id) {
      const spec = specs.get(id);
      return spec && { spec, executor: { leads: registry.require(id).mode === 'orchestration' } };
    },
  });
  return { family, registry, specs, add };
}

const idsOf = (sessions: readonly UnifiedSession[]): string[] => sessions.map(({ id }) => id);

describe('who leads whom', () => {
  const { family, registry } = familyOf({
    top: {},
    middle: { parentId: 'top' },
    leaf: { parentId: 'middle', mode: 'autonomous' },
    other: { parentId: 'top', mode: 'autonomous', status: 'completed' },
    // Named by a session that leads nobody: it is that one's, but nobody's to lead.
    named: { parentId: 'leaf', mode: 'autonomous' },
    stranger: {},
    orphan: { parentId: 'gone', mode: 'autonomous' },
  });

  it.each([
    ['top', []],
    ['middle', ['top']],
    ['leaf', ['middle', 'top']],
    ['named', []],
    ['stranger', []],
    ['orphan', []],
  ])('above %s are %j, the nearest first', (id, leaders) => {
    expect(idsOf(family.leadersOf(registry.require(id).parentId))).toEqual(leaders);
  });

  it.each([
    ['top', ['middle', 'leaf', 'other']],
    ['middle', ['leaf']],
    ['stranger', []],
    ['unknown', []],
  ])('below %s are %j, oldest first', (id, below) => {
    expect(idsOf(family.below(id))).toEqual(below);
  });

  it('open children are those that have not ended', () => {
    expect(idsOf(family.openChildren('top'))).toEqual(['middle']);
  });

  it('a session without a spec, or of a mode that leads nobody, is no leader', () => {
    expect(family.leader('leaf')).toBeUndefined();
    expect(family.leader(undefined)).toBeUndefined();
    expect(family.leader('gone')).toBeUndefined();
    expect(family.leader('top')?.session.id).toBe('top');
  });
});

describe('records that were damaged', () => {
  it.each([
    ['one that names itself', { a: { parentId: 'a' } }],
    ['two that name each other', { a: { parentId: 'b' }, b: { parentId: 'a' } }],
    ['three in a ring', { a: { parentId: 'b' }, b: { parentId: 'c' }, c: { parentId: 'a' } }],
  ] as [string, Record<string, Member>][])('%s: every question has an end', (_, members) => {
    const { family, registry } = familyOf(members);
    const a = registry.require('a');
    expect(family.leadersOf(a.parentId).length).toBeLessThanOrEqual(100);
    expect(new Set(idsOf(family.leadersOf(a.parentId)))).toEqual(new Set(Object.keys(members)));
    expect(idsOf(family.below('a')).sort()).toEqual(Object.keys(members).slice(1));
    expect(family.spending(a)).toEqual({ costUsd: 0, tokens: 0 });
    expect(() => family.reserve('a')).toThrow(expect.objectContaining({ code: 'CHILDREN_LIMIT' }));
  });
});

describe('a place for a child', () => {
  const refused = (family: SessionTree, id: string, words: string) =>
    errorOf(() => family.reserve(id), 'CHILDREN_LIMIT').then(({ message }) => expect(message).toContain(words));

  it('counts those that are being made, and those that have ended', async () => {
    const { family } = familyOf({
      top: { limits: { children: 3 } },
      done: { parentId: 'top', status: 'completed', mode: 'autonomous' },
    });
    const settle = family.reserve('top');
    family.reserve('top');
    await refused(family, 'top', 'it leads 3 already (limits.children)');
    settle();
    settle(); // A second time gives nobody else's back.
    family.reserve('top');
    await refused(family, 'top', 'limits.children');
  });

  it('is neither lost nor counted twice when the child is on record', async () => {
    const { family, add } = familyOf({ top: { limits: { children: 2 } } });
    for (const id of ['a', 'b']) {
      const settle = family.reserve('top');
      add(id, { parentId: 'top', mode: 'autonomous' });
      settle();
    }
    await refused(family, 'top', 'it leads 2 already');
  });

  it('is taken of all that lead', async () => {
    const { family } = familyOf({
      top: { limits: { children: 2, depth: 2 } },
      middle: { parentId: 'top', limits: { children: 9, depth: 2 } },
    });
    const settle = family.reserve('middle');
    await refused(family, 'top', 'Session top cannot lead a further session');
    await refused(family, 'middle', 'Session top cannot lead a further session');
    settle();
    family.reserve('top');
  });

  it('is not taken where one of them refuses', async () => {
    const { family } = familyOf({
      top: { limits: { depth: 1 } },
      middle: { parentId: 'top', limits: { children: 1 } },
    });
    await refused(family, 'middle', 'it leads no more than 1 generations (limits.depth)');
    await refused(family, 'middle', 'limits.depth');
    const settle = family.reserve('top');
    settle();
  });

  it('has its depth, one generation and sixteen children where nobody says anything', async () => {
    const { family } = familyOf({ top: {}, middle: { parentId: 'top' } });
    await refused(family, 'middle', 'limits.depth');
    for (let count = 1; count < 16; count += 1) family.reserve('top');
    await refused(family, 'top', 'it leads 16 already');
  });

  it('is free for whoever nobody leads', () => {
    const { family } = familyOf({ top: {}, leaf: { mode: 'autonomous' } });
    for (const parentId of [undefined, 'leaf', 'gone']) for (let i = 0; i < 40; i += 1) family.reserve(parentId)();
  });
});

it.each([
  ['running', undefined],
  ['completed', undefined],
  ['failed', 'ILLEGAL_TRANSITION'],
  ['cancelled', 'ILLEGAL_TRANSITION'],
] as const)('one that is %s leads on, or not (%s)', async (status, code) => {
  const { family } = familyOf({ top: { status }, leaf: { mode: 'autonomous', status } });
  if (code) await errorOf(() => family.requireLeading('top'), code);
  else family.requireLeading('top');
  family.requireLeading('leaf');
  family.requireLeading(undefined);
});

it('what is spent below is spent above, too, and nowhere else', () => {
  const { family, registry } = familyOf({
    top: { costUsd: 1, tokens: 10 },
    middle: { parentId: 'top', costUsd: 2, tokens: 20 },
    leaf: { parentId: 'middle', mode: 'autonomous', costUsd: 4, tokens: 40 },
    silent: { parentId: 'top', mode: 'autonomous' },
    named: { parentId: 'leaf', mode: 'autonomous', costUsd: 8, tokens: 80 },
  });
  const spending = (id: string) => family.spending(registry.require(id));
  expect(spending('top')).toEqual({ costUsd: 7, tokens: 70 });
  expect(spending('middle')).toEqual({ costUsd: 6, tokens: 60 });
  expect(spending('leaf')).toEqual({ costUsd: 4, tokens: 40 });
  expect(spending('silent')).toEqual({ costUsd: 0, tokens: 0 });
});

describe('what is handed down', () => {
  const spec = {
    docker: { image: 'theirs', env: { A: '1' } },
    policy: resolvePolicy({ dangerous: 'ask' }),
    limits: { costUsd: 3 },
    claude: {},
  } as Partial<SessionSpec> as SessionSpec;
  const leader = sessionIn('running', { id: 'top', mode: 'orchestration' });

  it('is its workspace, its container, its policy and its limits', () => {
    const { docker, policy } = spec;
    const limits = { ...spec.limits, logBytes: 1024 ** 3 };
    const handed = { led: true, docker, policy, limits, disallowedTools: [], cwd: '/work' };
    expect(handedDown(leader, spec, undefined)).toEqual(handed);
    const strict = { ...spec, claude: { disallowedTools: ['WebFetch'] } };
    expect(handedDown(leader, strict, undefined)).toEqual({ ...handed, disallowedTools: ['WebFetch'] });
    const environment = { ...leader.environment, worktree: '/work-tree' };
    expect(handedDown({ ...leader, environment }, spec, { image: 'mine' }).cwd).toBe('/work-tree');
  });

  it('is a log no longer than its own, also where it says nothing about that', async () => {
    const { limits } = handedDown(leader, spec, undefined);
    await errorOf(() => tightenLimits(limits ?? {}, { logBytes: 1024 ** 3 + 1 }), 'INVALID_OPTIONS');
    const strict = handedDown(leader, { ...spec, limits: { logBytes: 1_000_000 } }, undefined);
    expect(strict.limits).toMatchObject({ logBytes: 1_000_000 });
  });

  it('cannot be left for the host, unless it is there itself', async () => {
    await errorOf(() => handedDown(leader, spec, false), 'INVALID_OPTIONS');
    expect(handedDown(leader, { ...spec, docker: false }, false).docker).toBe(false);
  });
});
