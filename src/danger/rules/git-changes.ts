import type { Danger } from '../danger.js';
import { Options } from '../shell/options.js';
import { isBlank } from '../shell/value.js';
import { discarding, type discardRules, discardsAll } from './discards.js';
import { namesPath } from './git-arguments.js';
import type { referenceRules } from './git-references.js';
import type { Subcommands } from './git-subcommand.js';
import { type Rules, reporting } from './rule.js';

/** Git commands that lose what is not committed. */
export const changeRules = {
  'git.reset-hard': {
    level: 'critical',
    about: 'throws away all changes that are not committed',
    matches: ['git reset --hard', 'git reset --hard HEAD~1', 'git -C /workspace reset --hard origin/main'],
    spares: ['git reset', 'git reset --soft HEAD~1', 'git commit -m "reset --hard is bad"'],
  },
  'git.reset-merge': {
    level: 'critical',
    about: 'throws away changes that are not committed',
    matches: ['git reset --merge'],
    spares: ['git reset --keep', 'git merge --abort'],
  },
  'git.clean': {
    level: 'critical',
    about: 'deletes files that git does not track; a warning if git asks first',
    matches: ['git clean -fd', 'git clean -xdf', 'git -c clean.requireForce=false clean -d'],
    warns: ['git clean -i'],
    spares: ['git clean -n', 'git clean -fdn'],
  },
  'git.stash-drop': {
    level: 'critical',
    about: 'deletes stashed changes',
    matches: ['git stash drop', 'git stash drop stash@{0}'],
    spares: ['git stash', 'git stash pop', 'git stash list'],
  },
  'git.stash-clear': {
    level: 'critical',
    about: 'deletes all stashed changes',
    matches: ['git stash clear'],
    spares: ['git stash push -m clear'],
  },
  'git.rm': {
    level: 'warning',
    about: 'deletes whole folders from the workspace and the index',
    matches: ['git rm -r docs'],
    spares: ['git rm --cached a.ts', 'git rm a.ts', 'git rm -rn docs'],
  },
  'git.rm-force': {
    level: 'recoverable',
    about: 'deletes files with changes that are not committed',
    matches: ['git rm -rf docs'],
    spares: ['git rm -r docs', 'git rm -rf --cached docs'],
  },
  'git.rm-all': {
    level: 'critical',
    about: 'deletes all files with changes that are not committed',
    matches: ['git rm -rf .'],
    spares: ['git rm -r --cached .'],
  },
  'git.worktree-remove': {
    level: 'critical',
    about: 'deletes a worktree with changes that are not committed',
    matches: ['git worktree remove --force ../wt'],
    spares: ['git worktree remove ../wt', 'git worktree list'],
  },
  'git.submodule': {
    level: 'critical',
    about: 'deletes changes in submodules that are not committed',
    matches: ['git submodule deinit -f lib'],
    spares: ['git submodule deinit lib', 'git submodule update --init'],
  },
  'git.unresolved': {
    level: 'critical',
    about: 'runs a git command that is only known when it runs; a warning for unknown arguments of `git reset`',
    matches: ['git $SUBCOMMAND'],
    warns: ['git reset "$MODE"'],
    spares: ['v=status; git $v', 'git log "$REVISION"'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof changeRules & typeof discardRules & typeof referenceRules>();

/** Commands that lose changes which are not committed. */
export const changeCommands: Subcommands = [
  ['reset', reset],
  ['clean', clean],
  ['stash', stash],
  ['checkout', checkout],
  ['switch', switchBranch],
  ['restore', restore],
  ['worktree', worktree],
  ['rm', remove],
  ['read-tree', (args) => (new Options(args).has('reset') ? discardsAll : undefined)],
  [
    'checkout-index',
    (args, _, isWhole) => {
      const options = new Options(args, ['prefix', 'stage']);
      if (!options.has('f', 'force')) return undefined;
      return options.has('a', 'all', 'stdin') ? discardsAll : discarding(options.operands, isWhole);
    },
  ],
  ['submodule', submodule],
];

function reset(args: readonly string[]): Danger | undefined {
  const options = new Options(args, ['pathspec-from-file']);
  if (options.has('hard'))
    return critical(
      'git.reset-hard',
      'Throws away all changes that are not committed; use git stash, or git reset without --hard.',
    );
  if (options.has('merge'))
    return critical('git.reset-merge', 'Throws away changes that are not committed; use git stash.');
  return args.some(isBlank)
    ? warning('git.unresolved', 'How git resets is only known when the command runs.')
    : undefined;
}

function clean(args: readonly string[], outer: readonly string[]): Danger | undefined {
  const options = new Options(args, ['e', 'exclude']);
  if (options.has('n', 'dry-run') || options.has('help')) return undefined;
  const unforced = outer.some((arg) => /^clean\.requireforce=(false|no|0)$/i.test(arg));
  if (!options.has('f', 'force') && !unforced && !options.has('i', 'interactive')) return undefined;
  return critical(
    'git.clean',
    'Deletes files that git does not track and cannot bring back; list them with git clean -n, and remove single files with rm.',
  );
}

function checkout(
  args: readonly string[],
  _: readonly string[],
  isWhole: (pathspec: string) => boolean,
): Danger | undefined {
  const options = new Options(args, ['b', 'B', 'orphan', 'conflict', 'pathspec-from-file']);
  if (options.has('f', 'force')) return discardsAll;
  const creates = options.has('b', 'orphan') || options.has('B');
  const dashes = args.indexOf('--');
  if (dashes >= 0 && dashes < args.length - 1) return discarding(args.slice(dashes + 1), isWhole);
  if (options.has('p', 'patch')) return warning('git.discard-changes', 'Throws away changes that are not committed.');
  if (options.has('pathspec-from-file')) return discardsAll;
  if (creates || options.has('t', 'track', 'd', 'detach'))
    return options.has('B') ? warning('git.branch-force', 'Moves a branch of that name.') : undefined;
  // One operand may be a branch or a path. A second operand is a path, and so is a name that no branch can have.
  const [first = '', second] = options.operands;
  if (namesPath(first)) return discarding(options.operands, isWhole);
  if (second !== undefined) return discarding(options.operands.slice(1), isWhole);
  return options.has('ours', 'theirs') ? discarding([first], isWhole) : undefined;
}

function switchBranch(args: readonly string[]): Danger | undefined {
  const options = new Options(args, ['c', 'C', 'create', 'force-create', 'orphan']);
  if (options.has('f', 'discard-changes') || args.includes('--force')) return discardsAll;
  return options.has('C', 'force-create') ? warning('git.branch-force', 'Moves a branch of that name.') : undefined;
}

function restore(
  args: readonly string[],
  _: readonly string[],
  isWhole: (pathspec: string) => boolean,
): Danger | undefined {
  const options = new Options(args, ['s', 'source', 'pathspec-from-file']);
  if (options.has('S', 'staged') && !options.has('W', 'worktree')) return undefined;
  if (options.has('p', 'patch')) return warning('git.discard-changes', 'Throws away changes that are not committed.');
  if (options.has('pathspec-from-file')) return discardsAll;
  return options.operands.length > 0 ? discarding(options.operands, isWhole) : undefined;
}

function stash([verb]: readonly string[]): Danger | undefined {
  if (verb === 'drop' || verb === 'clear')
    return critical(
      `git.stash-${verb}`,
      'Deletes stashed changes, which nothing brings back; leave the stash as it is.',
    );
  return undefined;
}

function remove(
  args: readonly string[],
  _: readonly string[],
  isWhole: (pathspec: string) => boolean,
): Danger | undefined {
  const options = new Options(args);
  if (options.has('cached') || options.has('n', 'dry-run') || !options.has('r')) return undefined;
  if (options.has('f', 'force'))
    return options.operands.some(isWhole)
      ? critical(
          'git.rm-all',
          'Deletes all files with changes that are not committed; name the folders, and leave out -f.',
        )
      : critical('git.rm-force', 'Deletes files with changes that are not committed; leave out -f.');
  return warning('git.rm', 'Deletes whole folders from the workspace and the index.');
}

function worktree([verb, ...args]: readonly string[]): Danger | undefined {
  if (verb !== 'remove') return undefined;
  return new Options(args).has('f', 'force')
    ? critical('git.worktree-remove', 'Deletes a worktree with changes that are not committed; leave out --force.')
    : undefined;
}

function submodule([verb, ...args]: readonly string[]): Danger | undefined {
  return verb === 'deinit' && new Options(args).has('f', 'force')
    ? critical('git.submodule', 'Deletes changes in submodules that are not committed; leave out --force.')
    : undefined;
}
