import { describe, expect, it } from 'vitest';
import { IdMap } from '../../../../src/core/orchestration/docker/id-map.js';

describe('the ids of users in a container', () => {
  it.each([
    [
      'an engine without user namespaces',
      '         0          0 4294967295',
      [
        [0, 0],
        [1000, 1000],
      ],
    ],
    [
      'an engine that tells nothing',
      '',
      [
        [0, 0],
        [1234, 1234],
      ],
    ],
    [
      'a rootless engine',
      '0 1000 1\n1 100000 65536',
      [
        [0, 1000],
        [1, 100_000],
        [1000, 100_999],
      ],
    ],
    [
      'an engine with userns-remap',
      '0 165536 65536',
      [
        [0, 165_536],
        [1000, 166_536],
      ],
    ],
  ])('with %s, each id leads to one on the machine and back', (_, text, pairs) => {
    const map = new IdMap(text);
    for (const [inside = 0, outside = 0] of pairs) {
      expect(map.toMachine(inside)).toBe(outside);
      expect(map.toContainer(outside)).toBe(inside);
    }
  });

  it('an id that the engine does not map has no counterpart', () => {
    const map = new IdMap('0 1000 1\n1 100000 65536');
    expect([999, 1001, 165_536].map((id) => map.toContainer(id))).toEqual([undefined, undefined, undefined]);
    expect(map.toMachine(65_537)).toBeUndefined();
  });
});
