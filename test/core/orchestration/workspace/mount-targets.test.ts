import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refuseLinkedTargets, takenTarget } from '../../../../src/core/orchestration/workspace/mount-targets.js';
import { parseMounts } from '../../../../src/core/orchestration/workspace/mounts.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

describe('the target of a mount', () => {
  it.each([
    ...['/', '/workspace', '/workspace/.', '/workspace/../workspace', '/workspace/.git', '/workspace/.git/hooks'],
    ...['/proc', '/proc/1/x', '/sys', '/sys/fs/cgroup', '/dev', '/dev/shm', '/run', '/var/run', '/var'],
    ...['/run/autonomous-orchestration', '/run/autonomous-orchestration/answers', '/var/run/autonomous-orchestration'],
    ...[
      '/etc',
      '/etc/claude-code',
      '/etc/claude-code/managed-settings.json',
      '/etc/claude-code/x/y',
      '/etc/./claude-code',
    ],
    ...[
      '/home/node/.claude/projects',
      '/root/.claude/projects/-workspace',
      '/usr',
      '/usr/local',
      '/bin',
      '/usr/bin',
      '/lib',
    ],
    ...['/lib64', '/usr/lib', '/sbin', '/usr/local/bin'],
  ])('mount target %s is refused, read-only or not', async (target) => {
    for (const readonly of [true, false]) {
      const mount = { source: '/src', target, readonly };
      const { message } = await errorOf(() => parseMounts([mount]), 'INVALID_OPTIONS');
      expect(message).toContain(JSON.stringify(mount));
    }
  });

  it.each([
    '/bin/sh',
    '/usr/bin/cat',
    '/usr/local/bin/claude',
    '/lib/x86_64-linux-gnu',
    '/etc/ld.so.preload',
    '/etc/x',
  ])('mount target %s is refused if it is writable, because the guard runs programs from there', (target) => {
    expect(takenTarget({ target, readonly: false })).toContain('read-only');
    expect(takenTarget({ target, readonly: true })).toBeUndefined();
  });

  it.each([
    '/data',
    '/workspace/data',
    '/workspace/.github',
    '/home/node/.cache',
    '/home/node/.claude',
    '/opt/x',
    '/run/x',
  ])('mount target %s is allowed', (target) => {
    expect(takenTarget({ target, readonly: false })).toBeUndefined();
  });
});

describe('a mount into another mount', () => {
  const mountsOf = (target: string) => {
    const [cwd, source] = [tempFolder(), tempFolder()];
    mkdirSync(join(cwd, 'real'));
    const mounts = [
      { source: cwd, target: '/workspace', readonly: false },
      { source, target, readonly: false },
    ];
    return { cwd, source, mounts };
  };

  it.each(['/workspace/link', '/workspace/link/claude-code', '/workspace/real/../link/x', '/workspace/real/link/a/b'])(
    'a mount target is refused if a link made by the agent is on the way: %s',
    async (given) => {
      const { cwd, mounts } = mountsOf(given.replace('real/../', ''));
      for (const link of ['link', 'real/link']) symlinkSync('/etc', join(cwd, link));
      expect((await errorOf(refuseLinkedTargets(mounts), 'UNSAFE_MOUNT')).message).toContain('is a link on the way');
    },
  );

  it('a mount target is refused if the link is in another mounted folder', async () => {
    const { source, mounts } = mountsOf('/data');
    symlinkSync('/etc', join(source, 'link'));
    const into = { source: tempFolder(), target: '/data/link/claude-code', readonly: true };
    await errorOf(refuseLinkedTargets([...mounts, into]), 'UNSAFE_MOUNT');
  });

  it.each(['/workspace/real', '/workspace/real/new/er', '/workspace/new', '/data'])(
    'a mount target without links on the way is allowed: %s',
    async (target) => {
      await refuseLinkedTargets(mountsOf(target).mounts);
    },
  );
});
