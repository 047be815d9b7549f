import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CallWords } from '../../../../src/core/orchestration/monitoring/call-words.js';

function found(...parts: string[]): boolean {
  const words = new CallWords();
  for (const part of parts) words.add(part);
  return words.found;
}

describe('whether a line can carry a tool call', () => {
  it.each([
    '{"type":"tool_use"}',
    '"tool_use_id":1',
    '"type":"tool_result"',
    '{"type":"\\u0074ool_use"}',
    '\\u005f',
    '\\u00\\u00\\u0041',
  ])('a line with %s can', (text) => expect(found(`x${text}x`)).toBe(true));

  it.each([
    '"parent_tool_use_id":null',
    '\\"tool_use\\"',
    'tool_use',
    '\\u000a\\u001f\\ud83d',
    '\\u00\\u00\\u001f',
    'JVBERi0xLjQK',
  ])('a line with %s cannot', (text) => expect(found(`x${text}x`)).toBe(false));

  it('a word is found wherever the parts of the line end, and behind any other text', () => {
    const line = fc.tuple(
      fc.string(),
      fc.constantFrom('"tool_use"', '"tool_use_id"', '"tool_result"', '\\u0074'),
      fc.string(),
    );
    fc.assert(
      fc.property(line, fc.array(fc.nat(12), { maxLength: 12 }), ([before, word, after], cuts) => {
        const text = before + word + after;
        const parts: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          parts.push(text.slice(at, at + cut));
          at += cut;
        }
        expect(found(...parts, text.slice(at))).toBe(true);
      }),
    );
  });
});
