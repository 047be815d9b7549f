import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FurtherEvent } from '../../../../src/core/orchestration/monitoring/further-event.js';

function found(...parts: string[]): boolean {
  const further = new FurtherEvent();
  for (const part of parts) further.add(part);
  return further.found;
}

it.each([
  ['{"type":"user","x":1}', false],
  ['{"type":"user","x":{"type":"text"}}', false],
  ['{"type":"user","x":"{\\"type\\":\\"user\\"}"}', false],
  ['{"type":"user","x":[{"type":"assistant"', true],
  ['x{"type":"result"', true],
])('whether a further event begins within %s: %s', (line, expected) => {
  expect(found(line)).toBe(expected);
});

it('a further event is found wherever the parts of the line end', () => {
  const kinds = fc.constantFrom('assistant', 'user', 'system', 'result');
  fc.assert(
    fc.property(
      fc.string(),
      kinds,
      fc.string(),
      fc.array(fc.nat(12), { maxLength: 12 }),
      (before, type, after, cuts) => {
        const event = `{"type":"${type}"`;
        for (const [line, expected] of [
          [`x${before}${event}${after}`, true],
          [event, false],
        ] as const) {
          const parts: string[] = [];
          let at = 0;
          for (const cut of cuts) {
            parts.push(line.slice(at, at + cut));
            at += cut;
          }
          expect(found(...parts, line.slice(at))).toBe(expected);
        }
      },
    ),
  );
});
