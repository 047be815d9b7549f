import { PartSearch } from './part-search.js';

/** The beginning of an event within a line. In a string of Claude's line the quotes would be escaped. */
const FURTHER_EVENT = /(?!^)\{"type":"(?:assistant|user|system|result)"/;
/** The beginning of an event may be torn, and the character in front of it says that it does not begin the line. */
const KEPT = 'x{"type":"assistant"'.length;

/**
 * Tells whether a further event begins within a line. An agent may write the beginning of a result in front of Claude's line, to
 * hide that line.
 */
export class FurtherEvent extends PartSearch {
  constructor() {
    super(hasFurtherEvent, KEPT);
  }
}

export function hasFurtherEvent(line: string): boolean {
  return FURTHER_EVENT.test(line);
}
