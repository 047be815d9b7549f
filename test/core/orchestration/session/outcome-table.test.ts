import { describe, expect, it } from 'vitest';
import { HOME_REFUSED, HOME_UNPREPARED } from '../../../../src/core/orchestration/session/home-refused.js';
import { MOUNTS_REFUSED } from '../../../../src/core/orchestration/session/mounts-refused.js';
import type { ResultObservation } from '../../../../src/core/orchestration/session/observation.js';
import { type Outcome, outcomeOf, type RunWitnesses } from '../../../../src/core/orchestration/session/outcome.js';
import { OUTCOMES } from '../../../../src/core/orchestration/session/outcome-table.js';

const result = (more: Partial<ResultObservation> = {}): ResultObservation => ({
  kind: 'result',
  subtype: 'success',
  isError: false,
  text: 'done',
  stopReason: 'end_turn',
  terminalReason: 'completed',
  ...more,
});
const error = (text: string, more: Partial<ResultObservation> = {}): ResultObservation =>
  result({ isError: true, text, stopReason: 'stop_sequence', terminalReason: 'api_error', ...more });

const NOTHING_OPEN = { calls: [], tasks: [], unheard: [] };
const run = (witnesses: Partial<RunWitnesses>): RunWitnesses => ({
  end: { exitCode: 0 },
  result: undefined,
  isFinal: witnesses.result !== undefined,
  worksOn: false,
  isSilent: false,
  open: NOTHING_OPEN,
  failedRequest: undefined,
  hasEvents: true,
  unattended: { docker: true, dockerImage: 'agents:stable' },
  stopped: undefined,
  limit: undefined,
  diagnostics: [],
  ...witnesses,
});

type Case = [row: string, what: string, witnesses: Partial<RunWitnesses>, ends: string, cause?: Outcome['cause']];

const EXIT_1 = { end: { exitCode: 1 } };
const KILLED = { end: { exitCode: 137 } };
const OPEN = 'a good result with something left open';
const PROVIDER = 'the provider refuses the request, with a cause that is known';
const FULL = 'the conversation is longer than the model reads';
const OTHER = 'any other result that is an error';

