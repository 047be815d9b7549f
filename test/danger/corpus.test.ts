import { describe, expect, it } from 'vitest';
import { rateDanger } from '../../src/danger/index.js';
import { CORPUS } from './corpus.js';

const context = { workspace: '/workspace', home: '/home/node' };

describe.each(CORPUS)('$level: a command that $why', ({ level, commands }) => {
  it.each([...commands])('%s has the level of its group', (command) => {
    const danger = rateDanger({ tool: 'Bash', input: { command } }, context);
    expect(danger?.level ?? 'none', `${danger?.rule}: ${danger?.reason}`).toBe(level);
  });
});

describe('the corpus', () => {
  it('the corpus has at least 400 commands, each only once, and many of each level', () => {
    const commands = CORPUS.flatMap((group) => group.commands);
    expect(commands).toEqual([...new Set(commands)]);
    expect(commands.length).toBeGreaterThanOrEqual(400);
    for (const level of ['none', 'warning', 'critical'])
      expect(CORPUS.filter((group) => group.level === level).flatMap((group) => group.commands).length).toBeGreaterThan(
        50,
      );
  });
});
