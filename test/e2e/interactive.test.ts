import { createHash } from 'node:crypto';
import { chown, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type CreateSessionOptions,
  InteractiveExecutor,
  type SessionEvent,
  type SessionManagerOptions,
  type UnifiedSession,
  type UnifiedSessionManager,
} from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { claudeOnHost } from './claude-on-host.js';
import { Host } from './hosts.js';
import {
  attempt,
  bash,
  containersGone,
  containersOf,
  docker,
  engine,
  type ModelTurn,
  nextEvent,
  release,
  repository,
  scripted,
  stateFolder,
  steerHeld,
  tempFolder,
  testManager,
  UNTIL_RELEASED,
} from './support.js';

const SERVER = 'autonomous-orchestration';
const WITHIN = { timeout: 60_000 };

const terminalOf = (id: string, run = 1): string => `ao-${id}-${run}`;
const tmux = (...args: string[]) => attempt('tmux', ['-L', SERVER, ...args]);
const hasTerminal = async (id: string): Promise<boolean> =>
  (await tmux('has-session', '-t', `=${terminalOf(id)}`)).code === 0;
const closeWindow = (id: string) => tmux('kill-session', '-t', `=${terminalOf(id)}`);

/** An interactive session. After the test, no terminal may be left of the sessions of its manager. */
async function interactive(
  turns: ModelTurn[],
  options: Partial<CreateSessionOptions> = {},
  managerOptions: SessionManagerOptions = {},
) {
  const managers: UnifiedSessionManager[] = [];
  // This is registered before the end of the manager, and so called after it.
  onTestFinished(async () => {
    const ids = managers.flatMap((one) => one.list().map(({ id }) => id));
    for (const id of ids) expect(await hasTerminal(id), `terminal of ${id}`).toBe(false);
  });
  const test = await testManager(managerOptions);
  const { manager } = test;
  managers.push(manager);
  const { docker: own } = scripted(...turns);
  const given: CreateSessionOptions = {
    mode: 'interactive',
    prompt: 'Do it',
    cwd: await tempFolder(),
    docker: own,
    ...options,
  };
  return { ...test, given, create: () => manager.create(given) };
}

/** Resolves when the session waits for a person, with its record. */
async function waits(manager: UnifiedSessionManager, id: string): Promise<UnifiedSession> {
  await expect.poll(() => manager.get(id), WITHIN).toMatchObject({ status: 'waiting_feedback', waitingFor: 'person' });
  return manager.get(id) as UnifiedSession;
}

/** A person who has attached to the session with their own terminal. */
async function person(manager: UnifiedSessionManager, id: string) {
  const socket = `ao-person-${id}`;
  const own = (...args: string[]) => attempt('tmux', ['-L', socket, '-f', '/dev/null', ...args]);
  const command = manager.get(id)?.runs.at(-1)?.attachCommand ?? '';
  await own('new-session', '-d', '-x', '150', '-y', '40', '-s', 'desk', '--', 'env', '-u', 'TMUX', 'sh', '-c', command);
  onTestFinished(async () => void (await own('kill-server')));
  const screen = async (): Promise<string> => (await own('capture-pane', '-p', '-t', 'desk')).stdout;
  await expect.poll(screen, WITHIN).toContain('❯');
  return {
    screen,
    keys: (...keys: string[]) => own('send-keys', '-t', 'desk', ...keys),
    async types(text: string): Promise<void> {
      await own('send-keys', '-t', 'desk', '-l', text);
      await expect.poll(screen, WITHIN).toContain(text);
      await own('send-keys', '-t', 'desk', 'Enter');
    },
    leaves: () => own('detach-client'),
  };
}

/** Only the record, the conversation and the log are left of a session. */
async function expectNothingLeft({ id, runs }: UnifiedSession, stateDir: string): Promise<void> {
  await containersGone({ id });
  // The terminal and the guard's files go after the container, and nobody is told of that.
  await expect.poll(() => hasTerminal(id)).toBe(false);
  const files = () => readdir(join(stateDir, 'sessions', id));
  await expect.poll(files).not.toContain('guard');
  expect(await files()).not.toContain('terminal.sh');
  expect(runs.at(-1)?.endedAt).toBeGreaterThan(0);
}

