import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ClaudeEventReader } from '../../../../src/core/orchestration/monitoring/claude-events.js';
import { Prices } from '../../../../src/core/orchestration/monitoring/prices.js';
import { StandingProblems } from '../../../../src/core/orchestration/monitoring/standing-problems.js';
import { ERROR_CODES } from '../../../../src/core/orchestration/session/error-codes.js';
import type { Observation } from '../../../../src/core/orchestration/session/observation.js';

const CONVERSATION = '1b63e5a1-bdd3-4c2d-a917-dccab5376e2f';
const init = (more: object = {}): object => ({
  type: 'system',
  subtype: 'init',
  session_id: CONVERSATION,
  model: 'claude-opus-5',
  ...more,
});
const says = (model: unknown, more: object = {}): object => ({
  type: 'assistant',
  message: { content: [{ type: 'text', text: 'x' }], model },
  ...more,
});
const result = (more: object = {}): object => ({ type: 'result', subtype: 'success', result: 'done', ...more });

type Problem = Extract<Observation, { kind: 'error' }>;
function problems(...events: unknown[]): Problem[] {
  const reader = new ClaudeEventReader();
  return events.flatMap((event) => reader.read(event)).filter((one): one is Problem => one.kind === 'error');
}
const texts = (list: Problem[]): string[] => list.map(({ code, message }) => `${code}: ${message}`);

describe('MCP servers', () => {
  const servers = (...list: unknown[]): object => init({ mcp_servers: list });

  it('a server that failed or needs a login is a warning that names it', () => {
    const found = problems(servers({ name: 'github', status: 'failed' }, { name: 'mail', status: 'needs-auth' }));
    expect(texts(found)).toEqual([
      `mcp_failed: The MCP server "github" could not be started or reached (status 'failed').`,
      `mcp_failed: The MCP server "mail" needs a login (status 'needs-auth').`,
    ]);
    expect(found.every(({ severity }) => severity === 'warning')).toBe(true);
  });

  it.each(['connected', 'pending', 'disabled'])('a server that is %s is no problem', (status) => {
    expect(problems(servers({ name: 'github', status }))).toEqual([]);
  });

  it('a server that fails later is noticed at the next init', () => {
    const later = servers({ name: 'github', status: 'failed' });
    expect(texts(problems(servers({ name: 'github', status: 'pending' }), later))).toHaveLength(1);
  });

  it('the init comes first, because it begins the conversation', () => {
    const [first] = new ClaudeEventReader().read(servers({ name: 'github', status: 'failed' }));
    expect(first?.kind).toBe('init');
  });

  it.each([
    ['no list', 'github'],
    ['a list of other things', [null, 3, 'github', { name: 3, status: 'failed' }, { status: 'failed' }]],
    ['an object', { github: 'failed' }],
  ])('%s in their place reports nothing', (_, mcp_servers) => {
    expect(problems(init({ mcp_servers }))).toEqual([]);
  });

  it('names are quoted and cut, and endless lists are', () => {
    const list = Array.from({ length: 5_000 }, (_, index) => ({
      name: `${index}\u001b[2J${'n'.repeat(10_000)}`,
      status: 'failed',
    }));
    const found = problems(servers(...list));
    expect(found).toHaveLength(200);
    expect(found[0]?.message).not.toContain('\u001b');
    expect(found[0]?.message.length).toBeLessThan(400);
  });
});

