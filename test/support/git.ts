import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp-folder.js';

const IDENTITY = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'protocol.file.allow=always'];

/** Runs git in a folder, without the machine's own configuration. */
export function git(cwd: string, ...args: string[]): string {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
  return execFileSync('git', [...IDENTITY, ...args], { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** A new repository with one commit on `main`, in a temporary folder. */
export function repository(): string {
  const folder = join(tempFolder(), 'repository');
  git('/', 'init', '--quiet', '--initial-branch=main', folder);
  writeFileSync(join(folder, 'file.txt'), 'content\n');
  git(folder, 'add', '.');
  git(folder, 'commit', '--quiet', '-m', 'First');
  return folder;
}
