import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LIST_PRICES_DATE } from '../../../../src/core/orchestration/monitoring/list-prices.js';
import { classified, ERROR_CODES, factsOf } from '../../../../src/core/orchestration/session/error-codes.js';

const guide = readFileSync(new URL('../../../../docs/guide.md', import.meta.url), 'utf8');

describe('the codes of errors', () => {
  it('the guide lists every code with its severity, and whether it is reported once', () => {
    const [, section = ''] = /### Problems inside a session\n(.*?)\n###/s.exec(guide) ?? [];
    const rows = [...section.matchAll(/^\| `(\w+)` +\| (\w+) +\| (no|yes|for each \w+) +\|/gm)];
    const listed = rows.map(([, code = '', severity, once]) => [code, severity, once === 'no' ? undefined : once]);
    const known = Object.keys(ERROR_CODES).map((code) => {
      const { severity, once } = factsOf(code) ?? {};
      const each = once === 'message' ? expect.stringMatching(/^for each /) : once && 'yes';
      return [code, severity, each];
    });
    expect(listed).toEqual(known);
  });

  it('the guide has the date of the prices', () => {
    expect(guide).toContain(`The list has the date ${LIST_PRICES_DATE}`);
  });

  it('an error has the next step of its code, and none if the code has none or is not ours', () => {
    const error = { kind: 'error', severity: 'warning', message: 'm' } as const;
    expect(classified({ ...error, code: 'disk_full' }, 5).nextStep).toContain('Free space');
    expect(classified({ ...error, code: 'tool_failed' }, 5)).toEqual({
      severity: 'warning',
      code: 'tool_failed',
      message: 'm',
      at: 5,
    });
    for (const code of ['mine', 'constructor', '__proto__'])
      expect(classified({ ...error, code }, 5)).not.toHaveProperty('nextStep');
  });
});
