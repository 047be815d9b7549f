import { describe, expect, it } from 'vitest';
import { levels } from './rate.js';

describe('a dangerous word in a text', () => {
  it.each([
    "git commit -m 'rm -rf /'",
    "git commit -am 'git push --force' --no-verify",
    "git tag -a v1 -m 'npm publish'",
    "git stash push -m 'drop all'",
    "gh pr create --title 'npm publish' --body 'rm -rf / and git reset --hard'",
    "gh pr create -t 'x' -b 'terraform destroy'",
    "gh issue comment 1 --body 'kubectl delete namespace prod'",
    "gh api repos/o/r/issues -f body='use -X DELETE here'",
    'gh release view --jq \'.assets[] | select(.name == "delete")\'',
    "gcloud logging read 'textPayload delete' --limit 5",
    'gcloud compute instances list --filter delete',
    "gcloud compute instances list --filter='name:delete'",
    'gcloud compute instances list --format delete',
    "az vm list --query '[?tags.delete]'",
    'az boards work-item create --title delete --type Task',
    "az boards work-item create --title 'purge old users' --type Task",
    "aws dynamodb scan --filter-expression 'delete-table'",
    'doctl compute droplet list --format delete',
    "mvn -q test -Dmessage='deploy now'",
    "docker build -t app --label 'docker push' .",
    "helm template x --description 'helm uninstall'",
    "redis-cli set note 'flushall'",
    'redis-cli get flushall',
    "redis-cli SET k 'please flushdb'",
    "mysql -e 'select 1' --comments 'drop database'",
    "kafka-topics --describe --topic 'x --delete'",
    "npm version patch -m 'npm publish %s'",
    "terraform plan -var 'note=destroy'",
    "flyway info -configFiles='a clean b'",
    "echo 'kubectl delete ns prod'",
    "printf '%s' 'docker system prune -af'",
    "jq --arg x 'rm -rf /' '.a = $x' a.json",
    "notify-send 'rm -rf /'",
    "logger -t app 'git push --force'",
    "vault kv list -format 'kv delete'",
  ])('a dangerous word in a text is harmless: %s', (command) => {
    expect(levels(command)).toBe('none');
  });
});

describe('a dangerous word in its place', () => {
  it.each([
    'gsutil -m rm -r gs://b',
    'gcloud -q compute instances delete vm1',
    'gcloud compute instances delete vm1 --quiet --format json',
    'gcloud --project p compute instances delete vm1',
    'az vm delete --name x --yes',
    'az group delete -n x',
    'npm -q publish',
    'npm publish --tag next',
    'gh api -X DELETE repos/o/r',
    'gh api repos/o/r --method DELETE',
    'doctl compute droplet delete 1 --format ID',
    'redis-cli -n 2 flushdb',
    'redis-cli -h localhost FLUSHALL ASYNC',
    "redis-cli <<< 'flushall'",
    'mvn -q deploy',
    'kafka-topics --delete --topic x',
    'flyway -url=x clean',
    "ansible all -m shell -a 'rm -rf /srv'",
    'ansible all -m file -a "path=/srv state=absent"',
  ])('a dangerous word in its place is critical: %s', (command) => {
    expect(levels(command)).toBe('critical');
  });
});