/** At least one case for each row. */
const CASES: readonly Case[] = [
  [
    'the engine is unavailable',
    'after a good result',
    { end: { reason: 'DOCKER_UNAVAILABLE' }, result: result() },
    'failed/DOCKER_UNAVAILABLE',
  ],
  [
    'stopped as failed: a limit, or a breach of the guard',
    'after a good result',
    { result: result(), stopped: { status: 'failed', reason: 'guard_bypassed', error: 'x' } },
    'failed/guard_bypassed',
  ],
  [
    'cancelled, or stopped to be continued',
    'after a good result',
    { result: result(), stopped: { status: 'cancelled', reason: 'cancelled', error: 'x' } },
    'cancelled/cancelled',
  ],
  ['out of memory before the last word', 'without a result', { end: { exitCode: 137, oomKilled: true } }, 'failed/oom'],
  [
    'out of memory before the last word',
    'after an interim result',
    { end: { exitCode: 137, oomKilled: true }, result: result(), isFinal: false },
    'failed/oom',
  ],
  ['an end with a reason of its own before the last word', 'lost', { end: { reason: 'lost' } }, 'failed/lost'],
  [
    'an end with a reason of its own before the last word',
    'a launch that failed has no last word',
    { end: { reason: 'LAUNCH_FAILED' }, result: result() },
    'failed/LAUNCH_FAILED',
  ],
  [
    'a limit of Claude Code',
    'turns',
    { ...EXIT_1, result: error('x', { subtype: 'error_max_turns' }) },
    'failed/max_turns',
  ],
  [
    'a limit of Claude Code',
    'budget',
    { ...EXIT_1, result: error('x', { subtype: 'error_max_budget_usd' }) },
    'failed/max_cost',
  ],
  [
    'a limit of Claude Code',
    'typed result',
    { ...EXIT_1, result: error('x', { subtype: 'error_max_structured_output_retries' }) },
    'failed/invalid_output',
  ],
  [
    'a limit of Claude Code',
    'only the terminal reason says so',
    { ...EXIT_1, result: error('x', { subtype: 'error_during_execution', terminalReason: 'budget_exhausted' }) },
    'failed/max_cost',
  ],
  [
    FULL,
    'the words of 2.1.98',
    { ...EXIT_1, result: error('Prompt is too long', { terminalReason: 'completed' }) },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'the terminal reason of 2.1.332',
    { ...EXIT_1, result: error('x', { terminalReason: 'prompt_too_long' }) },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'a limit that blocks',
    { ...EXIT_1, result: error('x', { terminalReason: 'blocking_limit' }) },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'compaction that does not help',
    { ...EXIT_1, result: error('x', { terminalReason: 'rapid_refill_breaker' }) },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'the stop reason of the API',
    { result: result({ stopReason: 'model_context_window_exceeded' }) },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'a killed process after its last word',
    { ...KILLED, result: error('Prompt is too long') },
    'failed/context_full',
    'context_full',
  ],
  [
    FULL,
    'no result, but a request that failed',
    { ...EXIT_1, failedRequest: { text: 'API Error: 400 Input is too long for requested model.' } },
    'failed/context_full',
    'context_full',
  ],
  [
    'the model refuses to answer',
    'as an error',
    { ...EXIT_1, result: error('x', { stopReason: 'refusal' }) },
    'failed/refused',
    'refused',
  ],
  [
    'the model refuses to answer',
    'as a success',
    { result: result({ stopReason: 'refusal' }) },
    'failed/refused',
    'refused',
  ],
  [PROVIDER, 'login', { ...EXIT_1, result: error('Invalid API key · Please run /login') }, 'failed/auth', 'auth'],
  [PROVIDER, 'login, by status', { ...EXIT_1, result: error('No.', { apiStatus: 401 }) }, 'failed/auth', 'auth'],
  [
    PROVIDER,
    'login, by the name of the error',
    { ...EXIT_1, result: error('No.'), failedRequest: { type: 'authentication_failed' } },
    'failed/auth',
    'auth',
  ],
  [
    PROVIDER,
    'limit',
    { ...EXIT_1, result: error('API Error: 429 rate_limit_error') },
    'failed/rate_limited',
    'usage_limit',
  ],
  [
    PROVIDER,
    'cap',
    { ...EXIT_1, result: error("You've hit your monthly spend limit") },
    'failed/spend_limit',
    'spend_limit',
  ],
  [
    PROVIDER,
    'model',
    { ...EXIT_1, result: error("There's an issue with the selected model (x).") },
    'failed/unknown_model',
    'unknown_model',
  ],
  [
    'an answer that was cut off, reported as an error',
    'too long',
    { ...EXIT_1, result: error('x'), failedRequest: { text: 'x', type: 'max_output_tokens' } },
    'failed/incomplete',
  ],
  [
    'an answer that was cut off, reported as an error',
    'a call that cannot be read',
    { ...EXIT_1, result: error('x', { terminalReason: 'malformed_tool_use_exhausted' }) },
    'failed/incomplete',
  ],
  [
    PROVIDER,
    'a fault of the provider',
    { ...EXIT_1, result: error('API Error: 500 Internal server error') },
    'failed/provider_error',
    'transient',
  ],
  [
    PROVIDER,
    'a lost connection',
    { ...EXIT_1, result: error('API Error: Connection error.') },
    'failed/provider_error',
    'transient',
  ],
  [
    OTHER,
    'a request that was wrong',
    { ...EXIT_1, result: error('API Error: 400 tool_use ids must be unique') },
    'failed/error',
  ],
  [
    'a person closed the terminal',
    'by its window',
    { end: { closed: true }, unattended: undefined },
    'completed/closed',
  ],
  [
    'a person closed the terminal',
    'by leaving',
    { end: { closed: true, exitCode: 0 }, unattended: undefined },
    'completed/success',
  ],
  [OPEN, 'the model had asked for a tool', { result: result({ stopReason: 'tool_use' }) }, 'failed/incomplete'],
  [OPEN, 'the answer was cut off', { result: result({ stopReason: 'max_tokens' }) }, 'failed/incomplete'],
  [OPEN, 'the turn was paused', { result: result({ stopReason: 'pause_turn' }) }, 'failed/incomplete'],
  [OPEN, 'a hook stopped the agent', { result: result({ terminalReason: 'hook_stopped' }) }, 'failed/incomplete'],
  [OPEN, 'a call was put off', { result: result({ terminalReason: 'tool_deferred' }) }, 'failed/incomplete'],
  [OPEN, 'nothing said after a call', { result: result({ text: '' }), isSilent: true }, 'failed/incomplete'],
  [
    OPEN,
    'an open call',
    { result: result(), isFinal: false, open: { ...NOTHING_OPEN, calls: ['Bash'] } },
    'failed/incomplete',
  ],
  [
    OPEN,
    'open work',
    { result: result(), isFinal: false, open: { ...NOTHING_OPEN, tasks: ['x'] } },
    'failed/incomplete',
  ],
  [
    OPEN,
    'work that failed unheard',
    { result: result(), open: { ...NOTHING_OPEN, unheard: ['x (failed)'] } },
    'failed/incomplete',
  ],
  [OPEN, 'a turn without a result', { result: result(), isFinal: false, worksOn: true }, 'failed/incomplete'],
  ['a good result', 'exit code 0', { result: result() }, 'completed/success'],
  ['a good result', 'an end that nobody saw', { end: { unknown: true }, result: result() }, 'completed/success'],
  ['a good result', 'then killed', { ...KILLED, result: result() }, 'completed/success'],
  ['a good result', 'then terminated', { end: { exitCode: 143 }, result: result() }, 'completed/success'],
  [
    'a good result',
    'then ended by a signal, on the machine',
    { end: { reason: 'terminated' }, result: result() },
    'completed/success',
  ],
  [
    'a good result',
    'then out of memory',
    { end: { exitCode: 137, oomKilled: true }, result: result() },
    'completed/success',
  ],
  [
    'a good result',
    'then its container was removed',
    { end: { reason: 'lost' }, result: result() },
    'completed/success',
  ],
  ['a good result', 'then the log ended', { end: { reason: 'log_lost' }, result: result() }, 'completed/success'],
  [
    'a good result',
    'a typed result ends with a call',
    { result: result({ stopReason: 'tool_use', output: {} }) },
    'completed/success',
  ],
  ['a good result', 'no text, and no call before', { result: result({ text: '' }) }, 'completed/success'],
  [
    'a good result',
    'an older release says less',
    { result: { kind: 'result', subtype: 'success', isError: false } },
    'completed/success',
  ],
  ['exit code 0 and an empty log', 'in a container', { hasEvents: false }, 'failed/incomplete'],
  ['an end without a result', 'exit code 0', {}, 'failed/incomplete'],
  ['an end without a result', 'in a terminal', { hasEvents: false, unattended: undefined }, 'failed/incomplete'],
  [
    'other files were mounted than those that were checked',
    'before the start',
    { end: { exitCode: 97 }, diagnostics: [MOUNTS_REFUSED] },
    'failed/UNSAFE_MOUNT',
  ],
  [
    'the home folder could not be prepared',
    'before the start',
    { end: { exitCode: HOME_UNPREPARED }, diagnostics: [HOME_REFUSED] },
    'failed/LAUNCH_FAILED',
  ],
  ['a command that cannot be executed', 'at the start', { end: { exitCode: 126 } }, 'failed/LAUNCH_FAILED'],
  ['a command that was not found', 'at the start', { end: { exitCode: 127 } }, 'failed/LAUNCH_FAILED'],
  ['killed before the last word', 'without a result', KILLED, 'failed/killed'],
  [
    'killed before the last word',
    'after an interim result',
    { ...KILLED, result: result(), isFinal: false },
    'failed/killed',
  ],
  ['terminated before the last word', 'without a result', { end: { exitCode: 143 } }, 'failed/terminated'],
  [
    'a refused login in the last output',
    'exit code 1',
    { ...EXIT_1, diagnostics: ['Not logged in'] },
    'failed/auth',
    'auth',
  ],
  [
    'a refused login in the last output',
    "Claude's own words on standard error",
    { ...EXIT_1, diagnostics: ['npm warn old lockfile', 'Invalid API key · Please run /login'] },
    'failed/auth',
    'auth',
  ],
  ...[
    "fatal: Authentication failed for 'https://github.com/acme/app.git/'",
    'npm ERR! 401 Unauthorized - GET https://registry.example/x',
    'remote: Invalid credentials',
    'denied: not logged in to the registry',
    'psql: error: password authentication failed for user "x"',
    'You are not logged into any GitHub hosts',
  ].map((line): Case => ['anything else', line, { ...EXIT_1, diagnostics: [line] }, 'failed/error']),
  ['anything else', 'exit code 1', EXIT_1, 'failed/error'],
  ['anything else', 'exit code 1 after a good result', { ...EXIT_1, result: result() }, 'failed/error'],
  ['anything else', 'no exit code', { end: {}, result: result() }, 'failed/error'],
];