describe('models that fall back', () => {
  it.each([
    ['model_fallback', { trigger: 'overloaded' }],
    ['model_refusal_fallback', { direction: 'retry' }],
    ['model_consent_fallback', { choice: 'switch' }],
  ])('%s is a warning that names both models', (subtype, more) => {
    const models = { original_model: 'claude-opus-5', fallback_model: 'claude-sonnet-5' };
    const notice = { type: 'system', subtype, ...models, content: 'Switched, because Opus 5 is busy.', ...more };
    expect(texts(problems(init(), notice, says('claude-sonnet-5')))).toEqual([
      'model_fallback: The model "claude-sonnet-5" answers in place of "claude-opus-5". Switched, because Opus 5 is busy.',
    ]);
  });

  it('its texts have no control characters', () => {
    const models = { original_model: 'claude-opus-5\u001b[2J', fallback_model: 'claude-sonnet-5\u0007' };
    const notice = {
      type: 'system',
      subtype: 'model_fallback',
      ...models,
      content: '\u001b[2J\u001b]0;x\u0007Busy.\u0000',
    };
    const [text] = texts(problems(init(), notice));
    expect(text).toContain('Busy.');
    expect(text).not.toMatch(/\p{Cc}/u);
  });

  it('an answer of another model is noticed without a notice, once', () => {
    const found = problems(init(), says('claude-opus-5-20260601'), says('claude-sonnet-5'), says('claude-sonnet-5'));
    expect(texts(found)).toEqual(['model_fallback: The model "claude-sonnet-5" answers in place of "claude-opus-5".']);
  });

  it('the way back is noticed, too', () => {
    expect(problems(init(), says('claude-sonnet-5'), says('claude-opus-5'))).toHaveLength(2);
  });

  it.each([
    ['the same model under its name at a provider', init(), says('us.anthropic.claude-opus-5-v1:0')],
    ['a model with a larger window', init({ model: 'claude-opus-5[1m]' }), says('claude-opus-5')],
    ['an alias', init({ model: 'opusplan' }), says('claude-opus-5')],
    ['a subagent', init(), says('claude-haiku-4-5', { parent_tool_use_id: 'toolu_1' })],
    ['a failed request', init(), says('<synthetic>')],
    ['no init', {}, says('claude-haiku-4-5')],
    ['no model', init(), says(undefined)],
  ])('%s is no fallback', (_, begin, answer) => {
    expect(problems(begin, answer)).toEqual([]);
  });

  it('one answer of a subagent from another model does not change what the session is expected to use', () => {
    const notice = {
      type: 'system',
      subtype: 'model_refusal_fallback',
      scope: 'local',
      original_model: 'claude-haiku-4-5',
      fallback_model: 'claude-sonnet-5',
    };
    expect(texts(problems(init(), notice, says('claude-opus-5')))).toEqual([
      'model_fallback: The model "claude-sonnet-5" answers in place of "claude-haiku-4-5".',
    ]);
  });

  it('a fallback in a terminal session is in its transcript; nobody knows there which model was asked for', () => {
    const sessionId = CONVERSATION;
    const models = { originalModel: 'claude-opus-5', fallbackModel: 'claude-sonnet-5' };
    const reader = new ClaudeEventReader(CONVERSATION);
    const lines = [
      { ...says('claude-opus-5'), sessionId },
      { type: 'system', subtype: 'model_fallback', ...models, sessionId },
      { ...says('claude-sonnet-5'), sessionId },
      { ...says('claude-opus-5'), sessionId },
    ];
    const found = lines.flatMap((line) => reader.read(line)).filter((one): one is Problem => one.kind === 'error');
    expect(texts(found)).toEqual([
      'model_fallback: The model "claude-sonnet-5" answers in place of "claude-opus-5".',
      'model_fallback: The model "claude-opus-5" answers in place of "claude-sonnet-5".',
    ]);
  });

  it('a notice without models reports nothing', () => {
    expect(problems(init(), { type: 'system', subtype: 'model_fallback', original_model: 3 })).toEqual([]);
  });
});

describe('the log of a run whose model was overloaded and whose MCP servers failed', () => {
  const log = (version: string): unknown[] =>
    readFileSync(new URL(`../../../fixtures/logs/fallback-${version}.jsonl`, import.meta.url), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);

  it.each([
    ['2.1.98', ''],
    ['2.1.332', ' Switched to Sonnet 4.5 due to high demand for Opus 4.5'],
  ])('Claude Code %s', (version, why) => {
    const found = problems(...log(version));
    const servers = found.filter(({ code }) => code === 'mcp_failed').map(({ message }) => message);
    expect(servers).toEqual(['missing', 'dies', 'away', 'login'].map((name) => expect.stringContaining(`"${name}"`)));
    const fallbacks = found.filter(({ code }) => code === 'model_fallback').map(({ message }) => message);
    expect(fallbacks).toEqual([`The model "claude-sonnet-4-5" answers in place of "claude-opus-4-5".${why}`]);
  });
});

