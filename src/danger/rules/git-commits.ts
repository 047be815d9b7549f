import type { Danger } from '../danger.js';
import { Options } from '../shell/options.js';
import type { Subcommands } from './git-subcommand.js';
import { type Finders, type Rules, reporting } from './rule.js';

/** Commits, and the means to get lost commits back. */
export const commitRules = {
  'git.rewrite-history': {
    level: 'critical',
    about: 'rewrites the whole history',
    matches: [
      'git filter-branch --tree-filter "rm x" HEAD',
      'git filter-repo --path secret --invert-paths',
      'bfg --delete-files x',
    ],
    spares: ['git filter-repo --analyze', 'git log --follow x'],
  },
  'git.rebase': {
    level: 'warning',
    about: 'rewrites the commits of a branch',
    matches: ['git rebase main', 'git rebase -i HEAD~3'],
    spares: ['git rebase --abort', 'git rebase --continue', 'git merge main'],
  },
  'git.reflog': {
    level: 'critical',
    about: 'deletes the log by which lost commits are found again',
    matches: ['git reflog expire --expire=now --all', 'git reflog delete HEAD@{1}'],
    spares: ['git reflog', 'git reflog expire --dry-run --all'],
  },
  'git.gc-prune': {
    level: 'critical',
    about: 'deletes objects that could still be recovered',
    matches: ['git gc --prune=now'],
    spares: ['git gc', 'git gc --prune=2.weeks'],
  },
  'git.prune': {
    level: 'critical',
    about: 'deletes objects that could still be recovered; a warning for local copies of large files',
    matches: ['git prune'],
    warns: ['git lfs prune'],
    spares: ['git prune -n', 'git remote prune origin'],
  },
  'git.amend': {
    level: 'warning',
    about: 'rewrites the last commit',
    matches: ['git commit --amend --no-edit'],
    spares: ['git commit -m "amend"'],
  },
  'git.replace': {
    level: 'warning',
    about: 'makes git show other objects in place of the real ones',
    matches: ['git replace HEAD HEAD~1'],
    spares: ['git log --no-replace-objects'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof commitRules>();

const rewrites = critical(
  'git.rewrite-history',
  'Rewrites the history, so that old commits are lost for everybody; make a new commit.',
);

/** Programs that rewrite the history as git's own commands do. */
export const rewritingFinders: Finders = [['git-filter-repo bfg git-filter-branch', () => rewrites]];

/** Commands that rewrite commits, or lose commits that no branch leads to. */
export const commitCommands: Subcommands = [
  ['rebase', rebase],
  ['filter-branch', () => rewrites],
  ['filter-repo', (args) => (new Options(args).has('dry-run', 'analyze') ? undefined : rewrites)],
  ['reflog', reflog],
  ['gc', gc],
  [
    'prune',
    (args) =>
      new Options(args).has('n', 'dry-run')
        ? undefined
        : critical('git.prune', 'Deletes objects for good that could still be recovered.'),
  ],
  [
    'commit',
    (args) =>
      new Options(args, ['m', 'F', 'C', 'c', 'message', 'file']).has('amend')
        ? warning('git.amend', 'Rewrites the last commit.')
        : undefined,
  ],
  ['replace', () => warning('git.replace', 'Makes git see other objects in place of the real ones.')],
  ['lfs', (args) => (args[0] === 'prune' ? warning('git.prune', 'Deletes local copies of large files.') : undefined)],
];

function rebase(args: readonly string[]): Danger | undefined {
  if (args.some((arg) => /^--(continue|abort|skip|quit|edit-todo|show-current-patch)$/.test(arg))) return undefined;
  return warning('git.rebase', 'Rewrites the commits of the branch; do this only to commits that are not pushed.');
}

function reflog([verb, ...args]: readonly string[]): Danger | undefined {
  if ((verb !== 'expire' && verb !== 'delete') || new Options(args).has('n', 'dry-run')) return undefined;
  return critical('git.reflog', 'Deletes the log by which lost commits are found again.');
}

function gc(args: readonly string[]): Danger | undefined {
  const prune = new Options(args).value('prune');
  return prune && !/^\d+\.?(days?|weeks?)|^(never|no)$/.test(prune)
    ? critical('git.gc-prune', 'Deletes objects for good that could still be recovered; use git gc.')
    : undefined;
}
