import type { Danger } from '../danger.js';
import { GIT_VALUES } from '../launchers/git.js';
import type { Places } from '../paths.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { isBlank } from '../shell/value.js';
import { isWholeTree, workTree } from './discards.js';
import { writtenOut } from './git-arguments.js';
import { changeCommands, type changeRules } from './git-changes.js';
import { commitCommands, rewritingFinders } from './git-commits.js';
import { rateConfig, rateSettings } from './git-config.js';
import { rateHistory } from './git-history.js';
import { referenceCommands } from './git-references.js';
import type { Subcommand } from './git-subcommand.js';
import { type Finders, reporting } from './rule.js';

const { critical, warning } = reporting<typeof changeRules>();

export const gitFinders: Finders = [['git', rateGit], ...rewritingFinders];

const SUBCOMMANDS: ReadonlyMap<string, Subcommand> = new Map([
  ...changeCommands,
  ...referenceCommands,
  ...commitCommands,
]);

function rateGit(command: ShellCommand, places: Places): Danger | undefined {
  const { args, scope, stdin } = command;
  const outer = new Options(args, GIT_VALUES, true);
  const verb = args[outer.start];
  if (verb === undefined) return undefined;
  const rest = writtenOut(verb, args.slice(outer.start + 1));
  if (isBlank(verb))
    return critical('git.unresolved', 'Which git command runs is not known in advance; name the git command.');
  if (asks(rest, /^--help$/) || rest[0] === '-h') return undefined;
  const settings = rateSettings(args.slice(0, outer.start), places, scope);
  if (settings) return settings;
  if (verb === 'config') return rateConfig(rest, places, scope);
  // Git asks first, and without an input nobody answers.
  if (verb === 'clean' && stdin === undefined && new Options(rest, ['e', 'exclude']).has('i', 'interactive'))
    return warning('git.clean', 'Deletes files that git does not track, after a confirmation.');
  const cwd = workTree(command, args.slice(0, outer.start));
  const isWhole = (pathspec: string): boolean => isWholeTree(pathspec, cwd, places);
  return SUBCOMMANDS.get(verb)?.(rest, args.slice(0, outer.start), isWhole) ?? rateHistory(verb, rest, places, scope);
}
