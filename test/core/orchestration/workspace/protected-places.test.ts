import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pinPath } from '../../../../src/core/orchestration/util/fs/pinned-path.js';
import { MountTable } from '../../../../src/core/orchestration/workspace/mount-table.js';
import { ProtectedMachine } from '../../../../src/core/orchestration/workspace/protected-machine.js';
import {
  KERNEL_FILE_SYSTEMS,
  PROTECTED_PLACES,
} from '../../../../src/core/orchestration/workspace/protected-places.js';
import { UnsafeSources } from '../../../../src/core/orchestration/workspace/unsafe-source.js';
import { tempFolder } from '../../../support/temp-folder.js';

const PLACES = PROTECTED_PLACES.flatMap(({ what, reach, paths }) => paths.map((path) => ({ path, reach, what })));
const OF_MACHINE = PLACES.filter(({ path }) => !path.startsWith('~'));
const OF_HOME = PLACES.filter(({ path }) => path.startsWith('~/'));

function scene() {
  const root = tempFolder();
  const paths = { home: join(root, 'home'), stateDir: join(root, 'state'), engineSockets: [] };
  mkdirSync(paths.home);
  return { ...paths, root, sources: new UnsafeSources(new ProtectedMachine(paths)) };
}

describe('each place in the table of protected places', () => {
  it('each place of the machine in the table is refused, whether it exists or not', async () => {
    const { sources } = scene();
    for (const { path } of OF_MACHINE) expect(await sources.whyNew(path), path).toContain('is "');
  });

  it('paths below a place of the machine are refused, unless only the place itself is protected', async () => {
    const { sources } = scene();
    for (const { path } of OF_MACHINE.filter(({ reach }) => reach !== 'itself')) {
      expect(await sources.whyNew(`${path}/a/b`), path).toContain('lies in "');
    }
    for (const path of ['/var/lib/a/b', '/home/a/b', '/opt/a', '/srv/a', '/tmp/a/b', '/var/tmp/a', '/usr/src/a']) {
      expect(await sources.whyNew(path), path).toBeUndefined();
    }
  });

  it('each place of a home folder is refused, with its parent folder and the paths below it', async () => {
    const { home, sources } = scene();
    const places = OF_HOME.map(({ path, ...rest }) => ({ ...rest, path: join(home, path.slice(2)) }));
    for (const { path } of places) mkdirSync(path, { recursive: true });
    const why = async (path: string, readonly: boolean): Promise<string | undefined> =>
      sources.why({ source: await pinPath(path, { withMount: true }), given: path, readonly });
    for (const { path, reach, what } of places) {
      const itself = await why(path, reach !== 'writable');
      expect(itself, path).toMatch(/^is /);
      expect(itself, path).toContain(what);
      expect(await why(dirname(path), false), path).toBeDefined();
      if (reach !== 'itself') expect(await sources.whyNew(join(path, 'a')), path).toContain('lies in "');
    }
    expect(await sources.whyNew(join(home, 'project/a'))).toBeUndefined();
  });

  it('the folder where desktop systems mount removable disks is allowed', async () => {
    const { sources } = scene();
    expect(await sources.whyNew('/run/media/me/disk/project')).toBeUndefined();
    expect(await sources.whyNew('/run/mediator')).toContain('lies in "/run"');
  });
});