const said = (session: UnifiedSession | undefined): (string | undefined)[][] =>
  (session?.metadata.recentMessages ?? []).map(({ by, text }) => [by, text]);
const ofSession = (events: SessionEvent[], ...types: SessionEvent['type'][]): string[] =>
  events.filter(({ type }) => types.includes(type)).map(({ type }) => type);

/** Settings of a person who has answered all questions that Claude Code asks at its first start. */
const setUp = (cwd: string) => ({
  hasCompletedOnboarding: true,
  customApiKeyResponses: { approved: ['k-ant-scripted-model'], rejected: [] },
  projects: { [cwd]: { hasTrustDialogAccepted: true } },
});

describe('a person and the process', () => {
  it('the turns of person and process are in the record in order, each followed by a wait', async () => {
    const turns = [{ text: 'First.' }, { text: 'Second.' }, { text: 'Third.' }];
    const { manager, events, stateDir, create } = await interactive(turns);
    const { id } = await create();
    await waits(manager, id);
    const { types, screen } = await person(manager, id);
    expect(await screen()).toContain('First.');
    await types('and by hand');
    await expect.poll(() => said(manager.get(id)), WITHIN).toContainEqual([undefined, 'Second.']);
    await waits(manager, id);
    await manager.steer(id, 'and by the host');
    await expect.poll(() => said(manager.get(id)), WITHIN).toContainEqual([undefined, 'Third.']);
    const session = await waits(manager, id);
    expect(said(session)).toEqual([
      ['person', 'Do it'],
      [undefined, 'First.'],
      ['person', 'and by hand'],
      [undefined, 'Second.'],
      ['person', 'and by the host'],
      [undefined, 'Third.'],
    ]);
    const turn = ['session:prompt', 'session:message', 'session:waiting'];
    expect(ofSession(events, 'session:prompt', 'session:message', 'session:waiting')).toEqual([
      ...turn,
      ...turn,
      ...turn,
    ]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'session:steered', message: 'and by the host' }));

    await closeWindow(id);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { reason: 'closed', text: 'Third.' } });
    await expectNothingLeft(ended, stateDir);
  });

  it('a person ends the session with /exit', async () => {
    const { manager, stateDir, create } = await interactive([{ text: 'First.' }]);
    const { id } = await create();
    await waits(manager, id);
    await (await person(manager, id)).types('/exit');
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { reason: 'success', exitCode: 0, text: 'First.' } });
    await expectNothingLeft(ended, stateDir);
  });

  it('a session that a person interrupts with Escape waits and receives the next message', async () => {
    const { manager, create } = await interactive([bash('sleep 300'), { history: true }]);
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const { id } = await create();
    await calls;
    await (await person(manager, id)).keys('Escape');
    const session = await waits(manager, id);
    expect(said(session)).toEqual([['person', 'Do it']]);
    await manager.steer(id, 'Something else');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toContain('Something else');
  });

  it('a message to a working agent is delivered by the hooks, not typed', async () => {
    const { manager, events, create } = await interactive([bash(UNTIL_RELEASED), { history: true }]);
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const { id } = await create();
    await calls;
    await steerHeld(manager, id, 'By the way');
    const session = await waits(manager, id);
    expect(await readFile(session.logFile ?? '', 'utf8')).toContain(
      'The user says, while you are at work:\\n\\nBy the way',
    );
    expect(said(session).filter(([by]) => by === 'person')).toEqual([['person', 'Do it']]);
    expect(ofSession(events, 'session:steered', 'session:waiting')).toEqual(['session:steered', 'session:waiting']);
  });

  it('a prompt that a person types while the agent works is in the record', async () => {
    const { manager, create } = await interactive([bash(UNTIL_RELEASED), { history: true }]);
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool');
    const { id } = await create();
    await calls;
    const { types, screen } = await person(manager, id);
    await types('in between');
    // Claude Code shows the prompts that wait for their turn.
    await expect.poll(screen, WITHIN).toMatch(/in between[\s\S]*❯/);
    await release(id);
    const session = await waits(manager, id);
    expect(said(session)).toContainEqual(['person', 'in between']);
  });

  it('a session continues to record messages and receive prompts after a person types /clear', async () => {
    const { manager, create } = await interactive([{ text: 'First.' }, { text: 'Second.' }]);
    const { id } = await create();
    await waits(manager, id);
    const { types, screen } = await person(manager, id);
    await types('/clear');
    await expect.poll(screen, WITHIN).toContain('(no content)');
    await types('from the beginning');
    await expect.poll(() => manager.get(id)?.metadata.messages, WITHIN).toBe(2);
    await waits(manager, id);
    await manager.steer(id, 'and further');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    const session = await waits(manager, id);
    const prompts = ['Do it', 'from the beginning', 'and further'];
    expect(said(session).flatMap(([by, text = '']) => (by && prompts.includes(text) ? text : []))).toEqual(prompts);
    expect(session.metadata.tokens).toMatchObject({ input: 300, output: 60 });
  });

  it('a call of an interactive session waits for its approval and runs after it', async () => {
    const policy = { rules: [{ tool: 'Bash', matches: /^touch/, decision: 'ask' as const }] };
    const { manager, given, create } = await interactive([bash('touch made'), { text: 'Made.' }], { policy });
    const { id } = await create();
    await expect.poll(() => manager.get(id)?.pendingApproval?.requestId, WITHIN).toBeDefined();
    expect(manager.get(id)?.waitingFor).toBeUndefined();
    manager.approve(id, manager.get(id)?.pendingApproval?.requestId ?? '');
    expect(await waits(manager, id)).toMatchObject({ metadata: { lastMessage: 'Made.', toolCounts: { Bash: 1 } } });
    expect(await readdir(given.cwd ?? '')).toContain('made');
  });
});

