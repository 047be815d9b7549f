import { describe, expect, it } from 'vitest';
import { resolveAnswers } from '../../../../src/core/orchestration/options/answers.js';
import { errorOf } from '../../../support/errors.js';

describe('answers', () => {
  it('control characters and surrounding spaces are left out of answers, and the given list is copied', () => {
    const choices = ['Core ', 'Page'];
    const resolved = resolveAnswers([' SQL\u001b[31mite\n', choices]);
    choices.push('More');
    expect(resolved).toEqual(['SQLite', ['Core', 'Page']]);
  });

  it.each<[string, unknown, string]>([
    ['nothing', undefined, "Option 'answers': must be"],
    ['a text', 'yes', "Option 'answers': must be"],
    ['no answer', [], "Option 'answers':"],
    ['a number', [1], "Option 'answers.0': must be"],
    ['an empty text', ['  '], 'must not be empty'],
    ['control characters only', ['\u0007'], 'must not be empty'],
    ['an empty list', [[]], "Option 'answers.0':"],
    ['a list of lists', [[['x']]], "Option 'answers.0.0'"],
    ['a text that is too long', ['x'.repeat(2_001)], '2000'],
    ['too much in all', [['a', 'b', 'c', 'd'].map((letter) => letter.repeat(1_600))], 'Received 6400'],
    ['too many', Array.from({ length: 21 }, () => 'x'), "Option 'answers':"],
  ])('%s is refused', async (_, answers, message) => {
    const error = await errorOf(() => void resolveAnswers(answers as string[]), 'INVALID_OPTIONS');
    expect(error.message).toContain(message);
  });
});
