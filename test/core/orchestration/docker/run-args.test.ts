import { describe, expect, it } from 'vitest';
import { checkedStart } from '../../../../src/core/orchestration/docker/checked-start.js';
import { type ContainerSpec, dockerRunArgs } from '../../../../src/core/orchestration/docker/run-args.js';

const pinned = (source: string, target: string, readonly = false) => ({
  source,
  target,
  readonly,
  identity: { dev: '1', ino: '2' },
});
const CANARY = pinned('/guard', '/run/guard');

function specOf({
  options,
  ...rest
}: Partial<Omit<ContainerSpec, 'options'>> & { options?: object } = {}): ContainerSpec {
  return {
    name: 'ao-1',
    labels: {},
    options: { image: 'image', ...options },
    mounts: [],
    canary: CANARY,
    entrypoint: ['/start.sh'],
    env: {},
    owner: { uid: 1000, gid: 1001 },
    workdir: '/workspace',
    command: ['claude', '--print'],
    ...rest,
  };
}

const argsOf = (spec?: Parameters<typeof specOf>[0]): string[] => dockerRunArgs(specOf(spec)).args;

/** The values that follow a flag. */
function valuesOf(args: string[], flag: string): string[] {
  return args.flatMap((arg, index) => (arg === flag ? [args[index + 1] ?? ''] : []));
}

describe('the arguments of docker run', () => {
  it('a session with default options gets exactly these arguments', () => {
    expect(argsOf({ labels: { owner: 'me', run: '1' } })).toEqual([
      ...['run', '--name', 'ao-1', '--label', 'owner=me', '--label', 'run=1'],
      ...[
        '--pull',
        'never',
        '--interactive',
        '--init',
        '--workdir',
        '/workspace',
        '--log-driver',
        'json-file',
        '--log-opt',
        'max-size=10m',
        '--sig-proxy=false',
      ],
      ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--pids-limit', '512'],
      ...['--env', 'DISABLE_FIREWALL', '--entrypoint', '/bin/sh', 'image'],
      ...checkedStart([], CANARY, ['/start.sh', 'claude', '--print']).args,
    ]);
  });

  it('the container is never removed automatically, because its exit code is read afterwards', () => {
    expect(argsOf()).not.toContain('--rm');
  });

  it.each([
    [{ memory: '4g' }, { '--memory': ['4g'], '--memory-swap': ['4g'] }],
    [{ cpus: 1.5 }, { '--cpus': ['1.5'] }],
    [{ pidsLimit: 64 }, { '--pids-limit': ['64'] }],
    [{ network: 'none' }, { '--network': ['none'] }],
    [{ user: '1000:1000' }, { '--user': ['1000:1000'] }],
    [{ capAdd: ['SYS_PTRACE', 'NET_RAW'] }, { '--cap-add': ['SYS_PTRACE', 'NET_RAW'], '--cap-drop': ['ALL'] }],
    [
      { firewall: true, capAdd: ['SYS_PTRACE'] },
      {
        '--cap-add': ['NET_ADMIN', 'NET_RAW', 'SYS_PTRACE'],
        '--cap-drop': [],
        '--security-opt': [],
        '--env': ['DISABLE_FIREWALL'],
      },
    ],
    [{ firewall: false }, { '--cap-drop': ['ALL'], '--env': ['DISABLE_FIREWALL'] }],
  ])('the options %j set the matching flags', (options, expected) => {
    const args = argsOf({ options });
    for (const [flag, values] of Object.entries(expected)) expect(valuesOf(args, flag), flag).toEqual(values);
    const plain = argsOf();
    for (const flag of ['--memory', '--cpus', '--network', '--user', '--cap-add']) {
      expect(valuesOf(plain, flag), flag).toEqual([]);
    }
  });

  it('the arguments end with the entrypoint and the command, whatever the command contains', () => {
    expect(argsOf({ command: ['claude', '--name', 'x', '--system-prompt', 'a "b" $c'] }).slice(-6)).toEqual([
      '/start.sh',
      ...['claude', '--name', 'x', '--system-prompt', 'a "b" $c'],
    ]);
  });
});