it('the record of an interactive session includes the calls and tokens of subagents', async () => {
  const task = { description: 'Look', prompt: 'List the files of this folder.', subagent_type: 'general-purpose' };
  const { manager, create } = await interactive([
    { tool: 'Task', input: task, script: [bash('ls'), { text: 'Nothing there.' }] },
    { text: 'Done.' },
  ]);
  const { id } = await create();
  const { metadata } = await waits(manager, id);
  expect(metadata).toMatchObject({
    lastMessage: 'Done.',
    toolCounts: { Task: 1, Bash: 1 },
    tokens: { input: 400, output: 80 },
    dangers: [],
  });
  expect(metadata.toolsUsed.map(({ name, outcome }) => [name, outcome])).toContainEqual(['Bash', 'ok']);
});

describe('an agent that wants to hide', () => {
  const TRANSCRIPT = 'cd ~/.claude/projects/-workspace && f=$(ls *.jsonl | head -n 1)';

  it.each([
    ['replaces its transcript by another file', `${TRANSCRIPT} && head -c 0 $f > x && mv x $f`],
    ['truncates its transcript', `${TRANSCRIPT} && : > $f`],
    [
      'replaces its transcript by a link',
      `${TRANSCRIPT} && mv $f /tmp/x && ln -s /tmp/x $f; sleep 0.5; rm $f; mv /tmp/x $f`,
    ],
  ])('an agent is still recorded after it %s', async (_, command) => {
    const { manager, create } = await interactive([bash(command), bash('echo later'), { text: 'Still seen.' }]);
    const { id } = await create();
    const { metadata } = await waits(manager, id);
    expect(metadata.lastMessage).toBe('Still seen.');
    expect(metadata.toolsUsed).toContainEqual(
      expect.objectContaining({ input: { command: 'echo later' }, outcome: 'ok' }),
    );
  });

  it('an agent that forges the end of its turn frees no extra slot, and its session keeps working', async () => {
    const forged = [
      'for event in Stop StopFailure UserPromptSubmit Stop; do for i in $(seq 20); do',
      'id=$(cat /proc/sys/kernel/random/uuid); r=/run/autonomous-orchestration/requests',
      'echo "{\\"hook_event_name\\":\\"$event\\",\\"session_id\\":\\"x\\"}" > $r/$id.part; mv $r/$id.part $r/$id.json',
      'done; done',
      "printf '\\033]0;title\\007\\033]52;c;c2VjcmV0\\007\\033[31mred' > /dev/pts/0",
    ].join('\n');
    const { manager, events, create } = await interactive([bash(forged), { text: 'Done.' }], {}, { maxConcurrent: 1 });
    const { id } = await create();
    const session = await waits(manager, id);
    expect(session.metadata.lastMessage).toBe('Done.');
    expect(ofSession(events, 'session:waiting').length).toBeLessThanOrEqual(3);
    expect(manager.queueStatus()).toMatchObject({ running: 0 });
    await manager.steer(id, 'Go on');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('done');
    await waits(manager, id);
  });
});

