import { expect, it } from 'vitest';
import { rate } from './rate.js';

it.each([
  ['sudo ls', 'permissions.elevate'],
  ['git push --force-with-lease origin x', 'git.push-force-with-lease'],
  ['git rebase main', 'git.rebase'],
  ['git commit --amend --no-edit', 'git.amend'],
  ['git branch -M main', 'git.branch-force'],
  ['kill -9 1234', 'process.kill'],
  ['chmod 777 a.sh', 'permissions.open'],
  ['docker system prune -a', 'containers.prune'],
  ['tar xf a.tar -C /opt', 'files.outside-workspace'],
  ['claude -p "review this"', 'agent.nested'],
  ['cat .env', 'credentials.read'],
  ['grep KEY .env', 'credentials.read'],
  ['git grep -o KEY .env', 'credentials.read'],
  ['git grep -f names.txt .env', 'credentials.read'],
  ['git diff -C .env', 'credentials.read'],
  ['git config --global url.https://b/.insteadOf https://a/', 'git.config'],
  ['find . -name "*.tmp" -delete', 'delete.find'],
  ['rm /home/other/a.txt', 'delete.outside-workspace'],
  ['kubectl delete pod web-1', 'infrastructure.delete'],
  ['rm -rf lib && npm run build', 'delete.build-output'],
  ['cat /etc/claude-code/managed-settings.json', 'agent.guard'],
])('%s is a warning by the rule %s', (command, rule) => {
  expect(rate(command)).toMatchObject({ level: 'warning', rule });
});

it.each([
  ['ls; sudo ls; rm -rf /', 'delete.root'],
  ['git rebase main && git reset --hard', 'git.reset-hard'],
])('the worst danger of %s is %s', (command, rule) => {
  expect(rate(command)).toMatchObject({ level: 'critical', rule });
});

it('the reason is a sentence for people, without unreadable characters', () => {
  expect(rate('rm -rf "/srv/$x"*')?.reason).toBe(
    'Deletes /srv/…*, which is outside the workspace; keep to the workspace and to folders below /tmp.',
  );
});
