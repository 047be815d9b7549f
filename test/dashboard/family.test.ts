import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { below, costWith, familiesOf, parentsOf } from '../../src/dashboard/family.js';
import { costText } from '../../src/dashboard/format.js';
import type { AutonomousSession } from '../../src/handlers/index.js';
import { sessionView } from '../../src/handlers/session-view.js';
import { createdSession } from '../support/sessions.js';

interface Member {
  id: string;
  parentId?: string | undefined;
  taskId?: string;
  cost?: number;
}

function sessions(...members: Member[]): Map<string, AutonomousSession> {
  return new Map(
    members.map(({ id, parentId, taskId, cost }) => {
      const identity = { id, ...(parentId !== undefined && { parentId }), ...(taskId !== undefined && { taskId }) };
      const view = sessionView(createdSession(identity));
      return [id, { ...view, stats: { ...view.stats, ...(cost !== undefined && { totalCost: cost }) } }];
    }),
  );
}

function tree(id: string, ...members: Member[]): string[] {
  return below(id, familiesOf(sessions(...members))).map(({ session, depth }) => `${'-'.repeat(depth)}${session.id}`);
}

describe('the sessions below another session', () => {
  it('below() returns the children in order, each followed by its own children', () => {
    const family: Member[] = [
      { id: 'a' },
      { id: 'b', parentId: 'a' },
      { id: 'c', parentId: 'a' },
      { id: 'd', parentId: 'b' },
      { id: 'e', parentId: 'c' },
      { id: 'f', parentId: 'b' },
      { id: 'z' },
    ];
    expect(tree('a', ...family)).toEqual(['-b', '--d', '--f', '-c', '--e']);
    expect(tree('b', ...family)).toEqual(['-d', '-f']);
    expect(tree('z', ...family)).toEqual([]);
  });

  it('a parent is named by its id or by its task id, which means its latest session', () => {
    const family: Member[] = [
      { id: 'a', taskId: 'release' },
      { id: 'b', taskId: 'release' },
      { id: 'c', parentId: 'release' },
      { id: 'd', parentId: 'a' },
      { id: 'e', parentId: 'nobody' },
    ];
    expect(tree('a', ...family)).toEqual(['-d']);
    expect(tree('b', ...family)).toEqual(['-c']);
    const all = sessions(...family);
    const [orphan] = [...all.values()].slice(-1);
    expect(orphan && parentsOf(all)(orphan)).toBeUndefined();
  });

  it('below() returns neither the session itself nor any session twice, whatever parents they claim', () => {
    expect(tree('a', { id: 'a', parentId: 'a' })).toEqual([]);
    expect(tree('a', { id: 'a', parentId: 'b' }, { id: 'b', parentId: 'a' })).toEqual(['-b']);
    const ids = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.dictionary(ids, fc.option(ids, { nil: undefined })), ids, (parents, id) => {
        const members = Object.entries(parents).map(([own, parentId]) => ({ id: own, parentId }));
        const found = tree(id, ...members).map((line) => line.replace(/^-+/, ''));
        expect(found).not.toContain(id);
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });

  it('below() finds sessions at any depth', () => {
    const chain = Array.from({ length: 20_000 }, (_, index) => ({ id: `${index}`, parentId: `${index - 1}` }));
    expect(below('0', familiesOf(sessions(...chain)))).toHaveLength(19_999);
  });

  it('costWith() adds the cost of the sessions below', () => {
    const all = sessions({ id: 'a', cost: 1 }, { id: 'b', parentId: 'a' }, { id: 'c', parentId: 'b', cost: 0.5 });
    const costOf = (id: string): number | undefined => {
      const session = all.get(id);
      return session && costWith(session, below(id, familiesOf(all))).totalCost;
    };
    expect([costOf('a'), costOf('b'), costOf('c')]).toEqual([1.5, 0.5, 0.5]);
    const [unknown] = sessions({ id: 'x' }).values();
    expect(unknown && costWith(unknown, [])).toEqual({});
  });

  it('costWith() is unknown if the cost of one session is, and says what it is at least', () => {
    const all = sessions({ id: 'a', cost: 1 }, { id: 'b', parentId: 'a' });
    const [a, b] = [...all.values()];
    if (b) b.stats.unpriced = { models: ['claude-opus-9'], atLeastUsd: 0.25 };
    const cost = a && costWith(a, below('a', familiesOf(all)));
    expect(cost).toEqual({ unpriced: { models: ['claude-opus-9'], atLeastUsd: 1.25 } });
    expect(costText(cost ?? {})).toBe('at least $1.250');
  });

  it('costText() shows what is known of a cost', () => {
    expect(costText({})).toBeUndefined();
    expect(costText({ totalCost: 2 })).toBe('$2.000');
    expect(costText({ unpriced: { models: ['x'], atLeastUsd: 0 } })).toBe('cost unknown');
  });
});
