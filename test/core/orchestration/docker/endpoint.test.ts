import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveEndpoint } from '../../../../src/core/orchestration/docker/endpoint.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

/** A docker configuration folder with contexts, and `current` as the one in use. */
function configFolder(contexts: Record<string, unknown>, current?: string): string {
  const folder = tempFolder();
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentContext: current }));
  for (const [name, meta] of Object.entries(contexts)) {
    const place = join(folder, 'contexts', 'meta', createHash('sha256').update(name).digest('hex'));
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'meta.json'), JSON.stringify(meta));
  }
  return folder;
}

const contextAt = (host: string): object => ({ Endpoints: { docker: { Host: host } } });
const DEFAULT = { socketPath: '/var/run/docker.sock' };

describe('DOCKER_HOST', () => {
  it.each([
    ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
    ['tcp://engine', { host: 'engine', port: 2375 }],
    ['tcp://127.0.0.1:1234', { host: '127.0.0.1', port: 1234 }],
    ['tcp://[::1]:1234/', { host: '::1', port: 1234 }],
    ['http://engine:80', { host: 'engine', port: 80 }],
  ])('the engine of DOCKER_HOST %s is used', async (DOCKER_HOST, endpoint) => {
    expect(await resolveEndpoint({ DOCKER_HOST })).toEqual(endpoint);
  });

  it.each(['ssh://me@host', 'npipe:////./pipe/docker_engine', 'fd://', 'nonsense', 'tcp://'])(
    'DOCKER_HOST %s is refused, and the error names it',
    async (DOCKER_HOST) => {
      const { message } = await errorOf(resolveEndpoint({ DOCKER_HOST }), 'DOCKER_UNAVAILABLE');
      expect(message).toContain('DOCKER_HOST');
      expect(message).toContain(JSON.stringify(DOCKER_HOST));
    },
  );

  it('DOCKER_HOST takes precedence over the context', async () => {
    const DOCKER_CONFIG = configFolder({ other: contextAt('unix:///other') }, 'other');
    expect(await resolveEndpoint({ DOCKER_HOST: 'unix:///mine', DOCKER_CONFIG })).toEqual({ socketPath: '/mine' });
  });

  it('the certificates of DOCKER_CERT_PATH are used if DOCKER_TLS_VERIFY is set', async () => {
    const DOCKER_CERT_PATH = tempFolder();
    for (const file of ['ca', 'cert', 'key']) writeFileSync(join(DOCKER_CERT_PATH, `${file}.pem`), `the ${file}`);
    const env = { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH };
    const tls = { ca: 'the ca', cert: 'the cert', key: 'the key' };
    expect(await resolveEndpoint(env)).toEqual({ host: 'engine', port: 2376, tls });
  });

  it('TLS without certificates is refused', async () => {
    const DOCKER_CERT_PATH = tempFolder();
    const env = { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH };
    expect((await errorOf(resolveEndpoint(env), 'DOCKER_UNAVAILABLE')).message).toContain(DOCKER_CERT_PATH);
  });
});

describe('the docker context', () => {
  it('the context of the configuration is used', async () => {
    const DOCKER_CONFIG = configFolder({ rootless: contextAt('unix:///rootless.sock') }, 'rootless');
    expect(await resolveEndpoint({ DOCKER_CONFIG })).toEqual({ socketPath: '/rootless.sock' });
  });

  it('DOCKER_CONTEXT takes precedence over the context of the configuration', async () => {
    const contexts = { a: contextAt('unix:///a.sock'), b: contextAt('unix:///b.sock') };
    const DOCKER_CONFIG = configFolder(contexts, 'a');
    expect(await resolveEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'b' })).toEqual({ socketPath: '/b.sock' });
    expect(await resolveEndpoint({ DOCKER_CONFIG, DOCKER_CONTEXT: 'default' })).toEqual(DEFAULT);
  });

  it('the configuration is looked for below HOME', async () => {
    const HOME = tempFolder();
    mkdirSync(join(HOME, '.docker'));
    writeFileSync(join(HOME, '.docker', 'config.json'), '{"currentContext":"gone"}');
    expect((await errorOf(resolveEndpoint({ HOME }), 'DOCKER_UNAVAILABLE')).message).toContain('"gone"');
  });

  it.each([
    ['names no engine', { Endpoints: {} }, 'names no engine'],
    ['uses ssh', contextAt('ssh://me@host'), '"ssh://me@host"'],
  ])('a context that %s is refused', async (_, meta, message) => {
    const DOCKER_CONFIG = configFolder({ mine: meta }, 'mine');
    const error = await errorOf(resolveEndpoint({ DOCKER_CONFIG }), 'DOCKER_UNAVAILABLE');
    expect(error.message).toContain('"mine"');
    expect(error.message).toContain(message);
  });
});

describe('without DOCKER_HOST and context', () => {
  it.each(['{}', 'not json', '{"currentContext":"default"}', '{"currentContext":""}'])(
    'the default socket is used if the configuration is %j',
    async (config) => {
      const DOCKER_CONFIG = tempFolder();
      writeFileSync(join(DOCKER_CONFIG, 'config.json'), config);
      expect(await resolveEndpoint({ DOCKER_CONFIG })).toEqual(DEFAULT);
    },
  );

  it('the default socket is used if there is no configuration', async () => {
    expect(await resolveEndpoint({ HOME: tempFolder() })).toEqual(DEFAULT);
  });
});
