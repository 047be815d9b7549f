/** Older releases of Claude Code only say in words when a limit is lifted: "usage limit reached|1735689600", in seconds. */
const SAID = /limit (?:was |has been )?(?:reached|hit|exceeded)\|(\d{10}|\d{13})(?!\d)/i;
/** How much of a text is examined. */
const EXAMINED = 4_000;

/**
 * When a usage limit is lifted, in epoch milliseconds, if an error's words name a point in time. The time may be over, or be far
 * away, because an agent can write such words as well.
 */
export function saidReset(text: string): number | undefined {
  const [, digits] = SAID.exec(text.slice(0, EXAMINED)) ?? [];
  if (digits === undefined) return undefined;
  return digits.length === 10 ? Number(digits) * 1_000 : Number(digits);
}
