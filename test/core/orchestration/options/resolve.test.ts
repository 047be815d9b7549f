import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SimulatedExecutor } from 'autonomous-orchestration/testing';
import { describe, expect, it } from 'vitest';
import type { BaseExecutor } from '../../../../src/core/orchestration/executors/base-executor.js';
import {
  resolveCreateOptions,
  resolveFeedback,
  resolveManagerOptions,
  resolveMessage,
  resolveNote,
} from '../../../../src/core/orchestration/options/resolve.js';
import { DEFAULT_POLICY, resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import { DEFAULT_RETRY } from '../../../../src/core/orchestration/session/retry.js';
import type { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { quote } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { DONE } from '../../../support/simulate.js';

const create = (options: object, docker = {}, policy = DEFAULT_POLICY): ReturnType<typeof resolveCreateOptions> =>
  resolveCreateOptions('id', options, { docker, policy });
const refusal = (options: object): Promise<OrchestrationError> => errorOf(() => create(options), 'INVALID_OPTIONS');

describe('invalid options of create()', () => {
  it.each([
    ['mode', 'hurried'],
    ['prompt', ''],
    ['prompt', ' \n\t'],
    ['prompt', 7],
    ['promptFile', ''],
    ['promptFile', 'a\0b'],
    ['taskId', ''],
    ['parentId', 'x'.repeat(501)],
    ['cwd', ''],
    ['cwd', '/a\0'],
    ['worktree', ''],
    ['worktree', '-b'],
    ['worktree', 'a..b'],
    ['worktree', 'a\0b'],
    ['worktree.branch', 'a b'],
    ['worktree.base', '--force'],
    ['worktree.base', ''],
    ['worktree.base', 'a\nb'],
    ['worktree.base', ':/((a{1,255}){1,255})'],
    ['worktree.base', 'main^{/((a{1,255}){1,255})}'],
    ['worktree.submodules', 'all'],
    ['worktree.path', ''],
    ['docker.image', ''],
    ['docker.image', '--privileged'],
    ['docker.image', 'a\0'],
    ['docker.ssh', 'yes'],
    ['docker.ssh.keyFile', ''],
    ['docker.firewall', 'on'],
    ['docker.memory', '4 GB'],
    ['docker.memory', '-1g'],
    ['docker.cpus', 0],
    ['docker.cpus', -1],
    ['docker.cpus', Number.NaN],
    ['docker.pidsLimit', 1.5],
    ['docker.pidsLimit', 0],
    ['docker.network', '--privileged'],
    ['docker.network', 'a b'],
    ['docker.user', '-u'],
    ['docker.user', 'a:b:c'],
    ['docker.capAdd', 'SYS_ADMIN'],
    ['docker.allowUnsafeMounts', 'yes'],
    ['system', 'a\0'],
    ['tools', 'Bash'],
    ['maxTurns', 0],
    ['maxTurns', -3],
    ['maxTurns', 2.5],
    ['maxTurns', '5'],
    ['limits.durationMs', 0],
    ['limits.durationMs', 1.5],
    ['limits.durationMs', '10m'],
    ['limits.idleMs', -1],
    ['limits.costUsd', 0],
    ['limits.costUsd', Number.NaN],
    ['limits.costUsd', Number.POSITIVE_INFINITY],
    ['limits.tokens', 0.5],
    ['policy.dangerous', 'maybe'],
    ['policy.approvalTimeoutMs', 0],
    ['policy.approvalTimeoutMs', 86_400_001],
    ['policy.onHostLost', 'ask'],
    ['policy.rules', 'none'],
    ['signal', 'now'],
    ['data', 'text'],
  ])('the error names the option %s and its invalid value %j', async (name, value) => {
    const [first = '', second, third] = name.split('.');
    const nested = third === undefined ? value : { [third]: value };
    const rest = first === 'worktree' && second !== 'branch' && second !== undefined ? { branch: 'ok' } : {};
    const options = { prompt: 'ok', [first]: second === undefined ? value : { ...rest, [second]: nested } };
    const { message } = await refusal(options);
    expect(message).toContain(`Option '${name}'`);
    const text = quote(value);
    expect(message).toContain(`Received ${text}`);
  });

  it.each([
    ['copy', '../x'],
    ['copy', 'a/../../x'],
    ['copy', 'a\nb'],
    ['copy', ' '],
    ['include', '../x'],
    ['include', '/etc/passwd'],
  ])('worktree.%s refuses %j, which leads out of the repository or is none', async (name, value) => {
    const { message } = await refusal({ prompt: 'ok', worktree: { branch: 'ok', [name]: ['.env', value] } });
    expect(message).toContain(`Option 'worktree.${name}.1'`);
  });

  it.each([
    [{ prompt: 'ok', promt: 'x' }, 'promt'],
    [{ prompt: 'ok', docker: { imge: 'x' } }, 'imge'],
    [{ prompt: 'ok', limits: { costUSD: 1 } }, 'costUSD'],
    [{ prompt: 'ok', policy: { dangerus: 'ask' } }, 'dangerus'],
    [{ prompt: 'ok', policy: { rules: [{ tool: 'Bash', decision: 'deny', match: /x/ }] } }, 'match'],
    [{ prompt: 'ok', worktree: { branch: 'ok', from: 'x' } }, 'from'],
  ])('an unknown key is refused, and the error names the key: %j', async (options, key) => {
    expect((await refusal(options)).message).toMatch(new RegExp(`^Option .([\\w.]+[.])?${key}.: is unknown`));
  });

  it.each([
    [{}, 'received neither'],
    [{ prompt: 'a', promptFile: 'b.md' }, 'received both'],
    [{ prompt: 'a', data: {} }, "Option 'data' needs 'promptFile'"],
  ])('options without exactly one prompt, or data without a prompt file, are refused: %j', async (options, message) => {
    expect((await refusal(options)).message).toContain(message);
  });

  it.each([
    ['CLAUDE_CODE_DISABLE_BACKGROUND_TASKS', 'is set by the library'],
    ['DISABLE_FIREWALL', "is set by the library: use 'docker.firewall'"],
    ['LD_PRELOAD', 'would change the shell that asks the guard'],
    ['LD_TRACE_LOADED_OBJECTS', 'would change the shell that asks the guard'],
    ['BASH_ENV', 'would change the shell that asks the guard'],
    ['CLAUDE_CODE_SHELL_PREFIX', 'would lead Claude around the guard'],
    ['CLAUDE_CODE_ENTRYPOINT', 'would lead Claude around the guard'],
    ['CLAUDE_CONFIG_DIR', 'must be an absolute path'],
    ['HOME', 'must be an absolute path'],
  ])('a dangerous or reserved environment variable is refused without showing its value: %s', async (name, problem) => {
    const { message } = await refusal({ prompt: 'ok', docker: { env: { [name]: 'secret' } } });
    expect(message).toContain(`Option 'docker.env.${name}': ${problem}`);
    expect(message).not.toContain('secret');
  });

  it('an environment variable that only looks dangerous is accepted', async () => {
    const env = {
      LD_SDK_KEY: 'x',
      ENVIRONMENT: 'x',
      PATH: '/bin',
      NODE_OPTIONS: '--max-old-space-size=4096',
      LANG: 'C',
    };
    expect(create({ prompt: 'ok', docker: { env } }).docker).toMatchObject({ env });
  });

  it('an invalid environment variable is refused without showing its value', async () => {
    for (const env of [{ KEY: 'secret\0' }, { KEY: 7, OTHER: 'secret' }, { 'BAD KEY': 'secret' }, { '': 'secret' }]) {
      const error = await refusal({ prompt: 'ok', docker: { env } });
      expect(error.message).toContain("Option 'docker.env");
      expect(error.message).not.toContain('secret');
    }
  });

  it('the error for another invalid option does not show the value of an environment variable', async () => {
    const env = { KEY: 'secret' };
    const wrong = [
      { docker: { env, imge: 'x' } },
      { docker: { env, ssh: 'maybe' } },
      { docker: [env] },
      { docker: { env: [env] } },
      { docker: { env: 'KEY=secret' } },
      { extra: 1, docker: { env } },
      { docker: { env, mounts: [{ sorce: 1 }] } },
    ];
    for (const options of wrong) {
      const error = await refusal({ prompt: 'ok', ...options });
      expect(error.message, JSON.stringify(options)).not.toContain('secret');
    }
  });

  it('a long invalid value is shown on one line and cut', async () => {
    const { message } = await refusal({ prompt: 'ok', cwd: `\0${'x'.repeat(10_000)}\n` });
    expect(message.length).toBeLessThan(400);
    expect(message).not.toContain('\n');
  });
});

describe('valid options of create()', () => {
  it('options that are not given get their defaults', () => {
    expect(create({ prompt: 'hello' })).toEqual({
      retry: DEFAULT_RETRY,
      onOverage: 'continue',
      policy: DEFAULT_POLICY,
      limits: {},
      id: 'id',
      mode: 'autonomous',
      prompt: { text: 'hello' },
      cwd: process.cwd(),
      worktree: undefined,
      docker: { image: 'my-claude:authenticated', env: {} },
      claude: {},
    });
  });

  it('names of files are kept as they are given', () => {
    const spec = create({
      promptFile: 'task.md',
      data: { a: 1 },
      cwd: '/work/x',
      mcpConfig: 'mcp.json',
      worktree: 'topic',
    });
    expect(spec).toMatchObject({
      prompt: { file: 'task.md', data: { a: 1 } },
      cwd: '/work/x',
      worktree: { branch: 'topic' },
      claude: { mcpConfig: 'mcp.json' },
    });
  });

  it("the session's docker options override the manager's, and environment variables are merged", () => {
    const defaults = { image: 'theirs', memory: '1g', env: { A: '1', B: '1' } };
    expect(create({ prompt: 'a', docker: { image: 'mine', env: { B: '2' } } }, defaults).docker).toEqual({
      image: 'mine',
      memory: '1g',
      env: { A: '1', B: '2' },
    });
    expect(create({ prompt: 'a', docker: false }, defaults).docker).toBe(false);
  });

  it("docker: true is the same as no docker option: a container with the manager's options", () => {
    const defaults = { image: 'theirs', memory: '1g', env: { A: '1' } };
    expect(create({ prompt: 'a', docker: true }, defaults)).toEqual(create({ prompt: 'a' }, defaults));
    expect(create({ prompt: 'a', docker: true }, defaults).docker).toEqual(defaults);
  });

  it('docker: true asks for a container even where a session would inherit that it has none', () => {
    const inherited = { docker: false, policy: DEFAULT_POLICY } as const;
    expect(resolveCreateOptions('id', { prompt: 'a' }, inherited).docker).toBe(false);
    expect(resolveCreateOptions('id', { prompt: 'a', docker: true }, inherited).docker).toMatchObject({
      image: 'my-claude:authenticated',
    });
  });
});

describe('options of the manager', () => {
  const wrong = (options: object): Promise<OrchestrationError> =>
    errorOf(() => resolveManagerOptions(options), 'INVALID_OPTIONS');

  it.each([
    ['prices.x.output', { x: { input: 1, output: -1 } }, /must be a number from 0 .* Received -1/],
    ['prices.x.input', { x: { input: Number.NaN, output: 1 } }, /must be a number from 0 .* Received NaN/],
    ['prices.x.input', { x: { input: Number.POSITIVE_INFINITY, output: 1 } }, /Received Infinity/],
    ['prices.x.input', { x: { output: 1 } }, /US dollars per million tokens\. Received undefined/],
    ['prices.x.cacheRead', { x: { input: 1, output: 1, cacheRead: '1' } }, /Received "1"/],
    ['prices.x.cacheWrite', { x: { input: 1, output: 1, cacheWrite: 1 } }, /is unknown; known are .*cacheWrite5m/],
    ['prices.claude-3.5.input', { 'claude-3.5': { input: null, output: 1 } }, /Received null/],
    ['prices.x', { x: 3 }, /must be an object like .* Received 3/],
    ['prices', [{ input: 1, output: 1 }], /must be an object: for each model's id/],
    ['prices', null, /must be an object/],
  ])('a wrong price is refused with its place: %s', async (path, prices, message) => {
    const error = await wrong({ prices });
    expect(error.message).toContain(`Option '${path}': `);
    expect(error.message).toMatch(message);
  });

  it('prices are copied, so that they stay as they were checked', () => {
    const prices = { 'claude-opus-9': { input: 1, output: 5 } };
    const resolved = resolveManagerOptions({ prices });
    prices['claude-opus-9'].input = -1;
    expect(resolved.prices).toEqual({ 'claude-opus-9': { input: 1, output: 5 } });
  });

  it('the manager has these defaults', () => {
    expect(resolveManagerOptions({})).toEqual({
      retry: DEFAULT_RETRY,
      onOverage: 'continue',
      stateDir: join(homedir(), '.autonomous-orchestration'),
      maxConcurrent: 3,
      maxQueued: 10,
      docker: {},
      policy: {
        layers: [{ rules: [], dangerous: 'deny' }],
        approvalTimeoutMs: 600_000,
        onHostLost: 'deny',
        mayDetach: true,
        detached: false,
      },
      releaseSlotWhileWaiting: true,
      socket: true,
      prices: {},
      executors: {},
    });
    expect(resolveManagerOptions({ stateDir: 'here' }).stateDir).toBe(resolve('here'));
    expect(resolveManagerOptions({ maxQueued: 0 }).maxQueued).toBe(0);
  });

  it.each([
    ['maxConcurrent', 0],
    ['maxConcurrent', -1],
    ['maxConcurrent', 1.5],
    ['maxConcurrent', '3'],
    ['maxConcurrent', Number.POSITIVE_INFINITY],
    ['maxQueued', -1],
    ['maxQueued', 0.5],
    ['stateDir', ''],
    ['stateDir', 'a\0b'],
  ])('an invalid manager option is refused, and the error names it: %s %j', async (name, value) => {
    const { message } = await wrong({ [name]: value });
    expect(message).toContain(`Option '${name}'`);
    expect(message).toContain(`Received ${quote(value)}`);
  });

  it.each<[string, unknown, string]>([
    ['login', true, 'true'],
    ['login', 'sk-ant-oat01-x', 'login'],
    ['login.envFile', { file: '/x' }, 'must be'],
    ['login.envFile', { envFile: '' }, '""'],
    ['login.command', { command: ' ' }, 'must not be empty'],
    ['login', {}, 'login'],
  ])('an invalid login is refused, and the error names the part %s: %j', async (name, login, received) => {
    const error = await errorOf(() => resolveManagerOptions({ login } as never), 'INVALID_OPTIONS');
    expect(error.message).toContain(`Option '${name}`);
    expect(error.message).toContain(received);
  });

  it.each([
    ['keepEnded.count', { count: 0 }, '0'],
    ['keepEnded.count', { count: 1.5 }, '1.5'],
    ['keepEnded.count', { count: '10' }, '"10"'],
    ['keepEnded.days', { count: 1, days: -1 }, '-1'],
    ['keepEnded.days', { days: Number.POSITIVE_INFINITY }, 'Infinity'],
    ['keepEnded', 10, '10'],
    ['keepEnded', true, 'true'],
    ['keepEnded', {}, 'needs count, days or both'],
    ['keepEnded.hours', { hours: 1 }, 'is unknown'],
  ])('an invalid keepEnded is refused, and the error names the part %s: %j', async (name, keepEnded, received) => {
    const { message } = await wrong({ keepEnded });
    expect(message).toContain(`Option '${name}'`);
    expect(message).toContain(received);
  });

  it('keepEnded is off unless it is given, and later changes of the given object have no effect', () => {
    const keepEnded = { count: 3, days: 7 };
    const resolved = resolveManagerOptions({ keepEnded });
    keepEnded.count = 1;
    expect(resolved.keepEnded).toEqual({ count: 3, days: 7 });
    expect(resolveManagerOptions({})).not.toHaveProperty('keepEnded');
  });

  it('a value that is not an executor, or an executor for an unknown mode, is refused', async () => {
    expect((await wrong({ executors: { autonomous: 'x' } })).message).toContain("Option 'executors.autonomous'");
    expect((await wrong({ executors: { fast: {} } })).message).toContain('fast');
  });
});

describe('a policy', () => {
  it.each([
    ['tool', { tool: '', decision: 'deny' }],
    ['decision', { tool: 'Bash', decision: 'refuse' }],
    ['decision', { tool: 'Bash' }],
    ['matches', { tool: 'Bash', decision: 'deny', matches: 'git push' }],
    ['reason', { tool: 'Bash', decision: 'deny', reason: '' }],
    ['reason', { tool: 'Bash', decision: 'deny', reason: 'x'.repeat(2_001) }],
  ])('a policy rule whose %s is invalid is refused: %j', async (name, rule) => {
    const rules = [{ tool: 'Read', decision: 'allow' }, rule];
    for (const error of [
      await refusal({ prompt: 'ok', policy: { rules } }),
      await errorOf(() => resolveManagerOptions({ policy: { rules } as never }), 'INVALID_OPTIONS'),
    ]) {
      expect(error.message).toContain(`Option 'policy.rules.1.${name}'`);
    }
  });

  it("the session's rules follow the manager's, with functions and regular expressions unchanged", () => {
    const matches = (): boolean => true;
    const theirs = { tool: 'Bash', decision: 'ask', matches: /push/ } as const;
    const mine = { tool: 'mcp__*', decision: 'deny', matches } as const;
    const { policy } = create({ prompt: 'a', policy: { rules: [mine] } }, {}, resolvePolicy({ rules: [theirs] }));
    expect(policy.layers.map(({ rules }) => rules)).toEqual([[theirs], [mine]]);
    expect(policy.layers[1]?.rules[0]?.matches).toBe(matches);
  });

  it("a session's policy that loosens the manager's policy is refused", async () => {
    const { message } = await refusal({ prompt: 'ok', policy: { dangerous: 'allow' } });
    expect(message).toContain("Option 'policy.dangerous'");
    expect(message).toContain('may only tighten');
  });

  it('a detached session gets a policy that allows it to work alone, and no other session does', () => {
    expect(create({ prompt: 'a', detached: true }).policy).toMatchObject({ onHostLost: 'allow', detached: true });
    for (const options of [{ prompt: 'a' }, { prompt: 'a', detached: false }])
      expect(create(options).policy).toMatchObject({ onHostLost: 'deny', detached: false });
  });

  it("detached is refused if the session's own policy says that its calls wait", async () => {
    const { message } = await refusal({ prompt: 'ok', detached: true, policy: { onHostLost: 'deny' } });
    expect(message).toContain("Option 'detached': true would loosen");
  });
});

describe('limits', () => {
  it('limits are copied, so that later changes of the given object have no effect', () => {
    const limits = { durationMs: 1, idleMs: 2, costUsd: 0.5, tokens: 3 };
    const spec = create({ prompt: 'a', limits });
    limits.costUsd = 100;
    expect(spec.limits).toEqual({ durationMs: 1, idleMs: 2, costUsd: 0.5, tokens: 3 });
  });
});

describe('a message', () => {
  it.each(['', ' \n', 7, undefined, 'x'.repeat(8_001)])('%j is refused as a message', async (message) => {
    const error = await errorOf(() => resolveMessage(message as string), 'INVALID_OPTIONS');
    expect(error.message).toContain("Option 'message'");
  });

  it('a message of up to 8,000 characters is kept unchanged', () => {
    for (const message of [' stop {that} ', 'x'.repeat(8_000)]) expect(resolveMessage(message)).toBe(message);
  });
});

describe('disallowed tools', () => {
  const inherited = (disallowedTools?: string[], own?: string[]) =>
    resolveCreateOptions(
      'id',
      { prompt: 'x', ...(own && { disallowedTools: own }) },
      { docker: {}, policy: DEFAULT_POLICY, ...(disallowedTools && { disallowedTools }) },
    ).claude.disallowedTools;

  it.each([
    [undefined, undefined, undefined],
    [[], undefined, undefined],
    [['WebFetch'], undefined, ['WebFetch']],
    [['WebFetch'], ['Bash', 'WebFetch'], ['WebFetch', 'Bash']],
    [undefined, ['Bash'], ['Bash']],
  ])('tools %j disallowed by the leader and %j by the session become %j', (leader, own, all) => {
    expect(inherited(leader, own)).toEqual(all);
  });
});

describe('an executor', () => {
  const made = (stateDir?: string): BaseExecutor =>
    Object.assign(new SimulatedExecutor(DONE), stateDir === undefined ? {} : { stateDir });

  it('an executor for another state folder is refused, because it would see containers as abandoned', async () => {
    const executors = { autonomous: made('/b') };
    const { message } = await errorOf(() => resolveManagerOptions({ stateDir: '/a', executors }), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'executors.autonomous'");
    expect(message).toContain('"/b"');
  });

  it.each([undefined, '/a', '/a/b/..'])(
    'an executor with the stateDir %j is accepted by a manager with the stateDir /a',
    (stateDir) => {
      const executors = { autonomous: made(stateDir) };
      expect(resolveManagerOptions({ stateDir: '/a', executors }).executors).toEqual(executors);
    },
  );
});

describe('a note', () => {
  it.each([7, null, 'x'.repeat(2_001)])('%j is refused as a note', async (note) => {
    const { message } = await errorOf(() => resolveNote('note', note as string), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'note'");
  });

  it('a note is kept unchanged, and an empty note is left out', () => {
    for (const note of [' not now ', 'x'.repeat(2_000)]) expect(resolveNote('note', note)).toBe(note);
    for (const note of [undefined, '', ' \n']) expect(resolveNote('reason', note)).toBeUndefined();
  });
});

describe('feedback', () => {
  it.each(['', '  \n', 7, undefined])('%j is refused as feedback', async (feedback) => {
    const { message } = await errorOf(() => resolveFeedback(feedback as string), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'feedback'");
  });

  it('feedback is kept unchanged', () => {
    expect(resolveFeedback('  do {this}\0 ')).toBe('  do {this}\0 ');
  });
});
