import type { Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { withoutTexts } from '../shell/command-line.js';
import { Options } from '../shell/options.js';
import type { Finder } from './rule.js';

export const HELP = /^(--help|-h|--version|-help)$/;

/**
 * Finds programs by the words of their arguments, without options and texts.
 *
 * @param values their options that take a value, without dashes and with a blank between them
 * @param then rates a command that matches
 */
export function words(values: string, pattern: RegExp, then: (command: ShellCommand) => Danger | undefined): Finder {
  const named = values.split(' ');
  return (command) => {
    const { args } = command;
    const line = new Options(withoutTexts(args), named).operands.join(' ');
    return pattern.test(line) && !asks(args, HELP) ? then(command) : undefined;
  };
}
