import { NAME_LENGTH, truncate } from '../util/text.js';
import { blocksOf, type Json } from './content-blocks.js';

// An agent controls every byte of its log: what is read here is checked, and cut.

/** What marks the events of a subagent: the tool call that started it, and in a transcript the subagent's own id. */
export function parentOf({ parent_tool_use_id, isSidechain, agentId }: Json): { parentToolUseId?: string } {
  const parent = isSidechain === true ? agentId : parent_tool_use_id;
  return typeof parent === 'string' ? { parentToolUseId: clipped(parent) } : {};
}

/** The text of a message's or a result's content. Other blocks are named. */
export function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return blocksOf(content)
    .map((block) => (typeof block.text === 'string' ? block.text : `[${String(primitiveOf(block.type))}]`))
    .join('\n');
}

/** Cuts names and ids, because they stay in records. */
export function clipped(text: string): string {
  return truncate(text, NAME_LENGTH);
}

/** The value, if it is no object: `String()` throws for an object whose `toString` is not a function. */
export function primitiveOf(value: unknown): unknown {
  return typeof value === 'object' ? undefined : value;
}

/** True for a number that a log may report as a count. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

/** A count, 0 if it is none. */
export function count(value: unknown): number {
  return isCount(value) ? value : 0;
}
