import { mkdtempSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// Loaded before this process becomes somebody who cannot read the checkout.
import 'channelcoder';
import { inject } from 'vitest';

/**
 * Makes this process, and so all tests of its file, that of another user, for good: one that the machine has no name for, and who
 * may use the engine.
 */
export function becomeUser(uid: number): void {
  const { host } = inject('open');
  const { gid } = statSync(host.replace('unix://', ''));
  process.env.DOCKER_HOST = host;
  if (!process.setgroups || !process.setgid || !process.setuid) throw new Error('this system has no user ids');
  process.setgroups([gid]);
  process.setgid(uid);
  process.setuid(uid);
  process.env.HOME = mkdtempSync(join(tmpdir(), 'orchestration-user-'));
  for (const name of ['USER', 'LOGNAME', 'XDG_CACHE_HOME', 'XDG_CONFIG_HOME']) delete process.env[name];
}
