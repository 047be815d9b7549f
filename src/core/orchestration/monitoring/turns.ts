import type { Observation } from '../session/observation.js';
import { blocksOf, isObject, type Json } from './content-blocks.js';

// The lines of a transcript about the turns of a person and of the agent, as measured on Claude Code 2.1.98.

/** A command of the terminal UI, as the transcript holds it: name and arguments between tags, in any order. */
const COMMAND = /^<command-(?:name|message)>/;
const COMMAND_NAME = /<command-name>(\/[^<]*)<\/command-name>/;
const COMMAND_ARGS = /<command-args>([^<]*)<\/command-args>/;
/** The output of a command. It is not a prompt. */
const COMMAND_OUTPUT = /^<local-command-(?:stdout|stderr|caveat)>/;
/** Commands that end Claude. It may end before or after it writes the command down, so the command is never reported. */
const LEAVING = /^\/(?:exit|quit)$/;

const INTERRUPTED = /^\[Request interrupted by user(?: for tool use)?\]$/;

/**
 * What a person typed at the terminal, or said through this library. Claude Code marks what it adds itself as `isMeta` or as a
 * summary. A person who presses Escape ends the agent's turn, and no hook reports that.
 */
export function readPrompt({ message, isMeta, isSidechain, isCompactSummary }: Json): Observation[] {
  if (isMeta === true || isSidechain === true || isCompactSummary === true || !isObject(message)) return [];
  const { content } = message;
  const texts = blocksOf(content).flatMap(({ type, text }) =>
    type === 'text' && typeof text === 'string' ? [text] : [],
  );
  const said = typeof content === 'string' ? content : texts.join('\n');
  if (INTERRUPTED.test(said)) return [{ kind: 'turn-end', hooked: false }];
  const text = COMMAND.test(said) ? commandIn(said) : said;
  return text.trim() === '' || COMMAND_OUTPUT.test(text) || LEAVING.test(text) ? [] : [{ kind: 'prompt', text }];
}

/** The command as it was typed. */
function commandIn(said: string): string {
  const name = COMMAND_NAME.exec(said)?.[1] ?? said;
  return `${name} ${COMMAND_ARGS.exec(said)?.[1] ?? ''}`.trim();
}

/**
 * The end of the agent's turn: its hooks have let it stop. Claude writes this line after everything that the agent said in the
 * turn.
 */
export function readStop({ subtype, hasOutput, isSidechain }: Json): Observation[] {
  // A hook that says something makes the agent go on, so the turn has not ended.
  if (subtype !== 'stop_hook_summary' || hasOutput === true || isSidechain === true) return [];
  return [{ kind: 'turn-end', hooked: true }];
}

/** What a person typed while the agent was at work. The agent gets it together with the result of a tool. */
export function readQueued(attachment: unknown): Observation[] {
  if (!isObject(attachment) || attachment.type !== 'queued_command' || typeof attachment.prompt !== 'string') return [];
  return [{ kind: 'prompt', text: attachment.prompt }];
}
