import { critical, type Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { withoutTexts } from '../shell/command-line.js';
import { Options } from '../shell/options.js';
import type { Rule } from './rule.js';

export const destroys = critical(
  'infrastructure.destroy',
  'Deletes infrastructure that others may depend on; let a person do it.',
);

export const HELP = /^(--help|-h|--version|-help)$/;

/**
 * A rule for what a program is told, without its options and texts.
 *
 * @param values its options that take a value, without dashes
 */
export function words(
  values: string,
  pattern: RegExp,
  then: (command: ShellCommand) => Danger | undefined = () => destroys,
): Rule {
  const named = values.split(' ');
  return (command) => {
    const { args } = command;
    const line = new Options(withoutTexts(args), named).operands.join(' ');
    return pattern.test(line) && !asks(args, HELP) ? then(command) : undefined;
  };
}
