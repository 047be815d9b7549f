import { describe, expect, it } from 'vitest';
import { ClaudeEventReader } from '../../../../src/core/orchestration/monitoring/claude-events.js';
import { PastResets } from '../../../../src/core/orchestration/monitoring/reset-past.js';

const NOW = 1_795_000_000_000;
const SECONDS = NOW / 1_000;

const window = (status: string, resetsAt?: number, more = {}) => ({
  type: 'rate_limit_event',
  rate_limit_info: { status, rateLimitType: 'five_hour', ...(resetsAt !== undefined && { resetsAt }), ...more },
});
const failed = (text: string) => ({
  type: 'assistant',
  message: { id: 'm', model: '<synthetic>', content: [{ type: 'text', text }] },
  error: 'rate_limit',
});
const said = { type: 'assistant', message: { id: 'm1', model: 'claude', content: [{ type: 'text', text: 'Hello' }] } };
const result = (text: string) => ({ type: 'result', subtype: 'success', is_error: true, result: text });
const LIMITED = "You've hit your limit";

function warnings(...events: (object | { at: number; event: object })[]): string[] {
  const [reader, resets] = [new ClaudeEventReader(), new PastResets()];
  return events.flatMap((step) => {
    const { at, event } = 'event' in step ? step : { at: NOW, event: step };
    return resets.read(reader.read(event), at).map((warning) => ('code' in warning ? warning.code : ''));
  });
}

describe('a reset that is over already', () => {
  it.each([
    ['an event', [window('rejected', SECONDS - 60)]],
    ['the words of a message', [failed(`Claude AI usage limit reached|${SECONDS - 60}`)]],
    ['the words of a result', [result(`Claude AI usage limit reached|${SECONDS - 60}`)]],
    [
      'a refusal after the reset of an earlier event',
      [
        { at: NOW - 120_000, event: window('rejected', SECONDS - 60) },
        { at: NOW, event: failed(LIMITED) },
      ],
    ],
  ])('is a warning: told by %s', (_, events) => {
    expect(warnings(...events)).toEqual(['reset_past']);
  });

  it.each([
    ['a reset in the future', [window('rejected', SECONDS + 60), failed(LIMITED)]],
    ['a reset of this moment, because clocks differ', [window('rejected', SECONDS - 1)]],
    ['no known reset', [window('rejected'), failed(LIMITED)]],
    ['a window that is open', [window('allowed', SECONDS - 60)]],
    ['a window whose extra usage is paid', [window('rejected', SECONDS - 60, { isUsingOverage: true })]],
    [
      'a refusal after an answer',
      [{ at: NOW - 120_000, event: window('rejected', SECONDS - 60) }, said, failed(LIMITED)],
    ],
    ['a line whose time nobody knows', [{ at: 0, event: window('rejected', SECONDS - 60) }]],
    [
      'another failure',
      [
        { at: NOW - 120_000, event: window('rejected', SECONDS - 60) },
        { at: NOW, event: { ...failed('API Error: 500'), error: 'server_error' } },
      ],
    ],
  ])('is not seen in %s', (_, events) => {
    expect(warnings(...events)).toEqual([]);
  });
});
