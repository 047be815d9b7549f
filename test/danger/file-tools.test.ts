import { describe, expect, it } from 'vitest';
import { rateDanger } from '../../src/danger/index.js';
import { context } from './rate.js';

function level(tool: string, input: unknown): string {
  return rateDanger({ tool, input }, context)?.level ?? 'none';
}

describe('writing', () => {
  it.each([
    '/etc/passwd',
    '/etc/claude-code/managed-settings.json',
    '/run/autonomous-orchestration/answer',
    '/home/node/.bashrc',
    '/home/node/.ssh/authorized_keys',
    '/home/node/.claude/settings.json',
    '/workspace/.claude/settings.local.json',
    '/workspace/../etc/hosts',
    '../other/a.ts',
    '/workspace/.git/hooks/pre-commit',
    '/usr/local/bin/git',
    '/opt/x',
    '/dev/sda',
    '~/.profile',
  ])('writing to %s is critical', (path) => {
    for (const tool of ['Write', 'Edit', 'MultiEdit']) expect(level(tool, { file_path: path })).toBe('critical');
    expect(level('NotebookEdit', { notebook_path: path })).toBe('critical');
  });

  it.each([
    '/workspace/src/a.ts',
    'src/a.ts',
    '/workspace/.env',
    '/workspace/.gitignore',
    '/workspace/etc/passwd',
    '/workspace/.claude/commands/x.md',
    '/tmp/x.txt',
    '/home/node/.claude/plans/plan.md',
  ])('writing to %s is not critical', (path) => {
    expect(level('Write', { file_path: path })).not.toBe('critical');
  });
});

describe('reading', () => {
  it.each([
    '/home/node/.ssh/id_rsa',
    '/root/.aws/credentials',
    '/home/node/app/.env',
    '/home/node/.npmrc',
    '/etc/shadow',
    '~/.netrc',
    '/proc/self/environ',
    '/home/node/.claude/.credentials.json',
  ])('reading %s is critical', (path) => {
    expect(level('Read', { file_path: path })).toBe('critical');
    expect(level('Grep', { pattern: 'x', path })).toBe('critical');
  });

  it('reading the .env of the workspace is only a warning', () => {
    for (const path of ['/workspace/.env', '.env.production'])
      expect(level('Read', { file_path: path })).toBe('warning');
  });

  it.each([
    '/workspace/src/env.ts',
    '/workspace/.env.example',
    '/etc/passwd',
    '/home/node/.ssh/id_rsa.pub',
    '/home/node/.ssh/known_hosts',
    '/usr/include/stdio.h',
  ])('reading %s is harmless', (path) => {
    expect(level('Read', { file_path: path })).toBe('none');
  });
});

it('tools that touch no file, and malformed inputs, are harmless', () => {
  for (const tool of ['Task', 'ToolSearch']) expect(level(tool, { command: 'rm -rf /' })).toBe('none');
  for (const input of [undefined, null, 1, 'rm -rf /', [], {}, { command: 1 }, { command: null }, { file_path: {} }]) {
    for (const tool of ['Bash', 'Write', 'Read']) expect(level(tool, input)).toBe('none');
  }
});
