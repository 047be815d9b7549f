import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import type { RunHandle } from '../../../../src/core/orchestration/contract/run-handle.js';
import type { EngineVolumes } from '../../../../src/core/orchestration/docker/engine-volumes.js';
import { type AskedCaches, SessionCaches } from '../../../../src/core/orchestration/docker/session-caches.js';
import { sessionCache } from '../../../../src/core/orchestration/session/caches.js';
import { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import type { EngineVolume } from '../../../../src/core/orchestration/workspace/volumes.js';
import { errorOf } from '../../../support/errors.js';
import { eventually } from '../../../support/eventually.js';

const OWNER = { uid: 1000, gid: 1000 };
const asked = (more: Partial<AskedCaches> = {}): AskedCaches => ({
  caches: [sessionCache({ name: 'npm', maxBytes: 1_000 })],
  scope: '/project/.git',
  owner: OWNER,
  image: 'image',
  ...more,
});

/** An engine's volumes, and which containers use them. */
function scene(owner = 'me') {
  const all = new Map<string, EngineVolume>();
  const users = new Map<string, string[]>();
  const volumes = {
    inspect: vi.fn(async (name: string) => all.get(name)),
    create: vi.fn(async (name: string, labels: Record<string, string>) => {
      const made = { name, driver: 'local', options: {}, labels, createdAt: '' };
      all.set(name, made);
      return made;
    }),
    remove: vi.fn(async (name: string) => {
      if ((users.get(name) ?? []).length > 0) return false;
      all.delete(name);
      return true;
    }),
    users: vi.fn(async (name: string) => users.get(name) ?? []),
  };
  const helpers = {
    give: vi.fn(async () => {}),
    bytesOf: vi.fn(async () => 10),
    isOwn: (name: string) => name.startsWith('helper'),
  };
  const make = () => new SessionCaches({ volumes: volumes as unknown as EngineVolumes, helpers, owner });
  return { all, users, volumes, helpers, make, caches: make() };
}

const volumeOf = ({ mounts }: Awaited<ReturnType<SessionCaches['take']>>): string => mounts[0]?.volume ?? '';

describe('the caches of runs', () => {
  it('a run gets a new volume that belongs to its user, and the next one gets the same volume', async () => {
    const { caches, helpers, all } = scene();
    const first = await caches.take(asked());
    expect(helpers.give).toHaveBeenCalledExactlyOnceWith('image', volumeOf(first), OWNER);
    expect(all.get(volumeOf(first))?.labels).toMatchObject({
      'autonomous-orchestration.cache': 'me',
      'autonomous-orchestration.cache-name': 'npm',
      'autonomous-orchestration.cache-of': '/project/.git',
    });
    await caches.giveBack(first, 'image');
    expect(volumeOf(await caches.take(asked()))).toBe(volumeOf(first));
    expect(helpers.give).toHaveBeenCalledOnce();
  });

  it('runs at the same moment get a volume each, whether they are of this process or of an earlier one', async () => {
    const { caches, users, make } = scene();
    const taken = await Promise.all([caches.take(asked()), caches.take(asked())]);
    const [one = '', two = ''] = taken.map(volumeOf);
    expect(one).not.toBe(two);
    users.set(one, ['ao-a-1']);
    users.set(two, ['helper-1']);
    expect(volumeOf(await make().take(asked()))).toBe(two);
  });

  it.each<[string, Partial<AskedCaches>]>([
    ['repository', { scope: '/other/.git' }],
    ['user of the container', { owner: { uid: 1234, gid: 1234 } }],
    ['name', { caches: [sessionCache('pip')] }],
  ])('runs with another %s never share a cache', async (_, more) => {
    const { caches } = scene();
    const first = await caches.take(asked());
    await caches.giveBack(first, 'image');
    expect(volumeOf(await caches.take(asked(more)))).not.toBe(volumeOf(first));
  });

  it('runs of another state folder never share a cache', async () => {
    expect(volumeOf(await scene('me').caches.take(asked()))).not.toBe(
      volumeOf(await scene('you').caches.take(asked())),
    );
  });

  it.each([
    ['too much', async () => 2_000, '2000 bytes'],
    [
      'too many files to count',
      async () => {
        throw new OrchestrationError('LAUNCH_FAILED', 'late');
      },
      'so many files',
    ],
  ])('a cache that holds %s is emptied after the run, and the next run is told', async (_, bytes, said) => {
    const { caches, helpers, all } = scene();
    helpers.bytesOf.mockImplementation(bytes);
    const first = await caches.take(asked());
    await caches.giveBack(first, 'image');
    expect(all.has(volumeOf(first))).toBe(false);
    const { notices } = await caches.take(asked());
    expect(notices).toEqual([expect.stringContaining(said)]);
    expect(notices[0]).toContain('maxBytes is 1000');
    expect(helpers.give).toHaveBeenCalledTimes(2);
  });

  it('a cache that is too full while another container has it is emptied before the next run', async () => {
    const { caches, helpers, users, all } = scene();
    helpers.bytesOf.mockResolvedValue(2_000);
    const first = await caches.take(asked());
    users.set(volumeOf(first), ['somebody']);
    await caches.giveBack(first, 'image');
    expect(all.has(volumeOf(first))).toBe(true);
    users.clear();
    const before = all.get(volumeOf(first));
    const next = await caches.take(asked());
    expect(next.notices).toHaveLength(1);
    expect(all.get(volumeOf(next))).not.toBe(before);
  });

  it('an engine that does not answer is no reason to empty a cache', async () => {
    const { caches, helpers, volumes } = scene();
    helpers.bytesOf.mockRejectedValue(new OrchestrationError('DOCKER_UNAVAILABLE', 'away'));
    await caches.giveBack(await caches.take(asked()), 'image');
    expect(volumes.remove).not.toHaveBeenCalled();
  });

  it('a volume with the name of a cache that the library has not made, or that binds a folder, is refused', async () => {
    const { caches, all } = scene();
    const first = await caches.take(asked());
    await caches.giveBack(first, 'image');
    const volume = all.get(volumeOf(first));
    if (!volume) throw new Error('no volume');
    all.set(volume.name, { ...volume, labels: {} });
    await errorOf(caches.take(asked()), 'UNSAFE_MOUNT');
    all.set(volume.name, { ...volume, options: { o: 'bind', device: '/', type: 'none' } });
    await errorOf(caches.take(asked()), 'UNSAFE_MOUNT');
    all.set(volume.name, volume);
    expect(volumeOf(await caches.take(asked()))).toBe(volume.name);
  });

  it('a run that cannot be started gives its caches back, and so does a run that has ended', async () => {
    const { caches } = scene();
    await expect(
      caches.during(asked(), async () => {
        throw new Error('not started');
      }),
    ).rejects.toThrow('not started');
    let end: () => void = () => {};
    const ended = new Promise<object>((resolve) => {
      end = () => resolve({});
    });
    const used: string[] = [];
    const start = async (mounts: readonly { volume: string }[]) => {
      used.push(...mounts.map(({ volume }) => volume));
      return { ended } as unknown as RunHandle;
    };
    await caches.during(asked(), start);
    await caches.during(asked(), start);
    end();
    await turn();
    await caches.during(asked(), start);
    await eventually(() => expect(used).toEqual([expect.stringMatching(/-0$/), expect.stringMatching(/-1$/), used[0]]));
  });

  it('a run without caches asks the engine nothing', async () => {
    const { caches, volumes } = scene();
    await caches.during(undefined, async () => ({}) as RunHandle);
    expect(volumes.users).not.toHaveBeenCalled();
  });
});

describe('the variables of package managers', () => {
  it('name the place of the cache, or a folder in it', () => {
    expect(sessionCache('npm').env).toEqual({ npm_config_cache: '/var/cache/autonomous-orchestration/npm' });
    expect(sessionCache({ name: 'go', target: '/c' }).env).toEqual({ GOMODCACHE: '/c/mod', GOCACHE: '/c/build' });
    expect(sessionCache({ name: 'mine', target: '/c' })).toMatchObject({
      env: {},
      target: '/c',
      maxBytes: 5 * 1024 ** 3,
    });
  });
});