describe('the slot of an interactive session', () => {
  it('the slot is free while the session waits, and a typed prompt waits for a slot', async () => {
    const { manager, given, create } = await interactive(
      [{ text: 'First.' }, { text: 'Second.' }],
      {},
      { maxConcurrent: 1 },
    );
    const { id } = await create();
    await waits(manager, id);
    expect(manager.queueStatus()).toMatchObject({ running: 0 });
    const desk = await person(manager, id);
    const runs = nextEvent(manager, ({ type }) => type === 'session:tool');
    const other = await manager.create({
      ...given,
      mode: 'autonomous',
      ...scripted(bash('until [ -e go ]; do sleep 0.1; done'), { text: 'Done.' }),
    });
    await runs;
    await desk.types('meanwhile');
    await expect.poll(() => manager.get(id)?.waitingFor, WITHIN).toBe('slot');
    expect(manager.get(other.id)?.status).toBe('running');
    await writeFile(join(given.cwd ?? '', 'go'), '');
    await manager.waitFor(other.id);
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    await waits(manager, id);
  });

  it('the slot is kept while the session waits if releaseSlotWhileWaiting is false', async () => {
    const { manager, given, create } = await interactive(
      [{ text: 'First.' }],
      {},
      { maxConcurrent: 1, releaseSlotWhileWaiting: false },
    );
    const { id } = await create();
    await waits(manager, id);
    expect(manager.queueStatus()).toMatchObject({ running: 1 });
    const other = await manager.create({ ...given, mode: 'autonomous' });
    expect(other.status).toBe('queued');
    await closeWindow(id);
    expect(await manager.waitFor(other.id)).toMatchObject({ status: 'completed' });
  });
});

describe('an interactive session that waits', () => {
  it('a waiting session can be paused and resumed, and still waits', async () => {
    const { manager, create } = await interactive([{ text: 'First.' }, { text: 'Second.' }]);
    const { id } = await create();
    await waits(manager, id);
    expect(await manager.pause(id)).toMatchObject({ status: 'paused' });
    expect(await docker('inspect', '--format', '{{.State.Status}}', `ao-${id}-1`)).toBe('paused');
    expect(await manager.resume(id)).toMatchObject({ status: 'waiting_feedback', waitingFor: 'person' });
    await manager.steer(id, 'Go on');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
  });

  it('a waiting session can be continued, in a new terminal and the same conversation', async () => {
    const { manager, stateDir, create } = await interactive([
      { text: 'First.' },
      { text: 'Second.' },
      { history: true },
    ]);
    const { id } = await create();
    await waits(manager, id);
    await manager.continue(id, '/once more');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    const session = await waits(manager, id);
    expect(session.runs).toHaveLength(2);
    expect(await hasTerminal(id)).toBe(false);
    await tmux('kill-session', '-t', `=${terminalOf(id, 2)}`);
    await manager.waitFor(id);
    await manager.continue(id, 'and again');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toContain('once more');
    expect(manager.get(id)?.metadata.lastMessage).toContain('and again');
    const cancelled = await manager.cancel(id);
    expect(cancelled.runs).toHaveLength(3);
    await expectNothingLeft(cancelled, stateDir);
  });
});