it('docs/security.md lists the table of protected places', () => {
  const docs = readFileSync('docs/security.md', 'utf8');
  const reaches = {
    itself: 'itself',
    below: 'and what is below',
    writable: 'and what is below, where the mount is writable',
  };
  for (const { what, reach, paths } of PROTECTED_PLACES) {
    expect(docs).toContain(`- **${what}** (${reaches[reach]}): ${paths.map((path) => `\`${path}\``).join(', ')}\n`);
  }
});

describe("another user's home folder", () => {
  it.each(['/home', '/Users', '/var/home', '/export/home'])(
    'a folder below %s of a user who does not exist is allowed',
    async (folder) => {
      const { sources } = scene();
      // Neither the user nor the folder exists, so this is an ordinary folder for a project.
      expect(await sources.whyNew(`${folder}/ao-test-nobody/project`)).toBeUndefined();
    },
  );

  it("root's home folder and its keys are refused, but projects in it are allowed", async () => {
    const { sources } = scene();
    expect(await sources.whyNew('/root')).toContain('is "/root" (a home folder');
    expect(await sources.whyNew('/root/.ssh/a')).toContain('lies in "/root/.ssh"');
    expect(await sources.whyNew('/root/ao-test-project')).toBeUndefined();
  });
});

/** Why a folder is refused on a machine whose table of mounts has the given lines. */
async function mounted(line: (own: { id: string; path: string; home: string }) => string) {
  const { root, ...paths } = scene();
  const folder = join(root, 'elsewhere');
  mkdirSync(join(folder, 'deep'), { recursive: true });
  for (const path of ['.ssh', 'project']) mkdirSync(join(paths.home, path));
  const source = await pinPath(folder, { withMount: true });
  const own = { id: source.mountId ?? '', path: folder, home: paths.home };
  const table = MountTable.parse(`${line(own)}\n`);
  return new UnsafeSources(new ProtectedMachine(paths), Promise.resolve(table)).why({
    source,
    given: folder,
    readonly: true,
  });
}

describe.runIf(process.platform === 'linux')("the machine's table of mounts", () => {
  const disk = (id: string, root: string, path: string, type = 'ext4'): string =>
    `${id} 1 8:1 ${root} ${path} rw,relatime shared:1 - ${type} /dev/sda1 rw`;

  it('a folder that is a bind mount of a folder with keys is refused', async () => {
    const why = await mounted(({ id, path, home }) => `${disk('1', '/', '/')}\n${disk(id, `${home}/.ssh`, path)}`);
    expect(why).toMatch(/is ".*\/home\/.ssh"/);
  });

  it('a folder that is a bind mount of a folder inside a folder with keys is refused', async () => {
    const why = await mounted(({ id, path, home }) => `${disk('1', '/', '/')}\n${disk(id, `${home}/.ssh/a`, path)}`);
    expect(why).toMatch(/lies in ".*\/home\/.ssh"/);
  });

  it('a folder that is a bind mount of a parent of protected folders is refused', async () => {
    const why = await mounted(({ id, path, home }) => `${disk('1', '/', '/')}\n${disk(id, dirname(home), path)}`);
    expect(why).toMatch(/holds ".*\/state"/);
  });

  it('a folder is refused if a part of it is mounted as the home folder', async () => {
    const why = await mounted(({ id, path, home }) => `${disk(id, '/', path)}\n${disk('1', '/users/me', home)}`);
    expect(why).toMatch(/is ".*\/home"/);
  });

  it('a folder is refused if a folder with keys is mounted below it', async () => {
    const why = await mounted(
      ({ id, path, home }) =>
        `${disk('1', '/', '/')}\n${disk(id, path, path)}\n${disk('2', `${home}/.ssh`, `${path}/a\\040b`)}`,
    );
    expect(why).toMatch(/is ".*\/home\/.ssh"/);
  });

  it.each([...KERNEL_FILE_SYSTEMS])(
    'a folder is refused if it is or contains a mount of a kernel file system: %s',
    async (type) => {
      expect(await mounted(({ id, path }) => disk(id, '/', path, type))).toContain(`(${type})`);
      const below = ({ id, path }: { id: string; path: string }): string =>
        `${disk(id, '/', path)}\n${disk('2', '/x', `${path}/deep`, type)}`;
      expect(await mounted(below)).toContain(`(${type})`);
    },
  );

  it('a folder that is a bind mount of a project is allowed', async () => {
    const line = ({ id, path, home }: { id: string; path: string; home: string }): string =>
      `${disk('1', '/', '/')}\n${disk(id, `${home}/project`, path)}`;
    expect(await mounted(line)).toBeUndefined();
  });
});
