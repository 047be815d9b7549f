import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childrenOf, leading, outputsOf } from './families.js';
import { bash, git, RELEASES, repository, testManager } from './support.js';

const SECRET = 'private source code';

describe.each(RELEASES)('a leader session, with Claude Code $version', ({ image }) => {
  it.each<[string, (priv: string) => string[]]>([
    [
      'an alternates file and a branch that is a link',
      (priv) => [
        'mkdir -p .git/objects/info',
        `echo ${priv}/objects > .git/objects/info/alternates`,
        `ln -s ${priv}/refs/heads/main .git/refs/heads/leak`,
      ],
    ],
    [
      'links in the place of objects and branches',
      (priv) => [
        `for name in $(cd .git/objects; ls); do mv .git/objects/$name .git/$name; ln -s ${priv}/objects/$name .git/objects/$name; done`,
        `ln -s ${priv}/refs/heads/main .git/refs/heads/leak`,
      ],
    ],
  ])('no file of a private repository is checked out for a child session through %s', async (_, plant) => {
    const { manager } = await testManager({ policy: { dangerous: 'allow' } });
    const outputs = outputsOf(manager);
    const cwd = await repository();
    const priv = join(dirname(cwd), 'private');
    await mkdir(priv);
    await git(priv, 'init', '--quiet', '--initial-branch=main');
    await writeFile(join(priv, 'secret.txt'), SECRET);
    await git(priv, 'add', '.');
    await git(priv, 'commit', '--quiet', '--message', 'Secret');
    await writeFile(join(cwd, 'plant.sh'), `${plant(join(priv, '.git')).join('\n')}\n`);
    const lead = [
      bash('sh plant.sh'),
      bash('orchestrate create --branch leak "Child"; orchestrate wait'),
      { text: 'L' },
    ];
    const options = await leading({ Lead: lead, Child: [bash('cat secret.txt'), { text: 'C' }] }, { cwd });
    // The repository belongs to root, as the user who runs these tests.
    const docker = { ...(options.docker as object), image, user: '0:0' };
    const parent = await manager.create({ ...options, docker });
    const done = await manager.waitFor(parent.id);
    expect(done.status).toBe('completed');
    expect(childrenOf(manager, done).filter(({ startedAt }) => startedAt !== undefined)).toEqual([]);
    expect(outputs(parent).join('\n')).toMatch(/borrows objects|is no folder|is no file/);
    expect(existsSync(`${cwd}-leak`)).toBe(false);
  });
});
