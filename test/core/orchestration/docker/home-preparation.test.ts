import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkedStart } from '../../../../src/core/orchestration/docker/checked-start.js';
import { type Home, preparation } from '../../../../src/core/orchestration/docker/home-preparation.js';
import { HOME_REFUSED, HOME_UNPREPARED } from '../../../../src/core/orchestration/session/home-refused.js';
import { tempFolder } from '../../../support/temp-folder.js';

const HOME: Home = {
  user: { uid: 1234, gid: 1235, groups: [] },
  name: 'node',
  shell: '/bin/sh',
  home: '/home/node',
  configDir: '/home/node/.claude',
  imageHomes: [],
  setpriv: spawnSync('sh', ['-c', 'command -v setpriv'], { encoding: 'utf8' }).stdout.trim(),
  env: {},
  capabilities: [],
  mounted: [],
};

/**
 * Runs the start of a container in a root folder of its own, with this machine's programs and a namespace for its mounts. `top` is
 * the folder above: what is not in `root` is the machine.
 *
 * @param setup shell code, run as root with the root folder as working directory
 */
function scene(setup: string, change: Partial<Home> = {}) {
  const top = tempFolder();
  const root = join(top, 'root');
  for (const name of ['home/node/.claude', 'etc', 'proc', 'dev', 'machine', 'tmp'])
    mkdirSync(join(root, name), { recursive: true });
  mkdirSync(join(top, 'machine'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n');
  const home = { ...HOME, ...change };
  const prepared = preparation(home);
  const canary = { source: root, target: '/tmp', readonly: false, identity: { dev: '0', ino: '0' } };
  const programs = `
set -e
mount --make-rprivate /
mount --bind . .
cd "$PWD"
for name in usr bin sbin lib lib32 lib64 libx32; do
  if [ -L /$name ]; then cp -P /$name $name; elif [ -d /$name ]; then mkdir $name; mount --bind -o ro /$name $name; fi
done
mount --rbind /proc proc
touch dev/null
mount --bind /dev/null dev/null
chown -R 1000:1000 home/node`;
  const run = (command: string, within: readonly string[] = []) => {
    const { entrypoint, args } = checkedStart([], canary, ['/bin/sh', '-c', command], prepared);
    // Bash sets variables of its own in `sh`.
    const [program = '', ...rest] = [
      ...within,
      'unshare',
      '--mount',
      'sh',
      '-c',
      `${programs}
${setup}
exec chroot . "$@"`,
      'sh',
    ];
    const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...prepared.env };
    return spawnSync(program, [...rest, entrypoint, ...args], { cwd: root, encoding: 'utf8', env });
  };
  const owner = (path: string): string => {
    const { uid, gid } = lstatSync(join(top, path));
    return `${uid}:${gid}`;
  };
  return { top, root, run, owner };
}

const canUnshare = spawnSync('unshare', ['--mount', 'true']).status === 0 && process.getuid?.() === 0;
const AGENT = '1234:1235';
const OK = { status: 0, stderr: '' };

describe.runIf(canUnshare)('a home folder that root prepares', () => {
  it('the folders and files of the home folder go to the user, and the command runs as that user', () => {
    const { run, owner } = scene('mkdir -p home/node/a/b; echo x > home/node/a/b/f; chown -R 1000:1000 home/node');
    const done = run(
      'id -u; id -g; id -un; echo $HOME; echo x > ~/new && cat ~/a/b/f; touch /etc/x 2>/dev/null || echo no',
    );
    expect(done).toMatchObject({ ...OK, stdout: '1234\n1235\nnode\n/home/node\nx\nno\n' });
    for (const path of ['', '/.claude', '/a/b/f', '/new']) expect(owner(`root/home/node${path}`)).toBe(AGENT);
  });

  it('the user has no capability in any set and no further groups', () => {
    const { run } = scene('');
    const { stdout } = run('grep -E "^(Cap|Groups)" /proc/self/status');
    const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((set) => `${set}:\t0000000000000000\n`);
    expect(stdout).toBe(`Groups:\t \n${sets.join('')}`);
  });

  it('the option capAdd stays within reach, further groups are kept, and uid 0 is no exception', () => {
    const user = { uid: 0, gid: 0, groups: [27, 50] };
    const { run } = scene('', { user, capabilities: ['NET_RAW', 'CAP_KILL'] });
    const { stdout } = run('grep -E "^(CapBnd|Groups)" /proc/self/status; id -un');
    expect(stdout).toBe(`Groups:\t27 50 \nCapBnd:\t${((1 << 13) | (1 << 5)).toString(16).padStart(16, '0')}\nnode\n`);
  });

  it('big files that everybody can read are not copied, but secret ones and those of Claude are the user’s', () => {
    const big = (path: string, mode: number) => `truncate -s 2M home/node/${path}; chmod ${mode} home/node/${path}`;
    const files = [big('program', 755), big('secret', 600), big('.claude/history', 644), big('.claude.json', 644)];
    const { run, owner } = scene(`${files.join('; ')}; chown -R 1000:1000 home/node`);
    expect(run('true')).toMatchObject(OK);
    const owners = ['program', 'secret', '.claude/history', '.claude.json'].map((path) =>
      owner(`root/home/node/${path}`),
    );
    expect(owners).toEqual(['1000:1000', AGENT, AGENT, AGENT]);
  });

  it('missing folders of HOME and CLAUDE_CONFIG_DIR are made, with the home folder of the image', () => {
    const { run, owner } = scene('', { home: '/tmp/my home/h', configDir: '/opt/c', imageHomes: ['/home/node'] });
    expect(run('echo $HOME')).toMatchObject({ ...OK, stdout: '/tmp/my home/h\n' });
    for (const path of ['tmp/my home/h', 'opt/c', 'home/node']) expect(owner(`root/${path}`)).toBe(AGENT);
  });

  it('the user and its groups have entries in /etc/passwd and /etc/group', () => {
    const { run, root } = scene('', { user: { uid: 1234, gid: 1235, groups: [1000, 77] } });
    expect(run('true')).toMatchObject(OK);
    expect(readFileSync(join(root, 'etc/passwd'), 'utf8')).toMatch(
      /^node:x:1234:1235::\/home\/node:\/bin\/sh\nroot:x:0:/,
    );
    const groups = readFileSync(join(root, 'etc/group'), 'utf8');
    expect(groups).toBe('root:x:0:\nnode:x:1000:\nagent-1235:x:1235:\nagent-77:x:77:\n');
  });

  it('programs of the user can open their own output again', () => {
    const { run } = scene('');
    // Node's own pipes are sockets, which nobody can open again.
    const piped = ['sh', '-c', '"$@" 2>&1 | cat', 'sh'];
    const { stdout } = run('echo out >/proc/self/fd/1; echo err >/proc/self/fd/2', piped);
    expect(stdout).toBe('out\nerr\n');
  });

  it('variables of the image that load code have no effect on root, and the command gets them', () => {
    const env = { LD_PRELOAD: '/nonexistent/lib.so', LD_LIBRARY_PATH: '/workspace/lib', PATH: '/bin' };
    const { run } = scene('', { env });
    const { stdout, stderr } = run('/bin/true; echo "$LD_PRELOAD $LD_LIBRARY_PATH"');
    expect(stdout).toBe('/nonexistent/lib.so /workspace/lib\n');
    // The loader of the command complains, and that of no program before.
    expect(stderr.match(/object '\/nonexistent\/lib.so'/g)?.length ?? 0).toBeLessThanOrEqual(2);
  });
});

describe.runIf(canUnshare)('what root does not touch while it prepares a home folder', () => {
  /** Mounts a folder of the machine that belongs to root. */
  const mounted = (target: string) => `
mkdir -p ../machine/deep "${target}"
echo victim > ../machine/deep/file
mount --bind ../machine "${target}"`;
  const VICTIM = ['machine', 'machine/deep', 'machine/deep/file'];

  it.each([
    'home/node/.claude/projects',
    'home/node/data',
    'home/node/a b/[x]*?/\\y',
    'home/node',
    'home',
    'home/node/.claude',
  ])('a folder of the machine that is mounted keeps its owner, with all that is in it: %s', (target) => {
    const { run, owner } = scene(mounted(target));
    expect(run('true')).toMatchObject(OK);
    for (const path of VICTIM) expect(owner(path)).toBe('0:0');
  });

  it('a mounted file keeps its owner', () => {
    const { run, owner } = scene(
      'echo x > ../machine/key; mkdir home/node/.ssh; touch home/node/.ssh/key; mount --bind ../machine/key home/node/.ssh/key',
    );
    expect(run('true')).toMatchObject(OK);
    expect(owner('machine/key')).toBe('0:0');
    expect(owner('root/home/node/.ssh')).toBe(AGENT);
  });

  it.each([
    ['a link in the home folder', 'ln -s /machine/deep home/node/link; ln -s /machine/deep/file home/node/file'],
    ['a link instead of the configuration', 'rm -r home/node/.claude; ln -s /machine/deep home/node/.claude'],
    ['a link instead of the settings', 'ln -s /machine/deep/file home/node/.claude.json'],
    ['a link instead of the home folder', 'rm -r home/node; ln -s /machine/deep home/node'],
    ['a link above the home folder', 'rm -r home; ln -s /machine home'],
  ])('links into a mount, as an agent plants them, are not followed: %s', (_, plant) => {
    const { run, owner, top } = scene(`${mounted('machine')}\n${plant}`);
    run('true');
    for (const path of VICTIM) expect(owner(path)).toBe('0:0');
    expect(readdirSync(join(top, 'machine'))).toEqual(['deep']);
    expect(readdirSync(join(top, 'machine/deep'))).toEqual(['file']);
  });

  it.each([
    ['HOME', { home: '/machine/new', configDir: '/machine/new/.claude' }],
    ['CLAUDE_CONFIG_DIR', { configDir: '/machine/deep/new' }],
  ])('nothing is made in a mount if %s leads there', (_, change) => {
    const { run, top } = scene(mounted('machine'), change);
    expect(run('true')).toMatchObject(OK);
    expect(existsSync(join(top, 'machine/new')) || existsSync(join(top, 'machine/deep/new'))).toBe(false);
  });

  it('a list of users that is mounted stays as it is', () => {
    const { run, top } = scene('cp etc/passwd ../machine/passwd; mount --bind ../machine/passwd etc/passwd');
    expect(run('true')).toMatchObject(OK);
    expect(readFileSync(join(top, 'machine/passwd'), 'utf8')).not.toContain('1234');
  });
});

describe.runIf(canUnshare)('volumes of the engine', () => {
  const HEX = '0123456789abcdef'.repeat(4);
  const volume = (name: string, target: string): string => `
mkdir -p ../machine/volumes/${name}/_data ${target}
echo x > ../machine/volumes/${name}/_data/file
mount --bind ../machine/volumes/${name}/_data ${target}`;

  it("a volume without a name is the container's own, and is given to the agent", () => {
    const { run, owner } = scene(volume(HEX, 'home/node/data'));
    expect(run('true')).toMatchObject(OK);
    expect(owner(`machine/volumes/${HEX}/_data/file`)).toBe(AGENT);
  });

  it.each([
    ['has a name of the same length', 'z'.repeat(64), 'home/node/data', []],
    ['was asked for, under such a name', HEX, 'home/node/a b', ['/home/node/a b']],
    ['is the workspace', HEX, 'workspace', []],
  ])('a volume keeps its owner if it %s', (_, name, target, mounted) => {
    const { run, owner } = scene(volume(name, `"${target}"`), {
      mounted,
      ...(target === 'workspace' && { configDir: '/workspace' }),
    });
    expect(run('true')).toMatchObject(OK);
    expect(owner(`machine/volumes/${name}/_data/file`)).toBe('0:0');
  });
});

describe.runIf(canUnshare)('a home folder that cannot be prepared', () => {
  it.each([
    [
      'is on a read-only file system',
      'mount -t tmpfs none home; mkdir home/node; chown 1000 home/node; mount -o remount,ro home',
    ],
    ['is a file', 'rm -r home/node; touch home/node'],
    ['cannot be made', 'rm -r home/node; ln -s /nowhere home/node'],
  ])('the container ends before its command if the home folder %s', (_, setup) => {
    const { run } = scene(setup, setup.includes('tmpfs') ? { configDir: '/etc/passwd/x' } : {});
    const { status, stdout, stderr } = run('echo began');
    expect({ status, stdout }).toEqual({ status: HOME_UNPREPARED, stdout: '' });
    expect(stderr.trim().split('\n').at(-1)).toBe(HOME_REFUSED);
  });
});