describe('environment variables', () => {
  it('variables are passed by name, with their values in the environment of the docker CLI', () => {
    const { args, env } = dockerRunArgs(specOf({ env: { ANTHROPIC_API_KEY: 'sk-secret', EMPTY: '' } }));
    expect(valuesOf(args, '--env')).toEqual(['ANTHROPIC_API_KEY', 'EMPTY', 'DISABLE_FIREWALL']);
    expect(args.join(' ')).not.toContain('sk-secret');
    expect(env).toEqual({ DISABLE_FIREWALL: 'true', ANTHROPIC_API_KEY: 'sk-secret', EMPTY: '' });
  });

  it.each([
    ...['PATH', 'HOME', 'TMPDIR', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'DYLD_INSERT_LIBRARIES', 'GODEBUG', 'GOMAXPROCS'],
    ...['DOCKER_HOST', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'DOCKER_TLS_VERIFY', 'DOCKER_CLI_HINTS', 'XDG_CONFIG_HOME'],
  ])('a variable that would affect the docker CLI itself is passed by value: %s', (name) => {
    const { args, env } = dockerRunArgs(specOf({ env: { [name]: 'value' } }));
    expect(valuesOf(args, '--env')).toContain(`${name}=value`);
    expect(env).not.toHaveProperty(name);
  });

  it.each(['MY_PATH', 'HOMEPAGE', 'GOOGLE', 'DOCKER_PASSWORD', 'LD_SDK_KEY', 'path'])(
    'a variable that only looks similar is passed by name: %s',
    (name) => {
      const { env } = dockerRunArgs(specOf({ env: { [name]: 'value' } }));
      expect(env).toHaveProperty(name, 'value');
    },
  );

  it('DISABLE_FIREWALL is always set, because the image may set another value', () => {
    expect(dockerRunArgs(specOf({ options: { firewall: true } })).env).toEqual({ DISABLE_FIREWALL: 'false' });
    expect(dockerRunArgs(specOf()).env).toEqual({ DISABLE_FIREWALL: 'true' });
  });

  it('the option firewall overrides the variable DISABLE_FIREWALL', () => {
    expect(dockerRunArgs(specOf({ env: { DISABLE_FIREWALL: 'false' } })).env).toEqual({ DISABLE_FIREWALL: 'true' });
  });
});

describe('mounts', () => {
  const mountOf = (source: string, target: string, readonly = false): string | undefined =>
    valuesOf(argsOf({ mounts: [pinned(source, target, readonly)] }), '--mount')[0];

  it('mounts are passed as bind mounts whose source Docker does not create', () => {
    expect(mountOf('/host', '/container')).toBe('type=bind,source=/host,target=/container');
    expect(mountOf('/host', '/container', true)).toBe('type=bind,source=/host,target=/container,readonly');
    expect(argsOf({ mounts: [pinned('/a', '/b')] })).not.toContain('-v');
  });

  it('commas and quotes in mount paths are kept', () => {
    expect(mountOf('/a,readonly', '/b')).toBe('type=bind,"source=/a,readonly",target=/b');
    expect(mountOf('/a', '/say "hi"')).toBe('type=bind,source=/a,"target=/say ""hi"""');
    expect(mountOf('/with space=equals', '/b')).toBe('type=bind,source=/with space=equals,target=/b');
  });

  it('mounts keep their order, so that later mounts cover earlier mounts', () => {
    const mounts = ['/x', '/x/y', '/x/y/z'].map((path) => pinned(path, path));
    const targets = valuesOf(argsOf({ mounts }), '--mount').map((mount) => mount.split('target=')[1]);
    expect(targets).toEqual(['/x', '/x/y', '/x/y/z']);
  });
});
