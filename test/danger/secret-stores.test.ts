// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is shell code
import { describe, expect, it } from 'vitest';
import { level } from './rate.js';

const DANGEROUS = [
  'kubectl get secret db -o yaml',
  'kubectl -n prod get secrets -o json',
  "kubectl get secret db -o jsonpath='{.data.password}'",
  'kubectl get secret/db --output=yaml',
  'kubectl config view --raw',
  'kubectl create token default',
  'aws secretsmanager get-secret-value --secret-id x',
  'aws --profile p ssm get-parameter --name x --with-decryption',
  'aws configure export-credentials',
  'gcloud secrets versions access latest --secret=x',
  'gcloud auth print-access-token',
  'gcloud auth application-default print-access-token',
  'az keyvault secret show --vault-name v -n x',
  'az account get-access-token',
  'vault kv get secret/x',
  'vault read secret/x',
  'op read op://v/i/p',
  'pass show mail',
  'pass mail/work',
  'doppler secrets',
  'sops -d secrets.enc.yaml',
  'ansible-vault view group_vars/all.yml',
  'gpg --export-secret-keys -a',
  'security find-generic-password -w -s x',
  'security dump-keychain',
  'secret-tool lookup a b',
  'gh auth token',
  'gh auth status --show-token',
  'npm config get //registry.npmjs.org/:_authToken',
  'heroku config -a x',
  'fly auth token',
  'pulumi config --show-secrets',
  'sudo -u x gh auth token',
  "bash -c 'gh auth token'",
];

const HARMLESS = [
  'kubectl get secrets',
  'kubectl get secret db',
  'kubectl get secret db -o yaml | kubectl apply -n other -f -',
  'kubectl config view',
  'kubectl get pods -o yaml',
  'aws secretsmanager list-secrets',
  'aws ssm get-parameter --name x',
  "PGPASSWORD=$(vault kv get -field=p secret/x) psql -c 'select 1'",
  'TOKEN=$(gcloud auth print-access-token)',
  'gh auth token | docker login ghcr.io -u x --password-stdin',
  'aws ecr get-login-password | docker login --password-stdin x',
  'gh auth status',
  'gh auth login',
  'vault status',
  'npm config get registry',
  'gpg --export -a',
  'gpg --list-secret-keys',
  'ssh-add -l',
  'pulumi config',
  'pass ls',
  'sops -e secrets.yaml',
  'heroku logs',
];

describe('a secret of a store', () => {
  it.each(DANGEROUS)('printing a secret from a store is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each(HARMLESS)('listing secrets, or handing one to another program, is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
