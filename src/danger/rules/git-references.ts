import type { Danger } from '../danger.js';
import { Options } from '../shell/options.js';
import { isKnown } from '../shell/value.js';
import type { Subcommands } from './git-subcommand.js';
import { type Rules, reporting } from './rule.js';

/** Branches and tags, here and at the remote. */
export const referenceRules = {
  'git.push-force': {
    level: 'critical',
    about: "overwrites the remote's history",
    matches: ['git push --force', 'git push -f origin main', 'git push origin +main'],
    spares: ['git push', 'git push --force-with-lease', 'git push -u origin topic', 'git push -fn'],
  },
  'git.push-force-with-lease': {
    level: 'warning',
    about: "overwrites the remote's branch if nobody else has changed it",
    matches: ['git push --force-with-lease'],
    spares: ['git push', 'git push --force-with-lease --dry-run'],
  },
  'git.push-mirror': {
    level: 'critical',
    about: 'deletes branches of the remote that do not exist here',
    matches: ['git push --mirror', 'git push --prune origin'],
    spares: ['git push --all', 'git fetch --prune'],
  },
  'git.push-delete': {
    level: 'critical',
    about: 'deletes a branch or a tag of the remote',
    matches: ['git push origin --delete old', 'git push origin :old'],
    spares: ['git push origin old:new', 'git branch -d old'],
  },
  'git.branch-delete': {
    level: 'recoverable',
    about: 'deletes a named branch although it is not merged',
    matches: ['git branch -D old', 'git branch --delete --force old'],
    spares: ['git branch -d old', 'git branch --list'],
  },
  'git.branch-delete-any': {
    level: 'critical',
    about: 'deletes branches that are only known when the command runs',
    matches: ['git branch -D $(git branch --merged)'],
    spares: ['git branch -D old', 'git branch -d $(git branch --merged)'],
  },
  'git.branch-force': {
    level: 'warning',
    about: 'moves or replaces a branch',
    matches: ['git branch -f topic HEAD~3', 'git checkout -B topic', 'git switch -C topic', 'git branch -M main'],
    spares: ['git branch topic', 'git checkout -b topic'],
  },
  'git.tag-delete': {
    level: 'recoverable',
    about: 'deletes a named tag',
    matches: ['git tag -d v1'],
    spares: ['git tag v1', 'git tag --list'],
  },
  'git.tag-delete-any': {
    level: 'critical',
    about: 'deletes tags that are only known when the command runs',
    matches: ['git tag -d $(git tag)'],
    spares: ['git tag -d v1'],
  },
  'git.tag-force': {
    level: 'warning',
    about: 'moves a tag that others may rely on',
    matches: ['git tag -f v1'],
    spares: ['git tag v1', 'git tag -a v1 -m force'],
  },
  'git.update-ref': {
    level: 'critical',
    about: 'deletes or moves references without the checks of `git branch`',
    matches: ['git update-ref -d refs/heads/main', 'git update-ref --stdin < refs'],
    spares: ['git show-ref', 'git update-ref refs/heads/x HEAD'],
  },
  'git.remote': {
    level: 'warning',
    about: 'changes where the repository pushes to',
    matches: ['git remote set-url origin git@example.com:x.git', 'git remote remove origin'],
    spares: ['git remote -v', 'git remote add fork git@example.com:x.git'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof referenceRules>();

/** Commands that lose branches and tags, here or at the remote. */
export const referenceCommands: Subcommands = [
  ['push', push],
  ['branch', branch],
  ['tag', tag],
  ['update-ref', updateRef],
  [
    'remote',
    (args) =>
      /^(rm|remove|set-url)$/.test(args[0] ?? '')
        ? warning('git.remote', 'Changes where the repository pushes to.')
        : undefined,
  ],
];

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
    return critical('git.push-delete', 'A refspec with an empty source deletes the branch of the remote.');
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
      : critical(
          'git.branch-delete-any',
          'Deletes branches that are only known when the command runs; name the branches.',
        );
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
      : critical('git.tag-delete-any', 'Deletes tags that are only known when the command runs; name the tags.');
  return options.has('f', 'force') ? warning('git.tag-force', 'Moves a tag that others may rely on.') : undefined;
}

function updateRef(args: readonly string[]): Danger | undefined {
  return new Options(args, ['m']).has('d', 'delete', 'stdin')
    ? critical('git.update-ref', 'Deletes or moves references without the checks of git branch.')
    : undefined;
}
