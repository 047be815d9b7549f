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
import type { OrchestrationError } from '../../../../src/core/orchestration/util/errors.js';
import { quote } from '../../../../src/core/orchestration/util/errors.js';
import { errorOf } from '../../../support/errors.js';
import { DONE } from '../../../support/simulate.js';

const create = (options: object, docker = {}, policy = DEFAULT_POLICY): ReturnType<typeof resolveCreateOptions> =>
  resolveCreateOptions('id', options, { docker, policy });
const refusal = (options: object): Promise<OrchestrationError> => errorOf(() => create(options), 'INVALID_OPTIONS');

describe('options of create() that are wrong', () => {
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
  ])('%s: %j is named, with the value', async (name, value) => {
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
    [{ prompt: 'ok', promt: 'x' }, 'promt'],
    [{ prompt: 'ok', docker: { imge: 'x' } }, 'imge'],
    [{ prompt: 'ok', limits: { costUSD: 1 } }, 'costUSD'],
    [{ prompt: 'ok', policy: { dangerus: 'ask' } }, 'dangerus'],
    [{ prompt: 'ok', policy: { rules: [{ tool: 'Bash', decision: 'deny', match: /x/ }] } }, 'match'],
    [{ prompt: 'ok', worktree: { branch: 'ok', from: 'x' } }, 'from'],
  ])('an unknown key is refused by name: %j', async (options, key) => {
    expect((await refusal(options)).message).toContain(`"${key}"`);
  });

  it.each([
    [{}, 'received neither'],
    [{ prompt: 'a', promptFile: 'b.md' }, 'received both'],
    [{ prompt: 'a', data: {} }, "Option 'data' needs 'promptFile'"],
  ])('%j', async (options, message) => {
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
    ['CLAUDE_CONFIG_DIR', "would lead Claude away from this session's files"],
    ['HOME', "would lead Claude away from this session's files"],
  ])('a variable that would undo the guard is refused: %s', async (name, problem) => {
    const { message } = await refusal({ prompt: 'ok', docker: { env: { [name]: 'secret' } } });
    expect(message).toContain(`Option 'docker.env.${name}': ${problem}`);
    expect(message).not.toContain('secret');
  });

  it('a variable that only looks like one is not refused', async () => {
    const env = {
      LD_SDK_KEY: 'x',
      ENVIRONMENT: 'x',
      PATH: '/bin',
      NODE_OPTIONS: '--max-old-space-size=4096',
      LANG: 'C',
    };
    expect(create({ prompt: 'ok', docker: { env } }).docker).toMatchObject({ env });
  });

  it('never show the value of a variable', async () => {
    for (const env of [{ KEY: 'secret\0' }, { KEY: 7, OTHER: 'secret' }, { 'BAD KEY': 'secret' }, { '': 'secret' }]) {
      const error = await refusal({ prompt: 'ok', docker: { env } });
      expect(error.message).toContain("Option 'docker.env");
      expect(error.message).not.toContain('secret');
    }
  });

  it('never show the value of a variable either where something else is wrong', async () => {
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

  it('are shown on one line and cut', async () => {
    const { message } = await refusal({ prompt: 'ok', cwd: `\0${'x'.repeat(10_000)}\n` });
    expect(message.length).toBeLessThan(400);
    expect(message).not.toContain('\n');
  });
});