describe('the table of all ends', () => {
  it.each(CASES)('the row "%s" decides: %s', (row, _, witnesses, ends, cause) => {
    const seen = run(witnesses);
    expect(OUTCOMES.find(({ when }) => when(seen))?.name).toBe(row);
    const outcome = outcomeOf(seen);
    expect([`${outcome.status}/${outcome.result.reason}`, outcome.cause]).toEqual([ends, cause]);
    expect(outcome.result.error === undefined).toBe(outcome.status === 'completed');
  });

  it('each row has a case', () => {
    const tested = new Set(CASES.map(([row]) => row));
    expect(OUTCOMES.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual([]);
  });

  it('no two rows have the same name', () => {
    expect(new Set(OUTCOMES.map(({ name }) => name)).size).toBe(OUTCOMES.length);
  });
});

describe('a run with something left open', () => {
  it.each<[string, Partial<RunWitnesses>]>([
    [
      'work in the background had not ended (npm test, a subagent)',
      { open: { ...NOTHING_OPEN, tasks: ['npm test', 'a subagent'] } },
    ],
    ["the model had asked for a tool (stop_reason 'tool_use')", { result: result({ stopReason: 'tool_use' }) }],
    ['a tool call had no result (mcp__a__b)', { open: { ...NOTHING_OPEN, calls: ['mcp__a__b'] } }],
  ])('the error says what was open: %s', (words, witnesses) => {
    const { error } = outcomeOf(run({ result: result(), ...witnesses })).result;
    expect(error).toBe(`It ended in the middle of its task: ${words}. It can be continued.`);
  });
});
