import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonProblem } from '../../../../src/core/orchestration/util/json-size.js';

describe('jsonProblem', () => {
  it('agrees with the length of the JSON text, to within a few characters for each part', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const { length } = JSON.stringify(value);
        expect(jsonProblem(value, 2 * length + 10)).toBeUndefined();
        if (length > 2) expect(jsonProblem(value, length - 2)).toBe('large');
      }),
    );
  });

  it('finds values that hold themselves or are nested too deeply, without recursion', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(jsonProblem(circle, 10_000)).toBe('deep');
    let deep: unknown = 1;
    for (let level = 0; level < 1_000_000; level++) deep = [deep];
    expect(jsonProblem(deep, 10_000_000)).toBe('deep');
  });

  it('stops at the first name that is too much', () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `name ${index}`);
    let values = 0;
    const object = new Proxy(Object.fromEntries(names.map((name) => [name, 1])), {
      get: () => {
        values += 1;
      },
    });
    expect(jsonProblem(object, 5_000)).toBe('large');
    expect(values).toBe(0);
  });
});
