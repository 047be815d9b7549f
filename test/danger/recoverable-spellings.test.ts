import { describe, expect, it } from 'vitest';
import { rateDanger } from '../../src/danger/index.js';
import { level, levels, rate } from './rate.js';

describe('what can be undone, in whatever spelling', () => {
  it.each([
    'git checkout src/a.ts',
    'git checkout a.ts b.ts',
    'git checkout HEAD~1 src/a.ts',
    'git checkout --our a.ts',
    'git restore --sour=HEAD a.ts',
    'git branch --del --forc topic',
    'git branch -df topic',
    'git tag --del v1',
    'git rm -r --for src',
    "tmux send-keys 'git checkout a.ts' Enter",
    'nerdctl rm -f web',
    'rails db:rollback',
    'bundle exec rake db:reset',
    'mix ecto.rollback',
    'FLASK_ENV=development flask db downgrade',
    'NODE_ENV=test npx prisma migrate reset',
    'mysqladmin drop shop_test',
    'mv /srv/data /tmp/x',
  ])('a loss that can be undone is a warning in a container, in any spelling: %s', (command) => {
    expect(levels(command)).toBe('warning/critical');
  });

  it.each([
    'git checkout . src/a.ts',
    'git checkout ./',
    'git switch --discard main',
    'git -C / -C srv/shop restore src/a.ts',
    'git --work-tree=/srv/shop checkout a.ts',
    'GIT_WORK_TREE=/srv/shop git checkout a.ts',
    'export GIT_WORK_TREE=/srv/shop; git restore a.ts',
    'ssh host git checkout a.ts',
    "gcloud compute ssh vm --command 'git checkout a.ts'",
    "fly ssh console -C 'rails db:reset'",
    'heroku run rails db:reset',
    "heroku run -a shop 'rails db:reset'",
    "heroku run 'rm -rf /app'",
    'RAILS_ENV=production rails db:rollback',
    'flask db downgrade',
    'mysqladmin drop shop',
    'gh repo delete shop',
    'gcloud compute instances delete vm',
  ])('a similar loss that cannot be undone is critical in a container: %s', (command) => {
    expect(levels(command)).toBe('critical');
  });
});

describe('a dry run of a command that reverts or removes something', () => {
  it.each([
    ['flask db downgrade --sql', 'flask db downgrade -x --sql'],
    ['php artisan migrate:rollback --pretend', 'php artisan migrate:rollback --path --pretend'],
    ['vgreduce --test vg /dev/sdb', 'vgreduce vg /dev/sdb -A --test'],
    ['rake --dry-run db:drop', 'rake -r --dry-run db:drop'],
    ['dotnet ef database drop --dry-run', 'dotnet ef database drop -p --dry-run'],
    ['sql-migrate down -dryrun', 'sql-migrate down -env -dryrun'],
  ])('a dry run is harmless, unless its word is the value of another option: %s', (dry, real) => {
    expect(level(dry)).toBe('none');
    expect(level(real)).toBe('critical');
  });
});

describe('a link', () => {
  it.each([
    'ln -s src build && rm -rf build/',
    'ln -s src build && rm -rf build/.',
    'ln -s src build && rm -rf build/*',
  ])('deleting the target of a link through the link is critical: %s', (command) => {
    expect(rate(command)).toMatchObject({ level: 'critical', rule: 'delete.recursive' });
  });

  it('deleting the link itself is harmless', () => {
    expect(level('ln -s src build && rm -rf build')).toBe('none');
  });
});

describe('a move', () => {
  const context = { workspace: '/workspace', home: '/home/node', mounts: ['/data'], ignored: ignoresLogs };
  const inContainer = (command: string) => rateDanger({ tool: 'Bash', input: { command } }, context);

  it('moving a mounted file of the user is critical in a container', () => {
    expect(inContainer('mv /data/photos /tmp/x')).toMatchObject({ level: 'critical', rule: 'files.mounted' });
  });

  it('moving a folder onto an ignored name is critical, because it could be deleted there', () => {
    expect(inContainer('mv server logs')).toMatchObject({ level: 'critical', rule: 'files.disposable' });
    expect(inContainer('mv server.example logs')).toMatchObject({ level: 'warning', rule: 'files.disposable' });
    expect(inContainer('mv server.example logs && rm -rf logs')).toMatchObject({ level: 'critical' });
  });
});

function ignoresLogs(path: string): boolean {
  return path === 'logs';
}

it('reasons for searches and other tools name paths relative to the workspace', () => {
  const context = { workspace: '/workspace' };
  const reasons = [
    rateDanger({ tool: 'Grep', input: { pattern: 'x', path: '/workspace/certs/server.key' } }, context),
    rateDanger({ tool: 'mcp__files__read', input: { path: '/workspace/certs/server.key' } }, context),
  ].map((danger) => danger?.reason);
  expect(reasons).toEqual([expect.stringContaining(' certs/server.key'), expect.stringContaining(' certs/server.key')]);
});
