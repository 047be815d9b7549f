import { describe, expect, it } from 'vitest';
import {
  type Inheritance,
  resolveCreateOptions,
  resolveManagerOptions,
} from '../../../../src/core/orchestration/options/resolve.js';
import { DEFAULT_POLICY } from '../../../../src/core/orchestration/session/policy.js';
import { errorOf } from '../../../support/errors.js';

const INHERITED = [{ run: 'npm ci' }];
const created = (options: object, base: Partial<Inheritance> = {}) =>
  resolveCreateOptions('a', { prompt: 'Go', ...options }, { docker: {}, policy: DEFAULT_POLICY, ...base });
const refusal = async (options: object, base: Partial<Inheritance> = {}): Promise<string> =>
  (await errorOf(() => created(options, base), 'INVALID_OPTIONS')).message;

describe('the option setup', () => {
  it.each([
    ['setup', 'npm ci'],
    ['setup.0', ['npm ci']],
    ['setup.0.run', [{ run: ' ' }]],
    ['setup.0.run', [{ run: 'a\0b' }]],
    ['setup.0.timeoutMs', [{ run: 'a', timeoutMs: 0 }]],
    ['setup.0.timeoutMs', [{ run: 'a', timeoutMs: 86_400_001 }]],
    ['setup.0.user', [{ run: 'a', user: 'root' }]],
  ])('%s as %j is refused by create() and by the manager', async (named, setup) => {
    expect(await refusal({ setup })).toContain(`Option '${named}'`);
    await errorOf(() => resolveManagerOptions({ setup } as object), 'INVALID_OPTIONS');
  });

  it('a session runs its own commands, else those of the manager, and none if it says so', () => {
    const setup = [{ run: 'make', timeoutMs: 5 }];
    expect(created({ setup }, { setup: INHERITED }).setup).toEqual(setup);
    expect(created({}, { setup: INHERITED }).setup).toEqual(INHERITED);
    expect(created({ setup: [] }, { setup: INHERITED })).not.toHaveProperty('setup');
    expect(created({})).not.toHaveProperty('setup');
  });

  it.each([{ docker: false }, { mode: 'planning' }])(
    '%j refuses commands of its own and leaves out the others',
    async (how) => {
      expect(await refusal({ ...how, setup: INHERITED })).toMatch(/docker: false|planning/);
      expect(created(how, { setup: INHERITED })).not.toHaveProperty('setup');
      expect(created({ ...how, setup: [] })).not.toHaveProperty('setup');
    },
  );

  it('a session that another one leads is set up only in a worktree of its own', () => {
    const base = { setup: INHERITED, led: true } as const;
    expect(created({}, base)).not.toHaveProperty('setup');
    expect(created({ worktree: 'topic' }, base).setup).toEqual(INHERITED);
  });
});

describe('the option caches', () => {
  it.each([
    ['caches.0', ['nmp']],
    ['caches.0.name', [{ name: 'A b', target: '/c' }]],
    ['caches.0.target', [{ name: 'mine' }]],
    ['caches.0.maxBytes', [{ name: 'npm', maxBytes: 0 }]],
    ['caches', ['npm', { name: 'npm', target: '/c' }]],
    ['caches', [{ name: 'mine', target: 'relative' }]],
    ['caches', [{ name: 'mine', target: '/workspace/.git' }]],
    ['caches', [{ name: 'mine', target: '/run/autonomous-orchestration/setup' }]],
  ])('%s as %j is refused', async (named, caches) => {
    expect(await refusal({ caches })).toContain(`Option '${named}'`);
  });

  it('a cache is never mounted where something else is', async () => {
    const docker = { volumes: [{ name: 'data', target: '/c' }] };
    expect(await refusal({ caches: [{ name: 'mine', target: '/c' }], docker })).toContain('"/c"');
  });

  it('a package manager has a place and variables, and a session gets the caches of the manager', () => {
    const [npm] = created({}, { caches: ['npm'] }).caches ?? [];
    expect(npm).toMatchObject({ name: 'npm', target: '/var/cache/autonomous-orchestration/npm' });
    expect(created({ caches: [] }, { caches: ['npm'] })).not.toHaveProperty('caches');
    expect(created({ docker: false }, { caches: ['npm'] })).not.toHaveProperty('caches');
    expect(JSON.parse(JSON.stringify(npm))).toEqual(npm);
  });

  it('a session without a container has no caches', async () => {
    expect(await refusal({ docker: false, caches: ['npm'] })).toContain('docker: false');
  });
});
