import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { moreArgs, tmpfsWords } from '../../../../src/core/orchestration/docker/more-args.js';
import { type ContainerSpec, dockerRunArgs } from '../../../../src/core/orchestration/docker/run-args.js';
import { tempFolder } from '../../../support/temp-folder.js';

const mount = (source: string, readonly: boolean) => ({
  source,
  target: '/workspace',
  readonly,
  identity: { dev: '1', ino: '2' },
});
const CANARY = mount('/guard', true);
const OWNER = { uid: 1000, gid: 1001 };

const specOf = (options: object, mounts = [CANARY], labels = {}): ContainerSpec => ({
  name: 'ao-1',
  labels,
  options: { image: 'image', ...options },
  mounts,
  canary: CANARY,
  entrypoint: [],
  workdir: '/workspace',
  env: {},
  owner: OWNER,
  command: ['claude'],
});

describe('the flags for the options of a container', () => {
  it('a session without such options gets no flag', () => {
    expect(moreArgs({}, OWNER)).toEqual([]);
  });

  it.each<[Parameters<typeof moreArgs>[0], string[]]>([
    [{ volumes: [{ name: 'data', target: '/data' }] }, ['--mount', 'type=volume,source=data,target=/data']],
    [
      { volumes: [{ name: 'data', target: '/a,b', readonly: true }] },
      ['--mount', 'type=volume,source=data,"target=/a,b",readonly'],
    ],
    [{ tmpfs: [{ target: '/t' }] }, ['--tmpfs', '/t:uid=1000,gid=1001,mode=1777']],
    [{ tmpfs: [{ target: '/t', size: '64m', mode: '700' }] }, ['--tmpfs', '/t:uid=1000,gid=1001,mode=700,size=64m']],
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
    expect(moreArgs(options, OWNER)).toEqual(args);
    expect(dockerRunArgs(specOf(options)).args.join(' ')).toContain(args.join(' '));
  });

  it('an engine that cannot give folders in memory to a user is only asked for their mode', () => {
    const options = { tmpfs: [{ target: '/t', size: '64m', mode: '700' }] };
    const { owner: _, ...ownerless } = specOf(options);
    const { args } = dockerRunArgs(ownerless);
    expect(args).toContain('/t:mode=700,size=64m');
    expect(args.join(' ')).not.toContain('chmod');
  });

  it("folders in memory get their modes by the agent's user, before anything else of the image runs", () => {
    const folder = tempFolder();
    const places = ['usual', 'with mode'].map((name) => join(folder, name));
    for (const place of places) mkdirSync(place, { mode: 0o755 });
    const [usual = '', own = ''] = places;
    const words = tmpfsWords({ tmpfs: [{ target: usual }, { target: own, mode: '700' }] });
    const [program = '', ...args] = [...words, 'echo', 'then this'];
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe('then this\n');
    expect(places.map((place) => (statSync(place).mode & 0o7777).toString(8))).toEqual(['1777', '700']);

    const preparation = { script: '', become: ['/usr/bin/setpriv', '--'], env: {} };
    const spec = specOf({ tmpfs: [{ target: '/t' }] });
    const { args: started } = dockerRunArgs({ ...spec, preparation, entrypoint: ['/start.sh'] });
    const ofT = tmpfsWords({ tmpfs: [{ target: '/t' }] });
    expect(started.slice(-ofT.length - 4)).toEqual(['/usr/bin/setpriv', '--', ...ofT, '/start.sh', 'claude']);
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
