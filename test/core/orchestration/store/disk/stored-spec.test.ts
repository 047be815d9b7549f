import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { variableProblem } from '../../../../../src/core/orchestration/guard/guard-environment.js';
import { resolveCreateOptions, resolveManagerOptions } from '../../../../../src/core/orchestration/options/resolve.js';
import type { CreateSessionOptions } from '../../../../../src/core/orchestration/session/create-options.js';
import {
  restoredSpec,
  STATE_VERSION,
  type StoredSpec,
  storedSpec,
  storedSpecSchema,
} from '../../../../../src/core/orchestration/store/disk/stored-spec.js';
import { createdSession } from '../../../../support/sessions.js';

const ID = 'abcdefghijkl';
const record = createdSession({ id: ID, taskId: 'task', parentId: 'parent' });
const managerWith = (env: Record<string, string> = {}) =>
  resolveManagerOptions({ stateDir: '/state', docker: { image: 'manager', env } });
const specOf = (options: CreateSessionOptions, manager = managerWith()) => resolveCreateOptions(ID, options, manager);
/** The specification as it is read back from a file. */
const stored = (options: CreateSessionOptions, manager = managerWith()): StoredSpec =>
  JSON.parse(JSON.stringify(storedSpec(specOf(options, manager), record, manager)));

describe('the stored specification of a session', () => {
  const ALL: CreateSessionOptions = {
    prompt: 'Fix "it"\n\u2028',
    cwd: '/work',
    worktree: { branch: 'b', base: 'main' },
    workspaces: ['/work', '/other'],
    docker: { image: 'own', memory: '1g', user: '1:2', mounts: ['/a:/b:ro'] },
    system: 's',
    appendSystem: 'a',
    tools: ['Read'],
    disallowedTools: ['Write'],
    maxTurns: 3,
    limits: { costUsd: 1, tokens: 5 },
    policy: { rules: [{ tool: 'Bash', matches: /x/i, decision: 'ask' }] },
  };

  it('a stored specification is restored unchanged under the same manager', () => {
    expect(restoredSpec(stored(ALL), managerWith(), {})).toEqual(specOf(ALL));
  });

  it('the user whom create() chose is restored', () => {
    const spec = { ...specOf(ALL), worksAs: { uid: 1234, gid: 5, groups: [27] } };
    const text = JSON.stringify(storedSpec(spec, record, managerWith()));
    expect(
      restoredSpec(storedSpecSchema().parse(JSON.parse(text)) as unknown as StoredSpec, managerWith(), {}),
    ).toEqual(spec);
  });

  it.each<[string, CreateSessionOptions]>([
    ['of a session without Docker', { prompt: 'x', cwd: '/work', docker: false }],
    ['of a session with a prompt file', { promptFile: '/work/p.md', data: { deep: [1, 'two'] }, cwd: '/work' }],
    ['of a session with a prompt and nothing else', { prompt: 'x' }],
  ])('a stored specification is restored unchanged: %s', (_, options) => {
    expect(restoredSpec(stored(options), managerWith(), {})).toEqual(specOf(options));
  });

  it("a stored specification holds what a lost record needs, and only this version's is accepted", () => {
    expect(stored(ALL)).toMatchObject({
      version: STATE_VERSION,
      createdAt: record.createdAt,
      taskId: 'task',
      parentId: 'parent',
      environment: record.environment,
    });
    expect(storedSpecSchema().safeParse(stored(ALL)).success).toBe(true);
    expect(storedSpecSchema().safeParse({ ...stored(ALL), version: STATE_VERSION + 1 }).success).toBe(false);
  });
});

describe('the environment variables of a stored session', () => {
  it("a variable is the session's own unless the manager has the same value", () => {
    const manager = managerWith({ SHARED: 'manager', OTHER: 'manager' });
    const options = { prompt: 'x', docker: { env: { SHARED: 'session', OWN: 'session', OTHER: 'manager' } } };
    expect(stored(options, manager).ownEnv).toEqual(['SHARED', 'OWN']);
  });

  it("own variables are restored from the caller's values, the others from the new manager", () => {
    const old = managerWith({ SHARED: 'old', GONE: 'old' });
    const left = stored({ prompt: 'x', docker: { env: { OWN: 'session' } } }, old);
    const now = managerWith({ SHARED: 'new', NEW: 'new' });
    const { docker } = restoredSpec(left, now, { OWN: 'given', UNASKED: 'given' });
    expect(docker).toMatchObject({ env: { SHARED: 'new', NEW: 'new', OWN: 'given' } });
    expect(docker && Object.keys(docker.env ?? {}).sort()).toEqual(['NEW', 'OWN', 'SHARED']);
  });

  it('an own variable without a value is missing, and is not taken from Object.prototype', () => {
    const left = stored({ prompt: 'x', docker: { env: { OWN: 'session', toString: 'session' } } });
    expect(left.ownEnv).toEqual(['OWN', 'toString']);
    expect(restoredSpec(left, managerWith(), {}).docker).toMatchObject({ env: {} });
    expect(restoredSpec(left, managerWith(), {}).docker).not.toHaveProperty('env.OWN');
    expect(Object.keys((restoredSpec(left, managerWith(), {}).docker as { env: object }).env)).toEqual([]);
  });

  it('the stored file never contains the value of a variable, neither of session nor of manager', () => {
    const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,12}$/).filter((text) => variableProblem(text) === undefined);
    const value = fc.tuple(fc.uuid(), fc.string()).map(([secret, rest]) => `${secret}${rest}`);
    const env = fc.dictionary(name, value, { maxKeys: 6 });
    fc.assert(
      fc.property(env, env, fc.boolean(), (theirs, own, bare) => {
        const manager = managerWith(theirs);
        const options: CreateSessionOptions = { prompt: 'x', docker: bare ? false : { env: { ...own } } };
        const left = stored(options, manager);
        const text = JSON.stringify(left);
        for (const one of [...Object.values(theirs), ...Object.values(own)]) {
          expect(text).not.toContain(one.slice(0, 36));
        }
        expect([...left.ownEnv].sort()).toEqual(bare ? [] : Object.keys(own).sort());
        expect(restoredSpec(left, manager, own)).toEqual(specOf(options, manager));
      }),
      { numRuns: 200 },
    );
  });
});
