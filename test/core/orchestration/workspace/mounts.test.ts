import { linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseMounts, resolveMounts } from '../../../../src/core/orchestration/workspace/mounts.js';
import type { ProtectedPaths } from '../../../../src/core/orchestration/workspace/protected-machine.js';
import { ProtectedMachine } from '../../../../src/core/orchestration/workspace/protected-machine.js';
import { errorOf } from '../../../support/errors.js';
import { listening } from '../../../support/listening.js';
import { tempFolder } from '../../../support/temp-folder.js';

describe('the mounts option', () => {
  it.each([
    ['/host:/in', { source: '/host', target: '/in', readonly: false }],
    ['/host:/in:ro', { source: '/host', target: '/in', readonly: true }],
    ['/host:/in:rw', { source: '/host', target: '/in', readonly: false }],
    ['/host:/in/../other/', { source: '/host', target: '/other', readonly: false }],
    [
      { source: '/host', target: '/in' },
      { source: '/host', target: '/in', readonly: false },
    ],
    [
      { source: '/host', target: '/workspace/sub', readonly: true },
      { source: '/host', target: '/workspace/sub', readonly: true },
    ],
    [
      { source: '/a,b "c"', target: '/in' },
      { source: '/a,b "c"', target: '/in', readonly: false },
    ],
  ])('the mount %j is parsed', (mount, parsed) => {
    expect(parseMounts([mount])).toEqual([parsed]);
  });

  it.each([
    ...['', '/host', '/host:', ':/in', '/host:/in:no', '/host:/in:ro:z', 'C:/host:/in', 'relative:/in', '/host:in'],
    ...['./host:/in', '~/x:/in', '/host:/', '/host:/workspace', '/host:/workspace/', '/host:/x/../workspace'],
    ...['/ho\0st:/in', '/host:/i\nn', '/host://'],
    { source: '/a:b', target: '/in' },
    { source: '/a', target: '/in:ro' },
    { source: '/a\0', target: '/in' },
    { source: 'a', target: '/in' },
    { source: '/a', target: '' },
  ])('the mount %j is refused with INVALID_OPTIONS, and shown in the error', async (mount) => {
    const { message } = await errorOf(() => parseMounts([mount]), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'docker.mounts'");
    expect(message).toContain(JSON.stringify(mount));
  });
});

/** A machine with a home folder, a state folder, projects and an engine that listens. */
async function machine(): Promise<ProtectedPaths & { root: string; engineSocket: string }> {
  const root = tempFolder();
  const [home, stateDir, engineSocket] = [join(root, 'home/me'), join(root, 'state'), join(root, 'run/engine')];
  for (const path of ['home/me/project', 'home/me/.ssh/old', 'state/sessions', 'run', 'free/deep/er']) {
    mkdirSync(join(root, path), { recursive: true });
  }
  writeFileSync(join(home, '.netrc'), '');
  await listening(engineSocket);
  return { root, home, stateDir, engineSocket, engineSockets: [engineSocket] };
}
type Machine = Awaited<ReturnType<typeof machine>>;

const resolved = (source: string, paths: ProtectedPaths, { readonly = true, allowUnsafe = false } = {}) =>
  resolveMounts([{ source, target: '/in', readonly }], new ProtectedMachine(paths), allowUnsafe);

describe('the source of a mount', () => {
  const UNSAFE: [string, (paths: Machine) => string | Promise<string>, string][] = [
    ['/', () => '/', 'is "/" \\(the whole machine\\)'],
    ['the home folder', ({ home }) => home, 'is ".*" \\(a home folder'],
    ['a folder above the home folder', ({ root }) => join(root, 'home'), 'holds ".*/home/me" \\(a home folder'],
    ['a folder of keys', ({ home }) => join(home, '.ssh'), 'keys, tokens and passwords'],
    ['a folder in a folder of keys', ({ home }) => join(home, '.ssh/old'), 'lies in ".*/.ssh"'],
    ['a file of passwords', ({ home }) => join(home, '.netrc'), 'keys, tokens and passwords'],
    ["the engine's socket", ({ engineSocket }) => engineSocket, "a container engine's socket"],
    ["the folder of the engine's socket", ({ root }) => join(root, 'run'), "holds .* \\(a container engine's socket"],
    [
      "another name of the engine's socket",
      ({ root, engineSocket }) => {
        linkSync(engineSocket, join(root, 'free/harmless'));
        return join(root, 'free/harmless');
      },
      "is .* \\(a container engine's socket",
    ],
    [
      "a folder with another name of the engine's socket",
      ({ root, engineSocket }) => {
        linkSync(engineSocket, join(root, 'free/harmless'));
        return join(root, 'free');
      },
      'holds .*/free/harmless"',
    ],
    [
      "a folder with another name of the engine's socket deep in it",
      ({ root, engineSocket }) => {
        linkSync(engineSocket, join(root, 'free/deep/er/harmless'));
        return join(root, 'free');
      },
      'holds .*/free/deep/er/harmless"',
    ],
    ['any socket', ({ root }) => listening(join(root, 'free/x')), 'is a socket'],
    ...[
      'docker.sock',
      'docker.sock.raw',
      'podman.sock',
      'containerd.sock',
      'crio.sock',
      'buildkitd.sock',
      'dockerd',
    ].map((name): (typeof UNSAFE)[number] => [
      `a folder with a socket ${name}`,
      async ({ root }) => dirname(await listening(join(root, 'free/deep', name))),
      `holds .*/free/deep/${name}"`,
    ]),
    [
      'a folder with the socket of an engine deep in it',
      async ({ root }) => dirname(dirname(dirname(await listening(join(root, 'free/deep/er/podman.sock'))))),
      'holds .*/podman.sock"',
    ],
    ['/proc', () => '/proc', 'is "/proc"'],
    ['a folder of /proc', () => `/proc/${process.pid}/task`, 'lies in "/proc"'],
    ['a file of /proc', () => '/proc/version', 'lies in "/proc"'],
    ['/proc/self/root', () => '/proc/self/root', 'is "/"'],
    ['/sys', () => '/sys', 'is "/sys"'],
    ['a folder of /sys', () => '/sys/kernel', 'lies in "/sys"'],
    ['/dev', () => '/dev', 'is "/dev"'],
    ['a device', () => '/dev/null', 'lies in "/dev"'],
    ['/etc', () => '/etc', 'is "/etc"'],
    ['the passwords of the machine', () => '/etc/shadow', 'is "/etc/shadow"'],
    ['/var', () => '/var', 'is "/var"'],
    ['/var/lib', () => '/var/lib', 'is "/var/lib"'],
    ['/run', () => '/run', 'is "/run"'],
    ['/tmp', () => '/tmp', 'is "/tmp"'],
    ['/home', () => '/home', 'is "/home"'],
    ['/root', () => '/root', 'is "/root"'],
    ['/usr', () => '/usr', 'is "/usr"'],
    ['/boot', () => '/boot', 'is "/boot"'],
    ['/bin', () => '/bin', 'is "'],
    ['/lib', () => '/lib', 'is "'],
    ['/sbin', () => '/sbin', 'is "'],
    ['/opt', () => '/opt', 'is "/opt"'],
    ['the state folder', ({ stateDir }) => stateDir, "this library's stateDir"],
    ['a folder in the state folder', ({ stateDir }) => join(stateDir, 'sessions'), 'lies in .*stateDir'],
    ['a folder above the state folder', ({ root }) => root, 'holds'],
  ];

  it.each(UNSAFE)('a mount source is refused: %s', async (_, sourceOf, why) => {
    const paths = await machine();
    const source = await sourceOf(paths);
    const { message } = await errorOf(resolved(source, paths), 'UNSAFE_MOUNT');
    expect(message).toContain(JSON.stringify(source));
    expect(message).toMatch(new RegExp(why));
    expect(message).toContain('docker.allowUnsafeMounts');
  });

  const DISGUISES: [string, (source: string) => string][] = [
    [
      'behind a link',
      (source) => {
        const link = join(tempFolder(), 'harmless');
        symlinkSync(source, link);
        return link;
      },
    ],
    [
      'behind a link in the path',
      (source) => {
        const link = join(tempFolder(), 'harmless');
        symlinkSync(dirname(source), link);
        return join(link, basename(source));
      },
    ],
    ['by a path with ..', (source) => `${source === '/' ? '' : source}/../${basename(source) || '.'}`],
    ['by a path with . and //', (source) => `${dirname(source)}//.//${basename(source)}`],
  ];

  describe.each(DISGUISES)('a mount source %s', (_, disguised) => {
    it.each(UNSAFE)('a disguised mount source is refused: %s', async (_, sourceOf) => {
      const paths = await machine();
      const source = await sourceOf(paths);
      // A path with .. after a file does not exist; if a link is followed, .. leads elsewhere.
      const given = statSync(source).isDirectory() || !disguised(source).includes('/..') ? disguised(source) : source;
      await errorOf(resolved(given, paths), 'UNSAFE_MOUNT');
    });
  });

  it.each(UNSAFE)('an unsafe mount source is allowed with docker.allowUnsafeMounts: %s', async (_, sourceOf) => {
    const paths = await machine();
    await expect(resolved(await sourceOf(paths), paths, { allowUnsafe: true })).resolves.toHaveLength(1);
  });

  it('a home folder is refused as mount source even if the known home folder is a link to it', async () => {
    const paths = await machine();
    const link = join(tempFolder(), 'home');
    symlinkSync(paths.home, link);
    await errorOf(resolved(paths.home, { ...paths, home: link }), 'UNSAFE_MOUNT');
  });

  it('a mount source is refused if a folder of keys is a link to it or to a folder in it', async () => {
    const paths = await machine();
    const keys = join(paths.root, 'free/deep');
    symlinkSync(keys, join(paths.home, '.gnupg'));
    for (const source of [keys, join(keys, 'er'), dirname(keys)])
      await errorOf(resolved(source, paths), 'UNSAFE_MOUNT');
  });

  it('a mount source is refused if an environment variable moves a folder of keys there', async () => {
    const paths = await machine();
    const moved = join(paths.root, 'free');
    for (const path of ['gh', 'autostart']) mkdirSync(join(moved, path));
    const env = { XDG_CONFIG_HOME: moved, GNUPGHOME: join(moved, 'deep') };
    for (const path of ['gh', 'deep', 'deep/er', '.']) {
      await errorOf(resolved(join(moved, path), { ...paths, env }), 'UNSAFE_MOUNT');
    }
    await errorOf(resolved(join(moved, 'autostart'), { ...paths, env }, { readonly: false }), 'UNSAFE_MOUNT');
  });

  it("a mount source is refused if an environment variable names an engine's socket in it", async () => {
    const paths = await machine();
    const socket = await listening(join(paths.root, 'free/x'));
    for (const env of [{ CONTAINER_HOST: `unix://${socket}` }, { CONTAINERD_ADDRESS: socket }]) {
      await errorOf(resolved(dirname(socket), { ...paths, env }), 'UNSAFE_MOUNT');
    }
  });

  it.each<[string, (paths: Machine) => string]>([
    ['a folder below the home folder', ({ home }) => join(home, 'project')],
    ['a folder beside the state folder', ({ root }) => join(root, 'free')],
    ['certificates of the machine', () => '/etc/ssl/certs'],
    ['programs of the machine', () => '/usr/share'],
    ['the name of the machine', () => '/etc/hostname'],
    [
      "the user's settings of git",
      ({ home }) => {
        writeFileSync(join(home, '.gitconfig'), '');
        return join(home, '.gitconfig');
      },
    ],
    [
      'a file that only has the name of a socket',
      ({ root }) => {
        writeFileSync(join(root, 'free/docker.sock'), '');
        return join(root, 'free');
      },
    ],
    [
      'a folder with a name that begins like that of the state folder',
      ({ stateDir }) => {
        mkdirSync(`${stateDir}-other`);
        return `${stateDir}-other`;
      },
    ],
  ])('a read-only mount source may be %s', async (_, sourceOf) => {
    const paths = await machine();
    const source = sourceOf(paths);
    await expect(resolved(source, paths)).resolves.toMatchObject([{ source, target: '/in', readonly: true }]);
  });

  it.each<[string, (paths: Machine) => string]>([
    ['settings of the machine', () => '/etc/ssl'],
    ['programs of the machine', () => '/usr/share'],
    [
      "the user's settings of git, which name programs",
      ({ home }) => {
        writeFileSync(join(home, '.gitconfig'), '');
        return join(home, '.gitconfig');
      },
    ],
  ])('a writable mount source is refused: %s', async (_, sourceOf) => {
    const paths = await machine();
    await errorOf(resolved(sourceOf(paths), paths, { readonly: false }), 'UNSAFE_MOUNT');
  });

  it("a mount source that is a link is resolved to its target, with the target's identity", async () => {
    const paths = await machine();
    const [link, source] = [join(tempFolder(), 'link'), join(paths.root, 'free')];
    symlinkSync(source, link);
    const { dev, ino } = statSync(source, { bigint: true });
    expect(await resolved(link, paths)).toEqual([
      { source, target: '/in', readonly: true, identity: { dev: String(dev), ino: String(ino) } },
    ]);
  });

  it('a mount source has to exist, because Docker would create it', async () => {
    const paths = await machine();
    const missing = join(paths.root, 'missing');
    const { message } = await errorOf(resolved(missing, paths), 'INVALID_OPTIONS');
    expect(message).toContain(missing);
    expect(message).toContain('does not exist on the machine');
  });

  it("this project's folder may be a mount source with the real home folder", async () => {
    const paths = await machine();
    await expect(resolved(process.cwd(), { ...paths, home: homedir() })).resolves.toHaveLength(1);
  });
});
