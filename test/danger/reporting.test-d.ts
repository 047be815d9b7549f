import { describe, it } from 'vitest';
import { type Rules, reporting } from '../../src/danger/rules/rule.js';

const rules = {
  'a.critical': { level: 'critical', about: 'x', matches: [], spares: [] },
  'a.both': { level: 'recoverable', about: 'x', matches: [], warns: ['x'], spares: [] },
  'a.warning': { level: 'warning', about: 'x', matches: [], spares: [] },
} as const satisfies Rules;
const { critical, warning } = reporting<typeof rules>();

describe('reporting', () => {
  it('reporting() accepts the declared rules with their levels', () => {
    critical('a.critical', 'x');
    critical('a.both', 'x');
    warning('a.both', 'x');
    warning('a.warning', 'x');
  });

  it('reporting() refuses other rules and other levels', () => {
    // @ts-expect-error there is no such rule
    critical('a.unknown', 'x');
    // @ts-expect-error this rule only warns
    critical('a.warning', 'x');
    // @ts-expect-error this rule never warns
    warning('a.critical', 'x');
  });
});
