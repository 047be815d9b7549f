/** Long options of git's commands that matter to a rule. Git accepts every abbreviation that fits only one option. */
const LONG_OPTIONS: Readonly<Record<string, string>> = {
  reset: 'hard merge soft mixed keep patch quiet pathspec-from-file',
  clean: 'force dry-run interactive exclude quiet',
  push: 'force force-with-lease force-if-includes mirror prune delete dry-run push-option receive-pack exec repo tags follow-tags all',
  branch: 'force delete move copy list remotes set-upstream-to contains merged no-merged sort points-at format',
  tag: 'force delete list message file sort',
  checkout: 'force ours theirs patch track detach orphan conflict pathspec-from-file quiet',
  switch: 'force discard-changes force-create create orphan detach merge track',
  restore: 'staged source worktree patch pathspec-from-file ours theirs',
  rebase: 'exec onto continue abort skip quit edit-todo show-current-patch interactive',
  reflog: 'dry-run expire all',
  gc: 'prune aggressive auto',
  prune: 'dry-run expire',
  'update-ref': 'delete stdin no-deref',
  worktree: 'force',
  rm: 'force cached dry-run recursive',
  'read-tree': 'reset',
  'checkout-index': 'force all',
  submodule: 'force all recursive',
  commit: 'amend message file',
  grep: 'open-files-in-pager',
  difftool: 'extcmd tool',
  clone: 'upload-pack config template depth branch',
  fetch: 'upload-pack force prune depth',
  pull: 'upload-pack force rebase',
  'ls-remote': 'upload-pack exec',
  archive: 'exec remote output',
  config: 'unset unset-all get get-all list get-regexp global system local file replace-all add type',
};

/** The arguments of a git command with its long options written out. */
export function writtenOut(verb: string, args: readonly string[]): readonly string[] {
  const known = LONG_OPTIONS[verb]?.split(' ');
  if (!known) return args;
  const end = args.indexOf('--');
  return args.map((arg, index) => {
    if (!arg.startsWith('--') || arg === '--' || (end >= 0 && index > end)) return arg;
    const equals = arg.indexOf('=');
    const name = arg.slice(2, equals < 0 ? undefined : equals);
    const full = known.includes(name) ? name : known.find((option) => option.startsWith(name));
    return full === undefined ? arg : `--${full}${equals < 0 ? '' : arg.slice(equals)}`;
  });
}

/** Beginnings of branch names that many teams use. Such an operand is no path. */
const BRANCH_PREFIX =
  /^(?:feat(?:ure)?s?|fix(?:es)?|bug(?:fix)?|hotfix|release|releases|chore|docs?|tests?|ci|build|refactor|perf|style|revert|dependabot|renovate|origin|upstream|remotes|refs|heads|tags|user|users|wip|task|issue|pr|pull|claude|codex|cursor|copilot|dev|staging|support|experiment|spike)\//i;
/** Folders of sources. Hardly any branch has such a name. */
const SOURCE_FOLDER =
  /^(?:src|lib|libs|apps|packages|pkg|cmd|internal|include|assets|public|scripts|bin|spec|__tests__|components|node_modules)(?:\/|$)/;
const SOURCE_FILE =
  /^(?:Makefile|Dockerfile|Containerfile|LICENSE|LICENCE|README|CHANGELOG|NOTICE|AUTHORS|CODEOWNERS|Gemfile|Rakefile|Procfile|Jenkinsfile|Vagrantfile|Justfile|justfile|Brewfile|Pipfile|Podfile|Fastfile|Tiltfile|BUILD|WORKSPACE|configure)$/;
/** A name with an extension: letters behind the last dot. Versions have digits there. */
const EXTENSION = /[^./]\.[a-zA-Z][a-zA-Z0-9]{0,10}$/;

/**
 * Whether the only operand of `git checkout` is most likely a file or a folder: it cannot be the name of a branch, or it is a
 * usual name of sources. Git itself looks whether there is a branch or a file of that name.
 */
export function namesPath(operand: string): boolean {
  // Revisions: `HEAD~1`, `main^`, `@{-1}`, `main...topic`.
  if (/[~^]|@\{/.test(operand) || operand === '-' || operand === '@') return false;
  if (/^[./]|\/$|\/\.|\.lock$|\/\/|[\s\\:?*[\uFDD1\uFDD2]/.test(operand)) return !/^\.{3}/.test(operand);
  // Versions and lines of releases: `v1.2.3`, `1.x`.
  if (BRANCH_PREFIX.test(operand) || /^v?\d+\.[\w.+-]*$/.test(operand)) return false;
  const name = operand.slice(operand.lastIndexOf('/') + 1);
  return SOURCE_FOLDER.test(operand) || SOURCE_FILE.test(name) || EXTENSION.test(operand);
}
