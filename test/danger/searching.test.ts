import { describe, expect, it } from 'vitest';
import { rateDanger } from '../../src/danger/index.js';
import { context } from './rate.js';

function level(tool: string, input: unknown): string {
  return rateDanger({ tool, input }, context)?.level ?? 'none';
}

describe('Grep', () => {
  it.each([
    { path: '/home/node/.ssh' },
    { path: '~/.ssh' },
    { path: '~/.ssh/' },
    { path: '/root/.aws' },
    { path: '~/.kube', glob: '*' },
    { path: '/home/node/.config/gcloud' },
    { path: '~/.gnupg/private-keys-v1.d' },
    { path: '~/.docker' },
    { path: '/home/node', glob: '.ssh/**' },
    { path: '/home/node', glob: '**/.aws/*' },
    { path: '~', glob: '**/id_rsa' },
    { path: '~', glob: '**/*.pem' },
    { path: '~' },
    { path: '/home/node/' },
    { path: '/home' },
    { path: '/' },
    { path: '/root' },
    { path: '/etc' },
    { path: '/workspace/../home/node/.ssh' },
    { path: '../home/node', glob: '{.ssh,.aws}/**' },
    { path: '/run/secrets' },
    { path: '/etc/kubernetes/pki' },
    { path: '/home/node/app', glob: '.env' },
    { glob: '/home/node/.ssh/*' },
    { glob: '**/id_rsa' },
    { path: '~/.config/gh' },
  ])('Grep is critical in places with keys: %j', (where) => {
    expect(level('Grep', { pattern: 'BEGIN', output_mode: 'content', ...where })).toBe('critical');
  });

  it.each([
    {},
    { path: '/workspace' },
    { path: 'src', glob: '*.ts' },
    { glob: '*.{ts,tsx}' },
    { glob: '**/*.key.ts' },
    { path: '/workspace/test', glob: '!**/id_rsa' },
    { path: '/usr/include' },
    { path: '/tmp/x' },
    { path: '/home/node/.cache/x' },
    { path: '/workspace/.github' },
    { path: '/workspace/node_modules/aws-sdk' },
    { glob: '.env.example' },
  ])('a usual Grep is not critical: %j', (where) => {
    expect(level('Grep', { pattern: 'BEGIN', output_mode: 'content', ...where })).not.toBe('critical');
  });
});

describe('Glob', () => {
  it.each([
    { pattern: '*', path: '/home/node/.ssh' },
    { pattern: '**/*', path: '~/.aws' },
    { pattern: '/home/node/.ssh/*' },
    { pattern: '~/.kube/**' },
    { pattern: '.ssh/*', path: '/root' },
    { pattern: '{.ssh,.gnupg}/*', path: '~' },
    { pattern: '**/id_rsa', path: '/' },
    { pattern: '**/.env', path: '/home/node' },
    { pattern: '../home/node/.config/gcloud/*' },
  ])('Glob is critical in a folder of keys: %j', (input) => {
    expect(level('Glob', input)).toBe('critical');
  });

  it.each([
    { pattern: '**/*' },
    { pattern: 'src/**/*.ts' },
    { pattern: '**/.env*' },
    { pattern: '**/*.pem' },
    { pattern: '*', path: '/tmp' },
    { pattern: '**/ssh/*.ts' },
    { pattern: '*', path: '/home/node' },
    { pattern: '**/keys/*.json' },
  ])('a usual Glob is not critical: %j', (input) => {
    expect(level('Glob', input)).not.toBe('critical');
  });
});
