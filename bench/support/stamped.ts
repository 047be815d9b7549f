import type { MonitorEvent, SessionEvent } from 'autonomous-orchestration';

/** How long ago the line of an event was written, in milliseconds. Undefined if the line has no stamp. */
export function ageOf(event: SessionEvent | MonitorEvent): number | undefined {
  if (event.type === 'session:message') return ageOfText(event.text);
  if (event.type === 'session:tool') return ageOfText((event.tool.input as { description?: unknown }).description);
  if (event.type === 'session:tool-result') return ageOfText(event.output);
  return undefined;
}

/** The same for the text of a line, which begins with the stamp. */
export function ageOfText(text: unknown): number | undefined {
  const stamp = typeof text === 'string' ? /^@(\d+)@/.exec(text)?.[1] : undefined;
  return stamp === undefined ? undefined : Number(process.hrtime.bigint() - BigInt(stamp)) / 1e6;
}
