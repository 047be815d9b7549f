/**
 * Long options that take no value in any program that the rules know. An argument that follows any other option may be the value
 * of that option, and then it is no option of its own.
 */
const SWITCHES =
  /^--?(?:no-|skip-|ignore-|keep-|with-|without-|allow-|enable-|disable-|assume-|include-|exclude-dev|auto-approve|force|yes|assumeyes|quiet|silent|verbose|debug|recursive|all|hard|delete|prune|mirror|purge|destroy|tags|follow-tags|provenance|locked|offline|frozen|workspace$|workspaces|build$|draft|prerelease|latest|generate-notes|public|private|internal|json$|wide|wait|now|volumes|rmi|confirm|interactive|non-interactive|atomic|cleanup|all-namespaces|all-tags|all-features|release$|clean$|immediately|stdin|staged|cached|worktree|amend|signoff|sign$|replace|refresh|refresh-only|update|upgrade|help|version|dry-?run|dryrun|test$|simulate|check$|list|archive|compress|progress|human-readable|stats|one-file-system|preserve-root|only-show-errors|reconfigure|lock-file|batch|detailed-exitcode|purge|cascade$|trace|insecure|plain|detach|rm$|tty|init$|privileged|single-transaction|if-exists|exclusive|daemon|unattended)/;
/** Letters that take no value in nearly every program, and clusters of letters. Some long options with one dash are excluded. */
const LETTERS = /^-(?:[fyqvraRxdDkAB]|(?!var$|target$|state$|out$|backup$|bucket$)[a-zA-Z]{2,})$/;

/**
 * Whether one of the arguments asks a program for something else than its work, such as `--help`. Arguments behind `--` and
 * values of other options do not count.
 */
export function asks(args: readonly string[], what: RegExp): boolean {
  const end = args.indexOf('--');
  return args.some((arg, index) => {
    if ((end >= 0 && index > end) || !what.test(arg)) return false;
    const before = args[index - 1] ?? '';
    return !before.startsWith('-') || before.includes('=') || SWITCHES.test(before) || LETTERS.test(before);
  });
}