describe('options of create() that are right', () => {
  it('are complete inside', () => {
    expect(create({ prompt: 'hello' })).toEqual({
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

  it('keep files as they are named, to be found when the session is prepared', () => {
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

  it("put the session's docker options before the manager's, and merge variables", () => {
    const defaults = { image: 'theirs', memory: '1g', env: { A: '1', B: '1' } };
    expect(create({ prompt: 'a', docker: { image: 'mine', env: { B: '2' } } }, defaults).docker).toEqual({
      image: 'mine',
      memory: '1g',
      env: { A: '1', B: '2' },
    });
    expect(create({ prompt: 'a', docker: false }, defaults).docker).toBe(false);
  });
});

describe('options of the manager', () => {
  const wrong = (options: object): Promise<OrchestrationError> =>
    errorOf(() => resolveManagerOptions(options), 'INVALID_OPTIONS');

  it('have these defaults', () => {
    expect(resolveManagerOptions({})).toEqual({
      stateDir: join(homedir(), '.autonomous-orchestration'),
      maxConcurrent: 3,
      maxQueued: 10,
      docker: {},
      policy: { layers: [{ rules: [], dangerous: 'deny' }], approvalTimeoutMs: 600_000, onHostLost: 'deny' },
      releaseSlotWhileWaiting: true,
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
  ])('are refused by name: %s %j', async (name, value) => {
    const { message } = await wrong({ [name]: value });
    expect(message).toContain(`Option '${name}'`);
    expect(message).toContain(`Received ${quote(value)}`);
  });

  it('have executors that are executors, by mode', async () => {
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
  ])('has a rule whose %s is wrong: %j', async (name, rule) => {
    const rules = [{ tool: 'Read', decision: 'allow' }, rule];
    for (const error of [
      await refusal({ prompt: 'ok', policy: { rules } }),
      await errorOf(() => resolveManagerOptions({ policy: { rules } as never }), 'INVALID_OPTIONS'),
    ]) {
      expect(error.message).toContain(`Option 'policy.rules.1.${name}'`);
    }
  });

  it("has the session's rules on top of the manager's, functions and regular expressions as they are", () => {
    const matches = (): boolean => true;
    const theirs = { tool: 'Bash', decision: 'ask', matches: /push/ } as const;
    const mine = { tool: 'mcp__*', decision: 'deny', matches } as const;
    const { policy } = create({ prompt: 'a', policy: { rules: [mine] } }, {}, resolvePolicy({ rules: [theirs] }));
    expect(policy.layers.map(({ rules }) => rules)).toEqual([[theirs], [mine]]);
    expect(policy.layers[1]?.rules[0]?.matches).toBe(matches);
  });

  it('is refused where it loosens the manager’s', async () => {
    const { message } = await refusal({ prompt: 'ok', policy: { dangerous: 'allow' } });
    expect(message).toContain("Option 'policy.dangerous'");
    expect(message).toContain('may only tighten');
  });
});

describe('limits', () => {
  it('are those that were given, whatever becomes of the object', () => {
    const limits = { durationMs: 1, idleMs: 2, costUsd: 0.5, tokens: 3 };
    const spec = create({ prompt: 'a', limits });
    limits.costUsd = 100;
    expect(spec.limits).toEqual({ durationMs: 1, idleMs: 2, costUsd: 0.5, tokens: 3 });
  });
});

describe('a message', () => {
  it.each(['', ' \n', 7, undefined, 'x'.repeat(8_001)])('%j is none', async (message) => {
    const error = await errorOf(() => resolveMessage(message as string), 'INVALID_OPTIONS');
    expect(error.message).toContain("Option 'message'");
  });

  it('is kept as it is, up to 8,000 characters', () => {
    for (const message of [' stop {that} ', 'x'.repeat(8_000)]) expect(resolveMessage(message)).toBe(message);
  });
});

describe('tools that a session may not use', () => {
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
  ])('%j of its leader and %j of its own are %j', (leader, own, all) => {
    expect(inherited(leader, own)).toEqual(all);
  });
});

describe('an executor', () => {
  const made = (stateDir?: string): BaseExecutor =>
    Object.assign(new SimulatedExecutor(DONE), stateDir === undefined ? {} : { stateDir });

  it('that was made for another state folder is refused: it would take containers for left behind', async () => {
    const executors = { autonomous: made('/b') };
    const { message } = await errorOf(() => resolveManagerOptions({ stateDir: '/a', executors }), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'executors.autonomous'");
    expect(message).toContain('"/b"');
  });

  it.each([undefined, '/a', '/a/b/..'])('that was made for %j is taken by a manager on /a', (stateDir) => {
    const executors = { autonomous: made(stateDir) };
    expect(resolveManagerOptions({ stateDir: '/a', executors }).executors).toEqual(executors);
  });
});

describe('a note', () => {
  it.each([7, null, 'x'.repeat(2_001)])('%j is none', async (note) => {
    const { message } = await errorOf(() => resolveNote('note', note as string), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'note'");
  });

  it('is kept as it is, and absent where it says nothing', () => {
    for (const note of [' not now ', 'x'.repeat(2_000)]) expect(resolveNote('note', note)).toBe(note);
    for (const note of [undefined, '', ' \n']) expect(resolveNote('reason', note)).toBeUndefined();
  });
});

describe('feedback', () => {
  it.each(['', '  \n', 7, undefined])('%j is none', async (feedback) => {
    const { message } = await errorOf(() => resolveFeedback(feedback as string), 'INVALID_OPTIONS');
    expect(message).toContain("Option 'feedback'");
  });

  it('is kept as it is', () => {
    expect(resolveFeedback('  do {this}\0 ')).toBe('  do {this}\0 ');
  });
});
