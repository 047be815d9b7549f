import { describe, expect, it } from 'vitest';
import { addedFlags } from '../../../../src/core/orchestration/channelcoder/added-flags.js';
import { planRun, planTerminal } from '../../../../src/core/orchestration/channelcoder/plan.js';

const models = { model: 'opus', fallbackModels: ['sonnet', 'haiku'], effort: 'low' } as const;
const output = { schema: { type: 'object' }, wrapped: false };

describe('the flags that are added to a planned command line', () => {
  it('nothing that is asked for adds no flag', () => {
    expect(addedFlags({})).toEqual([]);
    expect(addedFlags({ models: {} }, true)).toEqual([]);
  });

  it('each option has its flag', () => {
    expect(addedFlags({ models, output, claudeVersion: '2.1.332' })).toEqual([
      ...['--model', 'opus', '--fallback-model', 'sonnet,haiku', '--effort', 'low'],
      ...['--json-schema', '{"type":"object"}'],
    ]);
  });

  it.each([
    ['2.1.98', 'sonnet'],
    ['2.1.165', 'sonnet'],
    ['2.1.166', 'sonnet,haiku'],
    ['2.2.0', 'sonnet,haiku'],
    ['3.0.0-beta.1', 'sonnet,haiku'],
    [undefined, 'sonnet'],
  ])(
    'release %s gets the models %s to fall back to, because older ones take the list for one name',
    (version, list) => {
      const flags = addedFlags({ models, ...(version !== undefined && { claudeVersion: version }) });
      expect(flags[flags.indexOf('--fallback-model') + 1]).toBe(list);
    },
  );

  it('the terminal UI gets no schema, and models to fall back to only where it takes them', () => {
    expect(addedFlags({ models, output, claudeVersion: '2.1.98' }, true)).toEqual([
      '--model',
      'opus',
      '--effort',
      'low',
    ]);
    expect(addedFlags({ models, output, claudeVersion: '2.1.332' }, true)).toContain('--fallback-model');
  });

  it('both plans have the flags, behind those of ChannelCoder', async () => {
    const asked = { prompt: { text: 'hello' }, claude: {}, added: { models: { model: 'opus' } } };
    const plan = await planRun({ ...asked, logFile: '/log' });
    expect(plan).toMatchObject({ kind: 'planned', command: expect.arrayContaining(['--verbose', '--model', 'opus']) });
    expect((await planTerminal(asked)).command).toEqual(['claude', '--model', 'opus']);
  });
});
