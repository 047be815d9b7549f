import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { git, repository } from './git.js';
import { tempFolder } from './temp-folder.js';

/** The text that must not get out of the private repository. */
export const SECRET = 'private source code';

/** A repository of an agent, and a private repository of the user on the same machine. */
export interface BorrowingScene {
  /** Root of the agent's repository. */
  repo: string;
  /** Git folder of the private repository. Its objects are in one pack, or are single files. */
  priv: string;
  /** The hash of the private repository's commit. An agent may know it from a submodule, a log or an issue. */
  commit: string;
  /** A path in the agent's git folder. */
  own: (path: string) => string;
}

/** Something an agent can leave in its repository, so that its branch `leak` has the files of the private repository. */
export interface BorrowingAttack {
  name: string;
  plant: (scene: BorrowingScene) => void;
  /** Whether the private repository has a pack. */
  packed?: true;
}

export function borrowingScene({ packed }: BorrowingAttack): BorrowingScene {
  const repo = repository();
  const root = join(tempFolder(), 'p');
  git('/', 'init', '--quiet', '--initial-branch=main', root);
  writeFileSync(join(root, 'secret.txt'), `${SECRET}\n`);
  git(root, 'add', '.');
  git(root, 'commit', '--quiet', '-m', 'Secret');
  if (packed) git(root, 'repack', '-adq');
  const own = (path: string): string => join(repo, '.git', path);
  return { repo, priv: join(root, '.git'), commit: git(root, 'rev-parse', 'HEAD').trim(), own };
}

const alternates = ({ priv, own }: BorrowingScene, text = `${priv}/objects\n`): void => {
  mkdirSync(own('objects/info'), { recursive: true });
  writeFileSync(own('objects/info/alternates'), text);
};

const branch = ({ own, commit }: BorrowingScene): void => writeFileSync(own('refs/heads/leak'), `${commit}\n`);

/** Replaces a file or folder by a link. */
const replace = (path: string, target: string): void => {
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
};

const privateObjects = (priv: string): string[] =>
  readdirSync(join(priv, 'objects'))
    .filter((name) => name.length === 2)
    .flatMap((name) => readdirSync(join(priv, 'objects', name)).map((rest) => join(name, rest)));

const privatePack = (priv: string): string[] =>
  readdirSync(join(priv, 'objects/pack')).filter((name) => /\.(pack|idx)$/.test(name));

export const BORROWING_ATTACKS: readonly BorrowingAttack[] = [
  {
    name: 'an alternates file, and a branch that is a link',
    plant: (scene) => {
      alternates(scene);
      symlinkSync(join(scene.priv, 'refs/heads/main'), scene.own('refs/heads/leak'));
    },
  },
  {
    name: 'an alternates file, and a commit that the agent knows',
    plant: (scene) => {
      alternates(scene);
      branch(scene);
    },
  },
  {
    name: 'an alternates file with a relative path behind a comment',
    plant: (scene) => {
      const up = '../'.repeat(20);
      alternates(scene, `# nothing\n\n${up}${scene.priv.slice(1)}/objects`);
      branch(scene);
    },
  },
  {
    name: 'alternates of alternates',
    plant: (scene) => {
      const between = join(scene.repo, 'between');
      mkdirSync(join(between, 'info'), { recursive: true });
      writeFileSync(join(between, 'info/alternates'), `${scene.priv}/objects\n`);
      alternates(scene, `${between}\n`);
      branch(scene);
    },
  },
  {
    name: 'a link in the place of the alternates file',
    plant: (scene) => {
      writeFileSync(join(scene.repo, 'list'), `${scene.priv}/objects\n`);
      mkdirSync(scene.own('objects/info'), { recursive: true });
      symlinkSync(join(scene.repo, 'list'), scene.own('objects/info/alternates'));
      branch(scene);
    },
  },
  {
    name: 'a link in the place of objects/info',
    plant: (scene) => {
      mkdirSync(join(scene.repo, 'info'));
      writeFileSync(join(scene.repo, 'info/alternates'), `${scene.priv}/objects\n`);
      replace(scene.own('objects/info'), join(scene.repo, 'info'));
      branch(scene);
    },
  },
  {
    name: 'a link in the place of objects',
    plant: (scene) => {
      replace(scene.own('objects'), join(scene.priv, 'objects'));
      branch(scene);
    },
  },
  {
    name: 'links in the place of the folders of single objects',
    plant: (scene) => {
      for (const name of new Set(privateObjects(scene.priv).map(dirname)))
        replace(scene.own(join('objects', name)), join(scene.priv, 'objects', name));
      branch(scene);
    },
  },
  {
    name: 'single objects that are links',
    plant: (scene) => {
      for (const name of privateObjects(scene.priv)) {
        mkdirSync(dirname(scene.own(join('objects', name))), { recursive: true });
        replace(scene.own(join('objects', name)), join(scene.priv, 'objects', name));
      }
      branch(scene);
    },
  },
  {
    name: 'a link in the place of objects/pack',
    packed: true,
    plant: (scene) => {
      replace(scene.own('objects/pack'), join(scene.priv, 'objects/pack'));
      branch(scene);
    },
  },
  {
    name: 'packs that are links',
    packed: true,
    plant: (scene) => {
      for (const name of privatePack(scene.priv))
        symlinkSync(join(scene.priv, 'objects/pack', name), scene.own(join('objects/pack', name)));
      branch(scene);
    },
  },
  {
    name: 'a multi-pack-index that names a pack elsewhere',
    packed: true,
    plant: (scene) => {
      const folder = join(scene.priv, 'objects/pack');
      git(dirname(scene.priv), 'multi-pack-index', 'write');
      const index = readFileSync(join(folder, 'multi-pack-index'));
      rmSync(join(folder, 'multi-pack-index'));
      const [name = ''] = privatePack(scene.priv).filter((each) => each.endsWith('.idx'));
      // The path must be as long as the name that it replaces. A short name of the pack makes it fit.
      for (const end of ['pack', 'idx']) renameSync(join(folder, name.replace(/idx$/, end)), join(folder, `p.${end}`));
      const way = '../../../..';
      const to = `/${basename(dirname(dirname(scene.priv)))}/p/.git/objects/pack/p.idx`;
      const path = `../${way}${'/'.repeat(Math.max(0, name.length - way.length - to.length - 3))}${to}`;
      const at = index.indexOf(name);
      Buffer.from(path).copy(index, at);
      writeFileSync(scene.own('objects/pack/multi-pack-index'), index);
      branch(scene);
    },
  },
  {
    name: 'a link in the place of refs',
    plant: (scene) => {
      alternates(scene);
      git(dirname(scene.priv), 'branch', 'leak');
      replace(scene.own('refs'), join(scene.priv, 'refs'));
    },
  },
  {
    name: 'a link in the place of refs/heads',
    plant: (scene) => {
      alternates(scene);
      git(dirname(scene.priv), 'branch', 'leak');
      replace(scene.own('refs/heads'), join(scene.priv, 'refs/heads'));
    },
  },
  {
    name: 'a link in the place of packed-refs',
    plant: (scene) => {
      alternates(scene);
      git(dirname(scene.priv), 'branch', 'leak');
      git(dirname(scene.priv), 'pack-refs', '--all');
      replace(scene.own('packed-refs'), join(scene.priv, 'packed-refs'));
    },
  },
];
