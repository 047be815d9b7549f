import { describe, expect, it } from 'vitest';
import { moreArgs } from '../../../../src/core/orchestration/docker/more-args.js';
import { type ContainerSpec, dockerRunArgs } from '../../../../src/core/orchestration/docker/run-args.js';

const mount = (source: string, readonly: boolean) => ({
  source,
  target: '/workspace',
  readonly,
  identity: { dev: '1', ino: '2' },
});
const CANARY = mount('/guard', true);

const specOf = (options: object, mounts = [CANARY], labels = {}): ContainerSpec => ({
  name: 'ao-1',
  labels,
  options: { image: 'image', ...options },
  mounts,
  canary: CANARY,
  entrypoint: [],
  workdir: '/workspace',
  env: {},
  command: ['claude'],
});

describe('the flags for the options of a container', () => {
  it('a session without such options gets no flag', () => {
    expect(moreArgs({})).toEqual([]);
  });

  it.each<[Parameters<typeof moreArgs>[0], string[]]>([
    [{ volumes: [{ name: 'data', target: '/data' }] }, ['--mount', 'type=volume,source=data,target=/data']],
    [
      { volumes: [{ name: 'data', target: '/a,b', readonly: true }] },
      ['--mount', 'type=volume,source=data,"target=/a,b",readonly'],
    ],
    [{ tmpfs: [{ target: '/t' }] }, ['--mount', 'type=tmpfs,target=/t']],
    [
      { tmpfs: [{ target: '/t', size: '64m', mode: '700' }] },
      ['--mount', 'type=tmpfs,target=/t,tmpfs-size=64m,tmpfs-mode=700'],
    ],
    [{ ports: [{ container: 80 }] }, ['--publish', '127.0.0.1::80/tcp']],
    [{ ports: [{ container: 80, host: 8080, address: '0.0.0.0' }] }, ['--publish', '0.0.0.0:8080:80/tcp']],
    [{ ports: [{ container: 53, protocol: 'udp', address: '::1' }] }, ['--publish', '[::1]::53/udp']],
    [
      { extraHosts: { machine: 'host-gateway', db: 'fd00::1' } },
      ['--add-host', 'machine:host-gateway', '--add-host', 'db:fd00::1'],
    ],
    [{ shmSize: '1g' }, ['--shm-size', '1g']],
    [{ ulimits: { nofile: 10, core: { soft: 0, hard: -1 } } }, ['--ulimit', 'nofile=10', '--ulimit', 'core=0:-1']],
    [{ platform: 'linux/arm64' }, ['--platform', 'linux/arm64']],
    [{ gpus: 'all' }, ['--gpus', 'all']],
    [{ gpus: 2 }, ['--gpus', '2']],
    [{ gpus: ['0', 'GPU-1'] }, ['--gpus', '"device=0,GPU-1"']],
    [{ selinux: 'disable' }, ['--security-opt', 'label=disable']],
  ])('%j becomes %j', (options, args) => {
    expect(moreArgs(options)).toEqual(args);
    expect(dockerRunArgs(specOf(options)).args.join(' ')).toContain(args.join(' '));
  });

  it('with a label of SELinux every folder of the machine is mounted with it', () => {
    const mounts = [mount('/home/me/project', false), CANARY];
    const { args } = dockerRunArgs(specOf({ selinux: 'z' }, mounts));
    expect(args.join(' ')).toContain('--volume /home/me/project:/workspace:z --volume /guard:/workspace:ro,z');
    expect(args.join(' ')).not.toContain('type=bind');
    expect(dockerRunArgs(specOf({ selinux: 'Z' }, mounts)).args).toContain('/home/me/project:/workspace:Z');
    expect(dockerRunArgs(specOf({ selinux: 'disable' }, mounts)).args.join(' ')).toContain('type=bind');
  });

  it("a label of the user never replaces one of the library's own", () => {
    const { args } = dockerRunArgs(specOf({ labels: { team: 'tools', owner: 'me' } }, [CANARY], { owner: 'library' }));
    expect(args.filter((_, index) => args[index - 1] === '--label')).toEqual(['team=tools', 'owner=library']);
  });
});
