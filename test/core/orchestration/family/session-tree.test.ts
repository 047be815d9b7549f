import { describe, expect, it } from 'vitest';
import type { SessionSpec } from '../../../../src/core/orchestration/contract/session-spec.js';
import type { BaseExecutor } from '../../../../src/core/orchestration/executors/base-executor.js';
import { handedDown, SessionTree } from '../../../../src/core/orchestration/family/session-tree.js';
import { resolveCreateOptions } from '../../../../src/core/orchestration/options/resolve.js';
import { sessionCache } from '../../../../src/core/orchestration/session/caches.js';
import { type SessionLimits, tightenLimits } from '../../../../src/core/orchestration/session/limits.js';
import type { UnpricedUsage } from '../../../../src/core/orchestration/session/model-price.js';
import { resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import type { UnifiedSession } from '../../../../src/core/orchestration/session/record.js';
import { DEFAULT_RETRY } from '../../../../src/core/orchestration/session/retry.js';
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
  unpriced?: UnpricedUsage;
  tokens?: number;
}

/** A family of sessions by id, oldest first. A session without a mode is a leader. */
function familyOf(members: Record<string, Member>) {
  const registry = new SessionRegistry();
  const specs = new Map<string, SessionSpec>();
  const add = (id: string, member: Member = {}, createdAt = specs.size): UnifiedSession => {
    const { parentId, mode = 'orchestration', status = 'running', limits = {}, costUsd, unpriced, tokens } = member;
    const record = sessionIn(status, { id, mode, ...(parentId !== undefined && { parentId }) });
    const used = { input: tokens ?? 0, output: 0, cacheRead: 0, cacheCreation: 0 };
    const metadata = {
      ...record.metadata,
      ...(costUsd !== undefined && { costUsd }),
      ...(unpriced && { unpriced }),
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

describe('leaders and the sessions below them', () => {
  const { family, registry } = familyOf({
    top: {},
    middle: { parentId: 'top' },
    leaf: { parentId: 'middle', mode: 'autonomous' },
    other: { parentId: 'top', mode: 'autonomous', status: 'completed' },
    // Its parent is not a leader: the session has a parent, but no leader.
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
  ])('the leaders above session %s, nearest first, are %j', (id, leaders) => {
    expect(idsOf(family.leadersOf(registry.require(id).parentId))).toEqual(leaders);
  });

  it.each([
    ['top', ['middle', 'leaf', 'other']],
    ['middle', ['leaf']],
    ['stranger', []],
    ['unknown', []],
  ])('the sessions below session %s, oldest first, are %j', (id, below) => {
    expect(idsOf(family.below(id))).toEqual(below);
  });

  it('the open children of a leader are its children that have not ended', () => {
    expect(idsOf(family.openChildren('top'))).toEqual(['middle']);
  });

  it('a session without a specification, or in a mode that does not lead, is not a leader', () => {
    expect(family.leader('leaf')).toBeUndefined();
    expect(family.leader(undefined)).toBeUndefined();
    expect(family.leader('gone')).toBeUndefined();
    expect(family.leader('top')?.session.id).toBe('top');
  });
});

describe('damaged records with a cycle of parents', () => {
  it.each([
    ['a session that is its own parent', { a: { parentId: 'a' } }],
    ["two sessions that are each other's parent", { a: { parentId: 'b' }, b: { parentId: 'a' } }],
    ['three sessions in a ring', { a: { parentId: 'b' }, b: { parentId: 'c' }, c: { parentId: 'a' } }],
  ] as [string, Record<string, Member>][])('a cycle of parents does not cause an endless loop: %s', (_, members) => {
    const { family, registry } = familyOf(members);
    const a = registry.require('a');
    expect(family.leadersOf(a.parentId).length).toBeLessThanOrEqual(100);
    expect(new Set(idsOf(family.leadersOf(a.parentId)))).toEqual(new Set(Object.keys(members)));
    expect(idsOf(family.below('a')).sort()).toEqual(Object.keys(members).slice(1));
    expect(family.spending(a)).toEqual({ costUsd: 0, tokens: 0 });
    expect(() => family.reserve('a')).toThrow(expect.objectContaining({ code: 'CHILDREN_LIMIT' }));
  });
});

describe('reserving a place for a child', () => {
  const refused = (family: SessionTree, id: string, words: string) =>
    errorOf(() => family.reserve(id), 'CHILDREN_LIMIT').then(({ message }) => expect(message).toContain(words));

  it('limits.children counts children that are being created and children that have ended', async () => {
    const { family } = familyOf({
      top: { limits: { children: 3 } },
      done: { parentId: 'top', status: 'completed', mode: 'autonomous' },
    });
    const settle = family.reserve('top');
    family.reserve('top');
    await refused(family, 'top', 'it leads 3 already (limits.children)');
    settle();
    settle(); // A second call does not give back another child's place.
    family.reserve('top');
    await refused(family, 'top', 'limits.children');
  });

  it('a reserved place still counts, and only once, when the child is on record', async () => {
    const { family, add } = familyOf({ top: { limits: { children: 2 } } });
    for (const id of ['a', 'b']) {
      const settle = family.reserve('top');
      add(id, { parentId: 'top', mode: 'autonomous' });
      settle();
    }
    await refused(family, 'top', 'it leads 2 already');
  });

  it('a child takes a place from every leader above it', async () => {
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

  it('no leader loses a place if one leader above refuses', async () => {
    const { family } = familyOf({
      top: { limits: { depth: 1 } },
      middle: { parentId: 'top', limits: { children: 1 } },
    });
    await refused(family, 'middle', 'it leads no more than 1 generations (limits.depth)');
    await refused(family, 'middle', 'limits.depth');
    const settle = family.reserve('top');
    settle();
  });

  it('a leader without limits has one generation of at most sixteen children', async () => {
    const { family } = familyOf({ top: {}, middle: { parentId: 'top' } });
    await refused(family, 'middle', 'limits.depth');
    for (let count = 1; count < 16; count += 1) family.reserve('top');
    await refused(family, 'top', 'it leads 16 already');
  });

  it('sessions without a leader need no place', () => {
    const { family } = familyOf({ top: {}, leaf: { mode: 'autonomous' } });
    for (const parentId of [undefined, 'leaf', 'gone']) for (let i = 0; i < 40; i += 1) family.reserve(parentId)();
  });
});

it.each([
  ['running', undefined],
  ['completed', undefined],
  ['failed', 'ILLEGAL_TRANSITION'],
  ['cancelled', 'ILLEGAL_TRANSITION'],
] as const)('whether a leader in status %s may create children (error: %s)', async (status, code) => {
  const { family } = familyOf({ top: { status }, leaf: { mode: 'autonomous', status } });
  if (code) await errorOf(() => family.requireLeading('top'), code);
  else family.requireLeading('top');
  family.requireLeading('leaf');
  family.requireLeading(undefined);
});

it("a session's spending includes all sessions that it leads, directly or not, and no others", () => {
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

it('the cost of a family counts what is known of the cost of a member', () => {
  const { family, registry } = familyOf({
    top: { mode: 'orchestration', costUsd: 1, tokens: 10 },
    child: { parentId: 'top', mode: 'autonomous', unpriced: { models: ['claude-opus-9'], atLeastUsd: 2 } },
  });
  expect(family.spending(registry.require('top')).costUsd).toBe(3);
});

describe('the options that a child gets from its leader', () => {
  const spec = {
    docker: { image: 'theirs', env: { A: '1' } },
    policy: resolvePolicy({ dangerous: 'ask' }),
    limits: { costUsd: 3 },
    claude: {},
  } as Partial<SessionSpec> as SessionSpec;
  const leader = sessionIn('running', { id: 'top', mode: 'orchestration' });

  it("a child gets its leader's workspace, container, policy, disallowed tools, limits and account", () => {
    const { docker, policy } = spec;
    const limits = { ...spec.limits, logBytes: 1024 ** 3 };
    const provider = { retry: DEFAULT_RETRY, onOverage: 'continue' };
    const handed = { led: true, docker, policy, limits, disallowedTools: [], cwd: '/work', root: '/work', ...provider };
    expect(handedDown(leader, spec, undefined)).toEqual(handed);
    const strict = { ...spec, claude: { disallowedTools: ['WebFetch'] } };
    expect(handedDown(leader, strict, undefined)).toEqual({ ...handed, disallowedTools: ['WebFetch'] });
    const mine = { account: 'mine', retry: { ...DEFAULT_RETRY, attempts: 0 }, onOverage: 'end' } as const;
    expect(handedDown(leader, { ...spec, ...mine }, undefined)).toEqual({ ...handed, ...mine });
    const environment = { ...leader.environment, worktree: '/work-tree' };
    expect(handedDown({ ...leader, environment }, spec, { image: 'mine' })).toMatchObject({
      cwd: '/work-tree',
      root: '/work-tree',
    });
    const part = { ...environment, cwd: '/work/a/b', root: '/work' };
    expect(handedDown({ ...leader, environment: part }, spec, { image: 'mine' })).toMatchObject({
      cwd: '/work-tree/a/b',
      root: '/work-tree',
    });
  });

  it('setup and caches are handed down, and ports of the machine are not', () => {
    const setup = [{ run: 'npm ci' }];
    const docker = { image: 'image', ports: [{ container: 80, host: 80 }], shmSize: '1g', allowUnsafePorts: true };
    const given = { ...spec, docker, setup, caches: [sessionCache('npm')] };
    const { docker: handed, ...rest } = handedDown(leader, given, undefined);
    expect(handed).toEqual({ image: 'image', shmSize: '1g', allowUnsafePorts: true });
    expect(rest).toMatchObject({ setup, caches: [{ name: 'npm' }] });
    // A child's options are resolved again from what is handed down.
    const { caches } = resolveCreateOptions('b', { prompt: 'x' }, { ...rest, docker: handed });
    expect(caches).toEqual(given.caches);
  });

  it("a child's logBytes is at most the leader's, even if the leader sets none", async () => {
    const { limits } = handedDown(leader, spec, undefined);
    await errorOf(() => tightenLimits(limits ?? {}, { logBytes: 1024 ** 3 + 1 }), 'INVALID_OPTIONS');
    const strict = handedDown(leader, { ...spec, limits: { logBytes: 1_000_000 } }, undefined);
    expect(strict.limits).toMatchObject({ logBytes: 1_000_000 });
  });

  it('a child cannot run without Docker unless its leader does', async () => {
    await errorOf(() => handedDown(leader, spec, false), 'INVALID_OPTIONS');
    expect(handedDown(leader, { ...spec, docker: false }, false).docker).toBe(false);
  });
});
