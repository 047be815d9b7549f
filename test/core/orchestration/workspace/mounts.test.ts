import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type ProtectedPaths,
  parseMounts,
  refuseUnsafe,
  resolveMounts,
} from '../../../../src/core/orchestration/workspace/mounts.js';
import { errorOf } from '../../../support/errors.js';
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
  ])('%j is read', (mount, parsed) => {
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
  ])('%j is INVALID_OPTIONS, and shown', async (mount) => {
    const { message } = await errorOf(() => parseMounts([mount]), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'docker.mounts'");
    expect(message).toContain(JSON.stringify(mount));
  });
});

/** A host with a home folder, a state folder and an engine's socket. */
function host(): ProtectedPaths & { root: string; engineSocket: string } {
  const root = tempFolder();
  const paths = {
    root,
    home: join(root, 'home/me'),
    stateDir: join(root, 'state'),
    engineSocket: join(root, 'run/engine.sock'),
    engineSockets: [join(root, 'run/engine.sock')],
  };
  for (const folder of [
    paths.home,
    paths.stateDir,
    join(root, 'run'),
    join(root, 'free/deep'),
    join(paths.home, 'project'),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  writeFileSync(paths.engineSocket, '');
  writeFileSync(join(root, 'free/docker.sock'), '');
  mkdirSync(join(paths.stateDir, 'sessions'));
  return paths;
}

const resolved = (source: string, paths: ProtectedPaths, allowUnsafe = false): Promise<unknown> =>
  resolveMounts([{ source, target: '/in', readonly: true }], paths, allowUnsafe);

describe('the source of a mount', () => {
  const UNSAFE: [string, (paths: ReturnType<typeof host>) => string, string][] = [
    ['/', () => '/', 'is the whole host|holds'],
    ['the home folder', ({ home }) => home, 'holds the home folder'],
    ['a folder above the home folder', ({ root }) => join(root, 'home'), 'holds the home folder'],
    ["the engine's socket", ({ engineSocket }) => engineSocket, "holds the Docker engine's socket"],
    ["the folder of the engine's socket", ({ root }) => join(root, 'run'), "holds the Docker engine's socket"],
    ['any docker.sock', ({ root }) => join(root, 'free/docker.sock'), "is a Docker engine's socket"],
    ['the state folder', ({ stateDir }) => stateDir, 'stateDir'],
    ['a folder in the state folder', ({ stateDir }) => join(stateDir, 'sessions'), "lies in this library's stateDir"],
    ['a folder above the state folder', ({ root }) => root, 'holds'],
  ];

  it.each(UNSAFE)('is refused: %s', async (_, sourceOf, why) => {
    const paths = host();
    const source = sourceOf(paths);
    const { message } = await errorOf(resolved(source, paths), 'UNSAFE_MOUNT');
    expect(message).toContain(JSON.stringify(source));
    expect(message).toMatch(new RegExp(why));
    expect(message).toContain('docker.allowUnsafeMounts');
  });

  it.each(UNSAFE)('is refused behind a link, too: %s', async (_, sourceOf) => {
    const paths = host();
    const link = join(tempFolder(), 'harmless');
    symlinkSync(sourceOf(paths), link);
    const { message } = await errorOf(resolved(link, paths), 'UNSAFE_MOUNT');
    expect(message).toContain(link);
  });

  it.each(UNSAFE)('passes where the user allows it: %s', async (_, sourceOf) => {
    const paths = host();
    await expect(resolved(sourceOf(paths), paths, true)).resolves.toHaveLength(1);
  });

  it('is protected where home or state folder are links themselves', async () => {
    const paths = host();
    const link = join(tempFolder(), 'home');
    symlinkSync(paths.home, link);
    await errorOf(resolved(paths.home, { ...paths, home: link }), 'UNSAFE_MOUNT');
  });

  it.each([
    ['a folder below the home folder', ({ home }: ProtectedPaths) => join(home, 'project')],
    ['a folder beside the state folder', ({ root }: { root: string }) => join(root, 'free')],
  ])('may be %s', async (_, sourceOf) => {
    const paths = host();
    await expect(resolved(sourceOf(paths), paths)).resolves.toEqual([
      { source: sourceOf(paths), target: '/in', readonly: true },
    ]);
  });

  it('only has to differ in name from the state folder', async () => {
    const paths = host();
    mkdirSync(`${paths.stateDir}-other`);
    await expect(refuseUnsafe(`${paths.stateDir}-other`, 'x', paths)).resolves.toBeUndefined();
  });

  it('is what a link leads to', async () => {
    const paths = host();
    const link = join(tempFolder(), 'link');
    symlinkSync(join(paths.root, 'free'), link);
    expect(await resolved(link, paths)).toMatchObject([{ source: join(paths.root, 'free') }]);
  });

  it('has to exist: Docker would create it', async () => {
    const paths = host();
    const missing = join(paths.root, 'missing');
    const { message } = await errorOf(resolved(missing, paths), 'INVALID_OPTIONS');
    expect(message).toContain(missing);
    expect(message).toContain('does not exist on the host');
  });
});