describe('an interactive session whose process was killed', () => {
  const policy = { onHostLost: 'allow' as const };

  async function orphaned(when: string, turns: ModelTurn[]) {
    const stateDir = await stateFolder();
    const { given } = await interactive(turns);
    const host = new Host({ stateDir, session: given, manager: { policy } });
    const id = await host.when(when);
    return { stateDir, id, host };
  }

  it('a session whose process died while it waited still waits, holds no slot, and can be steered', async () => {
    const { stateDir, id, host } = await orphaned('session:waiting', [{ text: 'First.' }, { text: 'Second.' }]);
    await host.kill();
    const { manager } = await testManager({ stateDir });
    expect(await manager.recover()).toMatchObject({ adopted: [id] });
    expect(await waits(manager, id)).toMatchObject({ metadata: { lastMessage: 'First.' } });
    expect(manager.queueStatus()).toMatchObject({ running: 0 });
    await manager.steer(id, 'Go on');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    await waits(manager, id);
    expect(said(manager.get(id)).map(([, text]) => text)).toEqual(['Do it', 'First.', 'Go on', 'Second.']);
  });

  it('a session that ended its turn without a process is adopted and waits', async () => {
    const { stateDir, id, host } = await orphaned('session:tool', [
      bash(UNTIL_RELEASED),
      { text: 'First.' },
      { text: 'Second.' },
    ]);
    await host.kill();
    await release(id);
    const log = join(stateDir, 'sessions', id, 'projects/-workspace');
    const transcript = async () => {
      const [file = ''] = (await readdir(log)).filter((name) => name.endsWith('.jsonl'));
      return readFile(join(log, file), 'utf8');
    };
    // By then its hook has stopped waiting for a process.
    await expect.poll(transcript, WITHIN).toContain('stop_hook_summary');
    const { manager } = await testManager({ stateDir });
    expect(await manager.recover()).toMatchObject({ adopted: [id] });
    await waits(manager, id);
    await manager.steer(id, 'Go on');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    expect(said(manager.get(id)).map(([, text]) => text)).toEqual(['Do it', 'First.', 'Go on', 'Second.']);
  });

  it('a session whose window was closed without a process is ended by the next manager', async () => {
    const { stateDir, id, host } = await orphaned('session:waiting', [{ text: 'First.' }]);
    await host.kill();
    await closeWindow(id);
    const { manager } = await testManager({ stateDir });
    await manager.recover();
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { reason: 'closed' } });
    await expectNothingLeft(ended, stateDir);
  });
});

