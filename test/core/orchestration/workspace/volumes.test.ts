import { describe, expect, it } from 'vitest';
import {
  type EngineVolume,
  namedTargets,
  parseNamedMounts,
  requireSafeVolume,
} from '../../../../src/core/orchestration/workspace/volumes.js';
import { errorOf } from '../../../support/errors.js';

const name = 'data';
const refusal = async (docker: Parameters<typeof parseNamedMounts>[0]): Promise<string> =>
  (await errorOf(async () => parseNamedMounts(docker), 'INVALID_OPTIONS')).message;

describe('the places of volumes and of folders in memory', () => {
  it.each([
    'data',
    '/',
    '/workspace',
    '/workspace/.git',
    '/workspace/x/../.git/hooks',
    '/etc/claude-code',
    '/run/autonomous-orchestration/answers',
    '/home/node/.claude/projects',
    '/usr/local/bin',
    '/proc/1',
    '/a:b',
    '/a\nb',
  ])('%j is refused for both', async (target) => {
    expect(await refusal({ volumes: [{ name, target }] })).toContain('docker.volumes');
    expect(await refusal({ tmpfs: [{ target }] })).toContain('docker.tmpfs');
  });

  it('two things at the same place are refused, however the place is written', async () => {
    expect(await refusal({ volumes: [{ name, target: '/a' }], tmpfs: [{ target: '/b/../a/' }] })).toContain('"/a"');
    expect(await refusal({ volumes: [{ name, target: '/a' }], mounts: ['/src:/a'] })).toContain('docker.mounts');
  });

  it('nothing is mounted inside a volume, because an earlier session may have left a link there', async () => {
    const volumes = [{ name, target: '/data' }];
    expect(await refusal({ volumes, mounts: ['/src:/data/x'] })).toContain('data');
    expect(await refusal({ volumes, tmpfs: [{ target: '/data/x/y' }] })).toContain('data');
    expect(await refusal({ volumes: [...volumes, { name: 'other', target: '/data/x' }] })).toContain('data');
    expect(namedTargets({ volumes, tmpfs: [{ target: '/database' }] })).toEqual(['/data', '/database']);
  });

  it("a cache of the library is no session's volume", async () => {
    expect(await refusal({ volumes: [{ name: 'ao-cache-1', target: '/data' }] })).toContain("'caches'");
  });
});

const volume = (driver: string, options: Record<string, string>): EngineVolume => ({
  name,
  driver,
  options,
  labels: {},
  createdAt: '2026-01-01T00:00:00Z',
});

describe('what a volume may lead to', () => {
  it.each<[string, Record<string, string>]>([
    ['local', { type: 'none', o: 'bind', device: '/' }],
    ['local', { device: '/etc', o: 'rbind,ro', type: '' }],
    ['local', { o: 'bind', device: '/home/me' }],
    ['local', { type: 'ext4', device: '/dev/sda1' }],
    ['local', { type: 'overlay', o: 'lowerdir=/etc,upperdir=/tmp/u,workdir=/tmp/w', device: 'overlay' }],
    ['local', { type: 'nfs', o: 'addr=127.0.0.1,rw', device: ':/' }],
    ['local', { type: 'tmpfs', device: '/etc', o: 'bind' }],
    ['local', { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,bind' }],
    ['local', { mountpoint: '/etc' }],
    ['local-persist', {}],
    ['rclone', { remote: 'x' }],
  ])('a volume of the driver %s with %j is refused', async (driver, options) => {
    const { message } = await errorOf(async () => requireSafeVolume(volume(driver, options)), 'UNSAFE_MOUNT');
    expect(message).toContain(name);
    expect(message).toContain('docker.allowUnsafeMounts');
  });

  it.each<[Record<string, string>]>([
    [{}],
    [{ size: '10G' }],
    [{ type: 'tmpfs', device: 'tmpfs', o: 'size=100m,uid=1000' }],
  ])('a local volume with %j is allowed', (options) => {
    expect(() => requireSafeVolume(volume('local', options))).not.toThrow();
  });
});
