import type { SessionStats } from '../handlers/index.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `0.3 s`, `12 s`, `3 m 05 s`, `2 h 07 m`, `3 d 4 h` */
export function duration(ms: number): string {
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (ms < 10_000) return `${(Math.floor(Math.max(0, ms) / 100) / 10).toFixed(1)} s`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / 1_000)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} m ${two((ms % MINUTE_MS) / 1_000)} s`;
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ${two((ms % HOUR_MS) / MINUTE_MS)} m`;
  return `${Math.floor(ms / DAY_MS)} d ${Math.floor((ms % DAY_MS) / HOUR_MS)} h`;
}

export function usd(amount: number): string {
  return `$${amount.toFixed(amount < 10 ? 3 : 2)}`;
}

/** What is known of a cost. Undefined as long as nothing was spent. */
export function costText({ totalCost, unpriced }: Pick<SessionStats, 'totalCost' | 'unpriced'>): string | undefined {
  if (totalCost !== undefined) return usd(totalCost);
  if (!unpriced) return undefined;
  return unpriced.atLeastUsd > 0 ? `at least ${usd(unpriced.atLeastUsd)}` : 'cost unknown';
}

const counts = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function count(value: number): string {
  return counts.format(value);
}

/** `1 danger`, `2 dangers` */
export function plural(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? '' : 's'}`;
}

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

export function timeOfDay(at: number): string {
  return clock.format(at);
}

/** The time of day, with the date if that is not today. */
export function timeAhead(at: number): string {
  const date = new Date(at);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? timeOfDay(at) : `${timeOfDay(at)} on ${date.toLocaleDateString('en-GB')}`;
}

/**
 * Replaces characters that are invisible or change the direction of text by their codes. Otherwise a person could approve a
 * command that runs differently than it reads. Line ends, tabs and the colour selector (U+FE0F) of emojis stay.
 */
export function revealed(text: string): string {
  const unseen =
    /(?![\n\t]|(?<=\p{Extended_Pictographic})\ufe0f)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
  return text.replace(unseen, named);
}

function named(char: string): string {
  return `⟨U+${(char.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/** One value of a tool's input. A command has no name. */
export interface InputPart {
  readonly name?: string;
  readonly text: string;
}

/**
 * A tool's input for a person to read: a command as it is, and each other value with its name. Names and values are separate
 * texts. Otherwise an agent could write a value that looks like the name of another value.
 */
export function inputParts(tool: string, input: unknown): InputPart[] {
  if (typeof input !== 'object' || input === null) return [{ text: revealed(String(input)) }];
  const { command, description, ...rest } = input as Record<string, unknown>;
  const isCommand = tool === 'Bash' && typeof command === 'string';
  const values = Object.entries(isCommand ? rest : input).map(([name, value]) => ({
    name: revealed(name),
    text: revealed(typeof value === 'string' ? value : (JSON.stringify(value, undefined, 2) ?? '')),
  }));
  return isCommand ? [{ text: revealed(exact(command)) }, ...values] : values;
}

/** Shows the codes of characters that look like a space, but are none for a shell: `true\u00a0# ; rm x` removes x. */
function exact(command: string): string {
  return command.replaceAll(/(?! )\p{Zs}|\u2800/gu, named);
}

/** A tool's input in one short line. */
export function inputLine(tool: string, input: unknown): string {
  const text = typeof input === 'object' && input !== null ? firstText(tool, input) : String(input);
  return revealed(text.replaceAll(/\s+/g, ' ').slice(0, 300));
}

function firstText(tool: string, input: object): string {
  const known = input as Record<string, unknown>;
  for (const key of tool === 'Bash' ? ['command'] : ['file_path', 'path', 'pattern', 'url', 'query', 'description']) {
    if (typeof known[key] === 'string') return known[key];
  }
  return JSON.stringify(input);
}