describe('the input of an interactive session', () => {
  it('prompt, variables and folder name arrive unchanged, whatever they contain', async () => {
    const hostile = `'"; $(touch /tmp/x) \`touch x\` #(touch x) #{pane_pid} %%\n\\n; touch x`;
    const TOKEN = `line one\nit's "two" $HOME \`x\` \\ ; s3cr3t-${process.pid}`;
    const cwd = join(await tempFolder(), `a 'b' "c" #(touch x); $(touch x)`);
    await mkdir(cwd);
    await chown(cwd, 1000, 1000);
    const turns = [bash('printf %s "$TOKEN" | sha256sum; touch done'), { history: true }];
    const given = {
      cwd,
      prompt: hostile,
      taskId: hostile,
      docker: { env: { ...scripted(...turns).docker.env, TOKEN } },
    };
    const { manager, stateDir, create } = await interactive([], given);
    const calls = nextEvent(manager, ({ type }) => type === 'session:tool-result');
    const { id } = await create();
    const result = await calls;
    expect(result).toMatchObject({ output: `${createHash('sha256').update(TOKEN).digest('hex')}  -` });
    const session = await waits(manager, id);
    expect(session.taskId).toBe(hostile);
    const [first] = JSON.parse((session.metadata.lastMessage ?? '').replace('HISTORY: ', '')) as string[];
    expect(first).toBe(hostile);
    expect((await readdir(cwd)).filter((name) => !name.startsWith('.'))).toEqual(['done']);

    const secret = `s3cr3t-${process.pid}`;
    expect((await attempt('ps', ['axww', '-o', 'args'])).stdout).not.toContain(secret);
    const found = await attempt('grep', ['-rl', '--exclude=stream.log', '--exclude-dir=projects', secret, stateDir]);
    expect([found.code, found.stdout]).toEqual([1, '']);
  });

  it.each(['/help me', '!touch made', '-p --version', '--help', '# note', 'exit', '@missing', 'a\\'])(
    'a text that begins like a command or an option is sent as a prompt: %s',
    async (prompt) => {
      const { manager, given, create } = await interactive([{ history: true }, { history: true }], { prompt });
      const { id } = await create();
      const session = await waits(manager, id);
      expect(session.metadata.lastMessage).toContain(JSON.stringify(prompt).slice(1, -1));
      await manager.steer(id, `${prompt} too`);
      await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toContain(' too');
      expect(await readdir(given.cwd ?? '')).not.toContain('made');
    },
  );

  it('a prompt that is longer than an argument can be is refused', async () => {
    const { create } = await interactive([], { prompt: 'ä'.repeat(60_001) });
    await expect(create()).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining('120002'),
    });
  });
});

describe('the image of an interactive session', () => {
  it('an image that was never set up is refused, with the command that sets it up', async () => {
    const { create } = await interactive([], { docker: { image: engine.freshImage } });
    await expect(create()).rejects.toMatchObject({
      code: 'ONBOARDING_NEEDED',
      message: expect.stringMatching(/docker run -it .*docker commit/s),
    });
  });

  it('a session fails with the question in its error if Claude Code asks a setup question', async () => {
    const stateDir = await stateFolder();
    const settings = join(await tempFolder(), 'claude.json');
    await writeFile(settings, JSON.stringify({ customApiKeyResponses: setUp('').customApiKeyResponses }));
    await chown(settings, 1000, 1000);
    const { docker: own } = scripted({ text: 'First.' });
    const executor = new InteractiveExecutor({ stateDir }, { beginMs: 8_000 });
    const { manager, create } = await interactive(
      [],
      { docker: { ...own, mounts: [`${settings}:/home/node/.claude.json`] } },
      { stateDir, executors: { interactive: executor } },
    );
    const { id } = await create();
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'incomplete' } });
    expect(ended.result?.error).toMatch(/text style|theme/);
    expect(ended.result?.error).toContain(`attach-session -t '=${terminalOf(id)}'`);
    await expectNothingLeft(ended, stateDir);
  });
});

it('an interactive session is refused without tmux, and the error names the package', async () => {
  const stateDir = await stateFolder();
  const executor = new InteractiveExecutor({ stateDir, env: { ...process.env, PATH: stateDir } });
  const { create } = await interactive([], {}, { stateDir, executors: { interactive: executor } });
  await expect(create()).rejects.toMatchObject({
    code: 'TMUX_NOT_FOUND',
    message: expect.stringContaining("Debian's package tmux"),
  });
});

it('an interactive session can be cancelled while it starts', async () => {
  const { manager, stateDir, create } = await interactive([{ text: 'First.' }]);
  const { id } = await create();
  const cancelled = await manager.cancel(id);
  expect(cancelled).toMatchObject({ status: 'cancelled' });
  expect(await containersOf(cancelled)).toEqual([]);
  expect(await hasTerminal(id)).toBe(false);
  expect(await readdir(join(stateDir, 'sessions', id))).not.toContain('terminal.sh');
});

