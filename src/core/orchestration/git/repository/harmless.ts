const NAMES = new Set([
  'core.repositoryformatversion',
  'core.filemode',
  'core.bare',
  'core.logallrefupdates',
  'core.ignorecase',
  'core.precomposeunicode',
  'core.symlinks',
  'core.autocrlf',
  'core.eol',
  'core.safecrlf',
  'core.sparsecheckout',
  'core.sparsecheckoutcone',
  'index.sparse',
  'extensions.objectformat',
  'extensions.worktreeconfig',
  'extensions.refstorage',
  'user.name',
  'user.email',
  'init.defaultbranch',
  'pull.rebase',
  'pull.ff',
  'push.default',
  'push.autosetupremote',
  'fetch.prune',
  'merge.conflictstyle',
  'rerere.enabled',
  'gc.auto',
  'submodule.active',
]);

const PATTERNS = [
  /^(advice|color)\./,
  /^branch\..+\.(merge|rebase|description)$/,
  /^remote\..+\.(fetch|push|mirror|tagopt|prune)$/,
  /^submodule\..+\.(active|branch|ignore)$/,
];

/**
 * Settings that hold a remote's name or address. The value may not be a path, because a push would run the hooks of that path.
 */
const LEADING = /^(branch\..+\.(remote|pushremote)|(remote|submodule)\..+\.(url|pushurl)|remote\.pushdefault)$/;
const REMOTE_NAME = /^(\.|[\w-][\w.-]*)$/;
const NETWORK = /^((https?|ssh|git):\/\/|[\w.-]+@[\w.-]+:)[^-]/;

/** True if a setting can make git neither execute a command nor go elsewhere. Unknown settings are not harmless. */
export function isHarmless(name: string, value: string): boolean {
  if (NAMES.has(name) || PATTERNS.some((pattern) => pattern.test(name))) return true;
  return LEADING.test(name) && (NETWORK.test(value) || (name.startsWith('branch.') && REMOTE_NAME.test(value)));
}
