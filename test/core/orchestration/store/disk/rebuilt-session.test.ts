import { describe, expect, it } from 'vitest';
import type { Leftover } from '../../../../../src/core/orchestration/contract/executor.js';
import { resolveManagerOptions } from '../../../../../src/core/orchestration/options/resolve.js';
import { decide, resolvePolicy } from '../../../../../src/core/orchestration/session/policy.js';
import { hasOpenRun } from '../../../../../src/core/orchestration/session/transitions.js';
import {
  knownFromLeftover,
  rebuiltRecord,
  standInSpec,
} from '../../../../../src/core/orchestration/store/disk/rebuilt-session.js';
import { storedRecord, storedRecordSchema } from '../../../../../src/core/orchestration/store/disk/stored-record.js';
import { restoredSpec, storedSpecSchema } from '../../../../../src/core/orchestration/store/disk/stored-spec.js';
import { unfrozenParts } from '../../../../support/frozen.js';

const environment = { docker: true, dockerImage: 'theirs', cwd: '/work' };
const KNOWN = {
  id: 'abcdefghijkl',
  mode: 'autonomous',
  environment,
  createdAt: 7,
  taskId: 'task',
  parentId: 'parent',
} as const;

describe('a rebuilt record', () => {
  it('a rebuilt record is queued if no container or process of a run is left', () => {
    const record = rebuiltRecord(KNOWN, '/log', 0);
    expect(record).toMatchObject({ ...KNOWN, status: 'queued', logFile: '/log', runs: [] });
  });

  it('a rebuilt record has an open run if a run is left, and its log is read from the beginning', () => {
    const record = rebuiltRecord(KNOWN, '/log', 3);
    expect(record.status).toBe('starting');
    expect(hasOpenRun(record)).toBe(true);
    expect(record.runs).toEqual([
      { number: 1, launchedAt: 7, endedAt: 7 },
      { number: 2, launchedAt: 7, endedAt: 7 },
      { number: 3, launchedAt: 7, startedAt: 7, logOffset: 0 },
    ]);
  });

  it.each([0, 1, 2])('a rebuilt record with %i runs is frozen and can be stored', (latest) => {
    const record = rebuiltRecord({ ...KNOWN, environment: Object.freeze(environment) }, '/log', latest);
    expect(unfrozenParts(record)).toEqual([]);
    const text = JSON.stringify(storedRecord(1, record, record.metadata));
    expect(storedRecordSchema().safeParse(JSON.parse(text)).success).toBe(true);
  });
});

describe('the replacement of a lost specification', () => {
  const manager = resolveManagerOptions({
    stateDir: '/state',
    docker: { image: 'mine', env: { TOKEN: 'secret' }, memory: '1g' },
    policy: { rules: [{ tool: '*', decision: 'allow' }], dangerous: 'allow', onHostLost: 'allow' },
  });

  it('a replacement specification denies every tool call, even if the manager allows all', () => {
    const { policy } = restoredSpec(standInSpec(KNOWN, manager), manager, {});
    for (const tool of ['Bash', 'Read', 'mcp__x__y', 'Anything']) {
      expect(decide(policy, { toolUseId: 't', tool, input: {} })).toMatchObject({
        decision: 'deny',
        reason: expect.stringContaining('could not be read'),
      });
    }
    expect(policy).toMatchObject({
      onHostLost: 'deny',
      approvalTimeoutMs: resolvePolicy().approvalTimeoutMs,
    });
  });

  it("a replacement specification has the session's environment and no secrets", () => {
    const spec = standInSpec(KNOWN, manager);
    expect(spec).toMatchObject({
      createdAt: 7,
      environment,
      spec: { id: KNOWN.id, cwd: '/work', docker: { image: 'theirs', memory: '1g' } },
    });
    expect(JSON.stringify(spec)).not.toContain('secret');
    expect(storedSpecSchema().safeParse(JSON.parse(JSON.stringify(spec))).success).toBe(true);
    const onHost = { ...KNOWN, environment: { docker: false, dockerImage: '', cwd: '/work' } };
    expect(standInSpec(onHost, manager).spec.docker).toBe(false);
  });
});

describe('a session that is known only from its container', () => {
  const leftover: Leftover = { name: 'ao-x-2', sessionId: KNOWN.id, run: 2, environment };

  it('a leftover container gives the mode (default autonomous) and environment of its session', () => {
    expect(knownFromLeftover(KNOWN.id, { ...leftover, mode: 'planning' }, 9)).toEqual({
      id: KNOWN.id,
      mode: 'planning',
      environment,
      createdAt: 9,
    });
    expect(knownFromLeftover(KNOWN.id, leftover, 9).mode).toBe('autonomous');
  });
});