it('an interactive session can have a worktree', async () => {
  const cwd = await repository();
  const settings = join(await tempFolder(0), 'claude.json');
  await writeFile(settings, JSON.stringify({ ...setUp('/workspace'), bypassPermissionsModeAccepted: true }));
  const { docker: own } = scripted(bash('git branch --show-current; touch made'), { text: 'Made.' });
  const { manager, create } = await interactive([], {
    cwd,
    worktree: 'side',
    docker: { ...own, user: '0:0', mounts: [`${settings}:/root/.claude.json`] },
  });
  const { id } = await create();
  const session = await waits(manager, id);
  expect(session).toMatchObject({ environment: { branch: 'side' }, metadata: { lastMessage: 'Made.' } });
  expect(await readdir(session.environment.worktree ?? '')).toContain('made');
  await closeWindow(id);
  expect(await manager.waitFor(id)).toMatchObject({ status: 'completed', result: { reason: 'closed' } });
});

describe('an interactive session without Docker', () => {
  async function onHost(turns: ModelTurn[], remembers = true) {
    const stateDir = await stateFolder();
    const cwd = await tempFolder(0);
    const home = await tempFolder(0);
    if (remembers) await writeFile(join(home, '.claude.json'), JSON.stringify(setUp(cwd)));
    const env = {
      ...process.env,
      HOME: home,
      PATH: `${await claudeOnHost()}:${process.env.PATH}`,
      MODEL_SCRIPT: JSON.stringify(turns),
      SECRET: `it's\n"${process.pid}"`,
    };
    const executor = new InteractiveExecutor({ stateDir, env });
    const executors = { interactive: executor };
    return { env, ...(await interactive([], { cwd, docker: false, tools: ['Bash'] }, { stateDir, executors })) };
  }

  it('a session without Docker runs in a trusted folder and ends with its window', async () => {
    const { manager, stateDir, create } = await onHost([
      bash('printf %s "$SECRET"'),
      { text: 'First.' },
      { text: 'Second.' },
    ]);
    const { id } = await create();
    const session = await waits(manager, id);
    expect(session).toMatchObject({
      environment: { docker: false },
      metadata: { lastMessage: 'First.', toolCounts: { Bash: 1 } },
    });
    await manager.steer(id, 'Go on');
    await expect.poll(() => manager.get(id)?.metadata.lastMessage, WITHIN).toBe('Second.');
    await closeWindow(id);
    const ended = await manager.waitFor(id);
    expect(ended).toMatchObject({ status: 'completed', result: { reason: 'closed', text: 'Second.' } });
    await expectNothingLeft(ended, stateDir);
  });

  it('a session whose record has no process id is adopted by the next manager and can be cancelled', async () => {
    const { manager, stateDir, create, env } = await onHost([{ text: 'First.' }]);
    const { id } = await create();
    await waits(manager, id);
    await manager.close();
    const file = join(stateDir, 'sessions', id, 'session.json');
    const stored = JSON.parse(await readFile(file, 'utf8'));
    expect(stored.session.runs[0].process.pid).toBeGreaterThan(1);
    delete stored.session.runs[0].process;
    await writeFile(file, JSON.stringify(stored));
    const executors = { interactive: new InteractiveExecutor({ stateDir, env }) };
    const { manager: next } = await testManager({ stateDir, executors });
    expect(await next.recover()).toMatchObject({ adopted: [id] });
    expect(await next.cancel(id)).toMatchObject({ status: 'cancelled' });
    expect(await hasTerminal(id)).toBe(false);
  });

  it('a session without Docker ends with /exit', async () => {
    const { manager, create } = await onHost([{ text: 'First.' }]);
    const { id } = await create();
    await waits(manager, id);
    await (await person(manager, id)).types('/exit');
    expect(await manager.waitFor(id)).toMatchObject({
      status: 'completed',
      result: { reason: 'success', exitCode: 0 },
    });
  });

  it('a session without Docker is refused if Claude Code was never set up', async () => {
    const { create } = await onHost([], false);
    await expect(create()).rejects.toMatchObject({
      code: 'ONBOARDING_NEEDED',
      message: expect.stringContaining("Run 'claude' once with that home folder"),
    });
  });
});