describe('permission denials in a result', () => {
  const denial = (id: string): object => ({ tool_name: 'Bash', tool_use_id: id, tool_input: {} });
  const answer = (id: string, is_error: boolean, content = 'x'): object => ({
    type: 'user',
    message: { content: [{ type: 'tool_result', tool_use_id: id, content, is_error }] },
  });

  it('a denial that the log does not hold is reported before the result', () => {
    const seen = new ClaudeEventReader().read(result({ permission_denials: [denial('toolu_1')] }));
    expect(seen.map(({ kind }) => kind)).toEqual(['error', 'result']);
    expect(seen[0]).toEqual({
      kind: 'error',
      severity: 'warning',
      code: 'denied',
      message: 'Claude Code denied a call of the tool "Bash".',
      toolUseId: 'toolu_1',
    });
  });

  it('a denial whose call failed in the log is not reported again, whatever words the failure had', () => {
    const log = [answer('a', true, 'Permission to use Bash has been denied'), answer('b', true, 'blocked by a hook')];
    const before = problems(...log).length;
    expect(problems(...log, result({ permission_denials: [denial('a'), denial('b')] }))).toHaveLength(before);
  });

  it('a call that went well is no reason to hide its denial', () => {
    expect(problems(answer('a', false), result({ permission_denials: [denial('a')] }))).toHaveLength(1);
  });

  it('each denial is reported once, although later results list it again', () => {
    const first = result({ permission_denials: [denial('a')] });
    expect(problems(first, result({ permission_denials: [denial('a'), denial('b')] }))).toHaveLength(2);
  });

  it('anything else in their place reports nothing', () => {
    expect(problems(result({ permission_denials: [null, 'x', { tool_name: 3 }, { tool_use_id: 'a' }] }))).toEqual([]);
    expect(problems(result({ permission_denials: { tool_name: 'Bash' } }))).toEqual([]);
  });
});

describe("Claude's total", () => {
  const usage = (costBasis: string, costUSD: number): object => ({
    inputTokens: 1_000_000,
    outputTokens: 1_000_000,
    costUSD,
    costBasis,
  });
  const totalOf = (reader: ClaudeEventReader, event: object): number | undefined => {
    const last = reader.read(event).at(-1);
    return last?.kind === 'result' ? last.costUsd : undefined;
  };

  it('a guess in it is a warning that names the model', () => {
    const modelUsage = { 'claude-opus-9': usage('unknown', 30), 'claude-opus-5': usage('list', 30) };
    expect(texts(problems(result({ total_cost_usd: 60, modelUsage })))).toEqual([
      'price_unknown: The price of the model "claude-opus-9" is not known to Claude Code either, so the cost that it reports is a guess.',
    ]);
  });

  it('prices of the user replace those that Claude Code used', () => {
    const own = new Prices({ 'claude-opus-9': { input: 1, output: 2 }, 'claude-opus-5': { input: 4, output: 20 } });
    const modelUsage = {
      'claude-opus-9': usage('unknown', 30),
      'claude-opus-5': usage('list', 30),
      'claude-sonnet-5': usage('list', 12),
    };
    const event = result({ total_cost_usd: 72, modelUsage });
    expect(totalOf(new ClaudeEventReader(undefined, own), event)).toBeCloseTo(3 + 24 + 12, 9);
    expect(totalOf(new ClaudeEventReader(), event)).toBe(72);
    expect(problems(result({ total_cost_usd: 72 }))).toEqual([]);
  });
});

describe('problems that stay', () => {
  const error = (code: string, message: string): Observation => ({ kind: 'error', severity: 'warning', code, message });

  it('a full disk is reported once, however many commands fail because of it', () => {
    const seen = new StandingProblems();
    const first = error('disk_full', 'cannot write a');
    expect(seen.news([first])).toEqual([first]);
    expect(seen.news([error('disk_full', 'cannot write b'), { kind: 'diagnostic', line: 'l' }])).toEqual([
      { kind: 'diagnostic', line: 'l' },
    ]);
  });

  it('the same problem of two subjects is reported twice, and of one subject once', () => {
    const seen = new StandingProblems();
    const list = ['a', 'b', 'a'].map((name) => error('mcp_failed', name));
    expect(list.flatMap((one) => seen.news([one]))).toEqual(list.slice(0, 2));
  });

  it.each(['tool_failed', 'command_failed', 'denied', 'of-my-own', 'constructor'])(
    'errors that stand for themselves are all reported: %s',
    (code) => {
      const seen = new StandingProblems();
      for (let index = 0; index < 3; index++) expect(seen.news([error(code, 'same')])).toHaveLength(1);
    },
  );

  it('remembers 100 subjects, and forgets the oldest', () => {
    const seen = new StandingProblems();
    const told = (name: number): number => seen.news([error('mcp_failed', String(name))]).length;
    for (let name = 0; name < 101; name++) told(name);
    expect([told(100), told(1), told(0)]).toEqual([0, 0, 1]);
  });

  it('every code with something to do about it says what', () => {
    for (const [code, { severity, ...rest }] of Object.entries(ERROR_CODES)) {
      if ('once' in rest || severity === 'critical') expect([code, 'nextStep' in rest]).toEqual([code, true]);
    }
  });
});
