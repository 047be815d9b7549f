import { describe, expect, it } from 'vitest';
import { requireConsistent } from '../../../../src/core/orchestration/options/container-rules.js';
import { resolveCreateOptions, resolveManagerOptions } from '../../../../src/core/orchestration/options/resolve.js';
import type { DockerOptions } from '../../../../src/core/orchestration/session/docker-options.js';
import { resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import { errorOf } from '../../../support/errors.js';

const created = (docker: object, defaults: object = {}) =>
  resolveCreateOptions(
    'a',
    { prompt: 'Go', docker },
    { docker: resolveManagerOptions({ docker: defaults }).docker, policy: resolvePolicy({}) },
  );

describe('the form of the options of a container', () => {
  it.each<[keyof DockerOptions, unknown, string]>([
    ['volumes', [{ name: '/etc', target: '/data' }], 'volumes.0.name'],
    ['volumes', [{ name: '../up', target: '/data' }], 'volumes.0.name'],
    ['volumes', [{ name: 'a,source=/etc', target: '/data' }], 'volumes.0.name'],
    ['volumes', [{ name: 'x', target: '/data' }], 'volumes.0.name'],
    ['volumes', ['data:/data'], 'volumes.0'],
    ['tmpfs', [{ target: '/t', size: '1m,exec' }], 'tmpfs.0.size'],
    ['tmpfs', [{ target: '/t', mode: '4777' }], 'tmpfs.0.mode'],
    ['tmpfs', [{ target: '/t', exec: true }], 'tmpfs.0.exec'],
    ['ports', [{ container: 0 }], 'ports.0.container'],
    ['ports', [{ container: 80, host: 70_000 }], 'ports.0.host'],
    ['ports', [{ container: 80, address: 'localhost' }], 'ports.0.address'],
    ['ports', [{ container: 80, protocol: 'sctp' }], 'ports.0.protocol'],
    ['extraHosts', { 'a b': '1.2.3.4' }, 'extraHosts'],
    ['extraHosts', { 'a:1.1.1.1': '1.2.3.4' }, 'extraHosts'],
    ['extraHosts', { name: 'gateway' }, 'extraHosts.name'],
    ['memory', '1m', "memory: must be at least '6m'"],
    ['memory', '0', 'memory'],
    ['memory', '99999999999g', 'memory: must be at most'],
    ['cpus', 0.001, 'cpus: must be at least 0.01'],
    ['cpus', 1e-9, 'cpus'],
    ['pidsLimit', 2 ** 40, 'pidsLimit: must be at most 4194304'],
    ['shmSize', '99999999999999999999g', 'shmSize: must be at most'],
    ['tmpfs', [{ target: '/t', size: '99999999999999999999g' }], 'tmpfs.0.size: must be at most'],
    ['ulimits', { nofile: -1 }, 'ulimits.nofile: must be 16 to 1048576'],
    ['ulimits', { nofile: { soft: 1024, hard: 2 ** 53 - 2 } }, 'ulimits.nofile: must be 16 to 1048576'],
    ['ulimits', { rtprio: 99 }, 'ulimits.rtprio: is unknown; known are core, cpu'],
    ['ports', [{ container: 80, address: 'fe80::1%eth0' }], 'ports.0.address: must be an IP address without a zone'],
    ['labels', { a: 'x'.repeat(200_000) }, 'labels: must not be longer than 64 KiB together'],
    ['labels', { 'a=b': 'c' }, 'labels: the name "a=b" must be the name of a label'],
    ['extraHosts', { 'a b': '1.2.3.4' }, 'extraHosts: the name "a b" must be the name of a host'],
    ['volumes', [{ name: 'a', target: '/data' }], 'volumes.0.name: must have two characters or more'],
    ['shmSize', '1gb', 'shmSize'],
    ['shmSize', '0', 'shmSize'],
    ['ulimits', { rtprio: 99 }, 'ulimits'],
    ['ulimits', { nofile: { soft: 10, hard: 5 } }, 'ulimits.nofile'],
    ['labels', { 'autonomous-orchestration.session': 'other' }, 'labels'],
    ['labels', { 'a=b': 'c' }, 'labels'],
    ['platform', 'amd64', 'platform'],
    ['platform', '--privileged', 'platform'],
    ['gpus', 0, 'gpus'],
    ['gpus', ['0,1'], 'gpus.0'],
    ['selinux', 'enforce', 'selinux'],
  ])('docker.%s %j is refused, and the error names the option', async (option, value, named) => {
    for (const make of [
      () => created({ [option]: value }),
      () => resolveManagerOptions({ docker: { [option]: value } }),
    ]) {
      const { message } = await errorOf(async () => make(), 'INVALID_OPTIONS');
      expect(message.replaceAll("'", '')).toContain(`docker.${named.replaceAll("'", '')}`);
    }
  });

  it('every option is accepted in its usual form, and survives JSON', () => {
    const docker = {
      volumes: [{ name: 'data', target: '/data', readonly: true }],
      tmpfs: [{ target: '/scratch', size: '64m', mode: '0700' }],
      ports: [{ container: 3000, host: 3000, protocol: 'udp' as const, address: '::1' }],
      extraHosts: { 'host.docker.internal': 'host-gateway', db: 'fd00::1' },
      shmSize: '1g',
      ulimits: { nofile: 1024, core: { soft: 0, hard: -1 } },
      labels: { 'com.example.team': 'a b=c' },
      platform: 'linux/arm64',
      gpus: ['0', 'GPU-3a23'],
      selinux: 'z' as const,
      allowUnsafeGpus: true,
    };
    expect(created(docker).docker).toMatchObject(docker);
    expect(JSON.parse(JSON.stringify(created(docker).docker))).toEqual(created(docker).docker);
  });
});

const image = 'image';
const refusal = async (docker: Partial<DockerOptions>): Promise<string> =>
  (await errorOf(async () => requireConsistent({ image, ...docker }), 'INVALID_OPTIONS')).message;

describe('what weakens the isolation of a container', () => {
  it.each(['0.0.0.0', '192.168.0.7', '::', 'fe80::1', '128.0.0.1', '::ffff:10.0.0.1'])(
    'a port at %s is refused without allowUnsafePorts',
    async (address) => {
      const ports = [{ container: 80, address }];
      expect(await refusal({ ports })).toMatch(/docker\.ports.*docker\.allowUnsafePorts/);
      expect(() => requireConsistent({ image, ports, allowUnsafePorts: true })).not.toThrow();
    },
  );

  it.each([undefined, '127.0.0.1', '127.9.9.9', '::1'])('a port at %s is allowed', (address) => {
    const ports = [{ container: 80, ...(address !== undefined && { address }) }];
    expect(() => requireConsistent({ image, ports })).not.toThrow();
  });

  it('an option of the manager and one of the session are judged together', async () => {
    const ports = [{ container: 80, address: '0.0.0.0' }];
    await errorOf(async () => created({ ports: [{ container: 80 }], network: 'host' }), 'INVALID_OPTIONS');
    await errorOf(async () => created({ network: 'host' }, { ports: [{ container: 80 }] }), 'INVALID_OPTIONS');
    expect(created({ ports }, { allowUnsafePorts: true }).docker).toMatchObject({ ports });
  });

  it.each(['none', 'host', 'container:db'])('ports are refused in the network %s', async (network) => {
    expect(await refusal({ network, ports: [{ container: 80 }], allowUnsafePorts: true })).toContain(network);
  });

  it('the same port of the machine cannot be given twice, and one that the engine chooses can', async () => {
    const twice = [
      { container: 80, host: 8080 },
      { container: 81, host: 8080, address: '127.0.0.1' },
    ];
    expect(await refusal({ ports: twice })).toContain('8080');
    expect(() => requireConsistent({ image, ports: [{ container: 80 }, { container: 80 }] })).not.toThrow();
  });

  it('an address is the same in whatever form it is written', async () => {
    const ports = [
      { container: 80, host: 4_000, address: '::1' },
      { container: 81, host: 4_000, address: '0:0:0:0:0:0:0:1' },
    ];
    expect(await refusal({ ports })).toContain('named twice');
  });

  it('graphics cards are refused without allowUnsafeGpus', async () => {
    expect(await refusal({ gpus: 'all' })).toContain('docker.allowUnsafeGpus');
    expect(() => requireConsistent({ image, gpus: 1, allowUnsafeGpus: true })).not.toThrow();
  });

  it.each<[Partial<DockerOptions>]>([
    [{ selinux: 'disable' }],
    [{ selinux: 'z', ssh: 'keys' }],
    [{ selinux: 'Z', ssh: 'agent' }],
    [{ selinux: 'z', allowUnsafeMounts: true }],
  ])('%j is refused without allowUnsafeSelinux', async (docker) => {
    expect(await refusal(docker)).toContain('docker.allowUnsafeSelinux');
    expect(() => requireConsistent({ image, ...docker, allowUnsafeSelinux: true })).not.toThrow();
  });

  it.each(['z', 'Z'] as const)('the label %s alone needs no permission', (selinux) => {
    expect(() => requireConsistent({ image, selinux, ssh: false })).not.toThrow();
  });
});
