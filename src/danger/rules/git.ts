import { critical, type Danger, warning } from '../danger.js';
import { GIT_VALUES } from '../launchers/git.js';
import type { Places } from '../paths.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { isBlank, isKnown } from '../shell/value.js';
import { discarding, discardsAll, isWholeTree, workTree } from './discards.js';
import { namesPath, writtenOut } from './git-arguments.js';
import { rateConfig, rateSettings } from './git-config.js';
import { rateHistory } from './git-history.js';
import type { RuleList } from './rule.js';

export const gitRules: RuleList = [
  ['git', rateGit],
  ['git-filter-repo bfg git-filter-branch', () => rewrites],
];

const rewrites = critical(
  'git.rewrite-history',
  'Rewrites the history, so that old commits are lost for everybody; make a new commit.',
);

/** @param isWhole whether a pathspec is the whole worktree, or may be it */
type Subcommand = (
  args: readonly string[],
  outer: readonly string[],
  isWhole: (pathspec: string) => boolean,
) => Danger | undefined;

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map<string, Subcommand>([
  ['reset', reset],
  ['clean', clean],
  ['push', push],
  ['branch', branch],
  ['tag', tag],
  ['stash', stash],
  ['checkout', checkout],
  ['switch', switchBranch],
  ['restore', restore],
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
  ['update-ref', updateRef],
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
  [
    'remote',
    (args) =>
      /^(rm|remove|set-url)$/.test(args[0] ?? '')
        ? warning('git.remote', 'Changes where the repository pushes to.')
        : undefined,
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
]);

function rateGit(command: ShellCommand, places: Places): Danger | undefined {
  const { args, scope, stdin } = command;
  const outer = new Options(args, GIT_VALUES, true);
  const verb = args[outer.start];
  if (verb === undefined) return undefined;
  const rest = writtenOut(verb, args.slice(outer.start + 1));
  if (isBlank(verb)) return critical('git.unresolved', 'Which git command runs is only known when it runs; name it.');
  if (asks(rest, /^--help$/) || rest[0] === '-h') return undefined;
  const settings = rateSettings(args.slice(0, outer.start), places, scope);
  if (settings) return settings;
  if (verb === 'config') return rateConfig(rest, places, scope);
  // It asks, and without an input there is nobody to answer.
  if (verb === 'clean' && stdin === undefined && new Options(rest, ['e', 'exclude']).has('i', 'interactive'))
    return warning('git.clean', 'Deletes files that git does not track, once that is confirmed.');
  const cwd = workTree(command, args.slice(0, outer.start));
  const isWhole = (pathspec: string): boolean => isWholeTree(pathspec, cwd, places);
  return SUBCOMMANDS.get(verb)?.(rest, args.slice(0, outer.start), isWhole) ?? rateHistory(verb, rest, places, scope);
}

function reset(args: readonly string[]): Danger | undefined {
  const options = new Options(args, ['pathspec-from-file']);
  if (options.has('hard'))
    return critical(
      'git.reset-hard',
      'Throws away all changes that are not committed; use git stash, or git reset without --hard.',
    );
  if (options.has('merge'))
    return critical('git.reset-merge', 'Throws away changes that are not committed; use git stash.');
  return args.some(isBlank) ? warning('git.unresolved', 'How git resets is only known when it runs.') : undefined;
}

function clean(args: readonly string[], outer: readonly string[]): Danger | undefined {
  const options = new Options(args, ['e', 'exclude']);
  if (options.has('n', 'dry-run') || options.has('help')) return undefined;
  const unforced = outer.some((arg) => /^clean\.requireforce=(false|no|0)$/i.test(arg));
  if (!options.has('f', 'force') && !unforced && !options.has('i', 'interactive')) return undefined;
  return critical(
    'git.clean',
    'Deletes files that git does not track and cannot bring back; list them with git clean -n, and remove single ones with rm.',
  );
}

function push(args: readonly string[]): Danger | undefined {
  const options = new Options(args, ['o', 'push-option', 'receive-pack', 'exec', 'repo']);
  if (options.has('n', 'dry-run')) return undefined;
  const given = (...names: string[]): boolean => args.some((arg) => names.includes(arg.replace(/=.*/s, '')));
  const lease = given('--force-with-lease') || given('--force-if-includes');
  const forced = options.has('f') || given('--force', '--forc') || (options.has('force') && !lease);
  if (forced)
    return critical(
      'git.push-force',
      "Overwrites the remote's history; push without force, or use --force-with-lease.",
    );
  if (options.has('mirror') || options.has('prune'))
    return critical('git.push-mirror', 'Deletes branches of the remote that are not here.');
  if (options.has('d', 'delete')) return critical('git.push-delete', 'Deletes a branch or tag of the remote.');
  const refspecs = options.operands.slice(1);
  if (refspecs.some((refspec) => refspec.startsWith('+')))
    return critical('git.push-force', "A refspec with '+' overwrites the remote's history; leave the '+' out.");
  if (refspecs.some((refspec) => /^:./.test(refspec)))
    return critical('git.push-delete', 'An empty source deletes the branch of the remote.');
  return lease
    ? warning('git.push-force-with-lease', "Overwrites the remote's branch if nobody else changed it.")
    : undefined;
}

function branch(args: readonly string[]): Danger | undefined {
  const options = new Options(args, [
    'u',
    'set-upstream-to',
    'contains',
    'merged',
    'no-merged',
    'sort',
    'points-at',
    'format',
  ]);
  const force = options.has('f', 'force');
  if (options.has('D') || (force && options.has('d', 'delete'))) {
    return options.operands.every(isKnown)
      ? critical(
          'git.branch-delete',
          'Deletes a branch even if it is not merged; git branch NAME COMMIT brings it back, with the commit that git prints.',
        )
      : critical('git.branch-delete-any', 'Deletes branches that are only known when it runs; name them.');
  }
  if (options.has('M', 'C')) return warning('git.branch-force', 'Replaces a branch of that name.');
  return force ? warning('git.branch-force', 'Moves a branch, so that its commits may be lost.') : undefined;
}

function tag(args: readonly string[]): Danger | undefined {
  const options = new Options(args, ['m', 'F', 'u', 'n', 'message', 'file']);
  if (options.has('d', 'delete'))
    return options.operands.every(isKnown)
      ? critical(
          'git.tag-delete',
          'Deletes a tag; git tag NAME COMMIT brings it back, with the commit that git prints.',
        )
      : critical('git.tag-delete-any', 'Deletes tags that are only known when it runs; name them.');
  return options.has('f', 'force') ? warning('git.tag-force', 'Moves a tag that others may rely on.') : undefined;
}

function stash([verb]: readonly string[]): Danger | undefined {
  if (verb === 'drop' || verb === 'clear')
    return critical(
      `git.stash-${verb}`,
      'Deletes stashed changes, which nothing brings back; leave the stash as it is.',
    );
  return undefined;
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
  // One operand may be a branch or a path; a second one, or one that no branch can be called, is a path.
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

function updateRef(args: readonly string[]): Danger | undefined {
  return new Options(args, ['m']).has('d', 'delete', 'stdin')
    ? critical('git.update-ref', 'Deletes or moves references behind the back of git branch.')
    : undefined;
}

function worktree([verb, ...args]: readonly string[]): Danger | undefined {
  if (verb !== 'remove') return undefined;
  return new Options(args).has('f', 'force')
    ? critical('git.worktree-remove', 'Deletes a worktree with changes that are not committed; leave out --force.')
    : undefined;
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

function submodule([verb, ...args]: readonly string[]): Danger | undefined {
  return verb === 'deinit' && new Options(args).has('f', 'force')
    ? critical('git.submodule', 'Deletes changes in submodules that are not committed; leave out --force.')
    : undefined;
}
