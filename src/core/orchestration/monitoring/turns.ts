import type { Observation } from '../session/observation.js';
import { blocksOf, isObject, type Json } from './content-blocks.js';

// The lines of a transcript that tell of a person's turn and the agent's, as measured on Claude Code 2.1.98.

/** A command of the terminal UI, as it is written down: its name and arguments between tags, in any order. */
const COMMAND = /^<command-(?:name|message)>/;
const COMMAND_NAME = /<command-name>(\/[^<]*)<\/command-name>/;
const COMMAND_ARGS = /<command-args>([^<]*)<\/command-args>/;
/** What a command answers, which nobody said. */
const COMMAND_OUTPUT = /^<local-command-(?:stdout|stderr|caveat)>/;
/** Claude ends before it writes that down, or just after: it is not told in either case. */
const LEAVING = /^\/(?:exit|quit)$/;

const INTERRUPTED = /^\[Request interrupted by user(?: for tool use)?\]$/;

/**
 * What a person typed, or said through the host. What Claude Code itself adds is marked as `isMeta`, or as a summary. A person
 * who presses Escape ends the agent's turn, and no hook tells of that.
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

/** A command as it was typed. */
function commandIn(said: string): string {
  const name = COMMAND_NAME.exec(said)?.[1] ?? said;
  return `${name} ${COMMAND_ARGS.exec(said)?.[1] ?? ''}`.trim();
}

/** Its hooks have let the agent stop. Claude writes this line after all that the agent said in the turn. */
export function readStop({ subtype, hasOutput, isSidechain }: Json): Observation[] {
  // A hook that has something to say makes the agent go on: the turn has not ended.
  if (subtype !== 'stop_hook_summary' || hasOutput === true || isSidechain === true) return [];
  return [{ kind: 'turn-end', hooked: true }];
}

/** What a person typed while the agent was at work: the agent hears that together with a tool's result. */
export function readQueued(attachment: unknown): Observation[] {
  if (!isObject(attachment) || attachment.type !== 'queued_command' || typeof attachment.prompt !== 'string') return [];
  return [{ kind: 'prompt', text: attachment.prompt }];
}
