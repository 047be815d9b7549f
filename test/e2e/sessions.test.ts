import { createHash } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  attempt,
  bash,
  containersGone,
  docker,
  engine,
  nextEvent,
  scripted,
  tempFolder,
  testManager,
} from './support.js';

describe('a session in Docker', () => {
  it('a session changes files in the workspace, records its work, and leaves no container', async () => {
    const { manager, events } = await testManager();
    const cwd = await tempFolder();
    const created = await manager.create({
      ...scripted(
        { ...bash('echo made by claude > made.txt'), text: 'I make a file.' },
        { text: 'The file is there.' },
      ),
      prompt: 'Make a file',
      cwd,
      taskId: 'task-1',
    });
    expect(created.status).toBe('starting');

    const ended = await manager.waitFor(created.id);

    expect(ended.status).toBe('completed');
    expect(ended.result).toEqual({ text: 'The file is there.', exitCode: 0, reason: 'success' });
    expect(await readFile(join(cwd, 'made.txt'), 'utf8')).toBe('made by claude\n');
    expect(ended.metadata).toMatchObject({
      messages: 2,
      lastMessage: 'The file is there.',
      turns: 2,
      claudeVersion: '2.1.98',
      toolCounts: { Bash: 1 },
      tokens: { input: 200, output: 40 },
    });
    expect(ended.metadata.costUsd).toBeGreaterThan(0);
    expect(ended.metadata.toolsUsed).toMatchObject([
      {
        name: 'Bash',
        input: { command: 'echo made by claude > made.txt' },
        outcome: 'ok',
        durationMs: expect.any(Number),
      },
    ]);
    expect(ended.channelCoderSession).toMatch(/^[0-9a-f-]{36}$/);
    expect(ended.environment).toEqual({ docker: true, dockerImage: 'my-claude:authenticated', cwd });
    expect(ended.runs).toMatchObject([
      { number: 1, exitCode: 0, containerName: expect.any(String), containerId: expect.any(String) },
    ]);
    expect(manager.list({ taskId: 'task-1' })).toEqual([ended]);
    await containersGone(ended);
    expect(events.map(({ type }) => type)).toEqual([
      'session:created',
      'queue:changed',
      'session:started',
      'session:message',
      'session:tool',
      'session:tool-result',
      'session:message',
      'session:completed',
      'queue:changed',
    ]);
  });

  it('a container runs without capabilities or new privileges, with limits, and shows no secret', async () => {
    const { manager } = await testManager();
    const { docker: options } = scripted(bash('sleep 30'));
    const session = await manager.create({
      docker: {
        env: { ...options.env, API_TOKEN: 'secret-value-1', PATH: '/usr/local/bin:/usr/bin:/bin' },
        memory: '1g',
        cpus: 1,
        pidsLimit: 200,
      },
      prompt: 'Wait',
      cwd: await tempFolder(),
    });
    await nextEvent(manager, ({ type }) => type === 'session:tool');

    const [container] = JSON.parse(await docker('inspect', `ao-${session.id}-1`));
    const { stdout: processes } = await attempt('ps', ['-eo', 'args']);

    expect(container.HostConfig).toMatchObject({
      AutoRemove: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 200,
      Memory: 1024 ** 3,
      NanoCpus: 1e9,
      Init: true,
    });
    expect(container.Config.Labels).toMatchObject({
      'autonomous-orchestration.session': session.id,
      'autonomous-orchestration.run': '1',
      'autonomous-orchestration.owner': expect.any(String),
    });
    expect(container.Config.Env).toContain('API_TOKEN=secret-value-1');
    expect(processes).toContain(`ao-${session.id}-1`);
    expect(processes).not.toContain('secret-value-1');
    expect(JSON.stringify(manager.get(session.id))).not.toContain('secret-value-1');
    await manager.cancel(session.id);
  });

  it.each([
    ['a path at the end', 'Fix src/index.ts'],
    ['a path at the beginning', './run this'],
    ['the name of a prompt file', 'docs/plan.md'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a placeholder is what is tested
    ['braces of all kinds', 'use {name} and ${name} and \\{x} and {a ? b : c} }{ $'],
    ['quotes, newlines and white space', '  "it\'s"\n\t`x` $(y)\r\n\r\n'],
    ['placeholders of ChannelCoder', 'a\u0001b {x}'],
    ['other scripts', 'héllo 你好 🚀 \u202e'],
    ['an option', '--help'],
  ])('a session receives its prompt byte for byte: %s', async (_, prompt) => {
    const { manager } = await testManager();
    const session = await manager.create({ ...scripted({ prompt: 'sha256' }), prompt, cwd: await tempFolder() });
    const { result } = await manager.waitFor(session.id);
    expect(result?.text).toBe(`SHA256: ${createHash('sha256').update(prompt).digest('hex')}`);
  });

  it('a session runs a prompt file with front matter and data', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    await writeFile(join(cwd, 'task.md'), '---\ninput:\n  name: string\nsystemPrompt: Be brief.\n---\nGreet {name}.\n');
    const session = await manager.create({
      ...scripted({ history: true }),
      promptFile: 'task.md',
      data: { name: 'Ada' },
      cwd,
    });
    const { result } = await manager.waitFor(session.id);
    expect(result?.text).toContain('Greet Ada.');
  });

  it('a session that reaches maxTurns fails and names that as the reason', async () => {
    const { manager } = await testManager();
    const options = scripted(bash('true'), bash('true'), bash('true'), { text: 'never said' });
    const session = await manager.create({ ...options, prompt: 'Go on', cwd: await tempFolder(), maxTurns: 2 });
    expect(await manager.waitFor(session.id)).toMatchObject({ status: 'failed', result: { reason: 'max_turns' } });
  });

  it.each([
    ['without changes', engine.image],
    ['that was set up without a firewall', 'orchestration-set-up-without-firewall'],
  ])(
    'a session fails with the error of the entrypoint if its firewall is missing, in an image %s',
    async (_, image) => {
      if (image !== engine.image) {
        const container = await docker('create', '--label', 'autonomous-orchestration.test', engine.image);
        await docker('commit', '--change', 'ENV DISABLE_FIREWALL=true', container, image);
        await docker('rm', container);
        onTestFinished(async () => void (await docker('image', 'rm', image)));
      }
      const { manager } = await testManager();
      const { docker: options } = scripted({ text: 'never said' });
      const session = await manager.create({
        docker: { ...options, image, firewall: true },
        prompt: 'Go',
        cwd: await tempFolder(),
      });
      const ended = await manager.waitFor(session.id);
      expect(ended).toMatchObject({ status: 'failed', result: { exitCode: 1 } });
      expect(ended.result?.error).toMatch(/firewall/i);
      expect(ended.metadata.diagnostics.join('\n')).toMatch(/firewall/i);
      await containersGone(ended);
    },
  );

  it('failed tool calls are recorded with their severity', async () => {
    const { manager } = await testManager({ policy: { dangerous: 'allow' } });
    const options = scripted(
      { tool: 'Read', input: { file_path: '/workspace/missing.txt' } },
      bash('exit 3'),
      bash('cat /etc/shadow'),
      { text: 'None of it worked.' },
    );
    const session = await manager.create({ ...options, prompt: 'Try', cwd: await tempFolder() });
    const { metadata, status } = await manager.waitFor(session.id);
    expect(status).toBe('completed');
    expect(metadata.errors.map(({ severity, code }) => `${severity} ${code}`)).toEqual([
      'warning file_not_found',
      'warning command_failed',
      'critical permission_denied',
    ]);
    expect(metadata.toolsUsed.map(({ outcome }) => outcome)).toEqual(['error', 'error', 'error']);
  });

  it('calls of a subagent are recorded with the call that started it', async () => {
    const { manager } = await testManager();
    const task = { description: 'Look', prompt: 'Look around in detail', subagent_type: 'general-purpose' };
    const options = scripted(
      { tool: 'Task', input: task, script: [bash('ls'), { text: 'I looked.' }] },
      { text: 'It looked.' },
    );
    const session = await manager.create({ ...options, prompt: 'Delegate', cwd: await tempFolder() });
    const { metadata } = await manager.waitFor(session.id);
    const [outer, inner] = metadata.toolsUsed;
    expect(outer).toMatchObject({ name: 'Task', outcome: 'ok' });
    expect(inner).toMatchObject({ name: 'Bash', outcome: 'ok', parentToolUseId: outer?.id });
  });

  it('a session has an SSH key only if its options give one', async () => {
    const { manager } = await testManager();
    const cwd = await tempFolder();
    const key = join(await tempFolder(), 'deploy-key');
    await writeFile(key, 'not really a key\n', { mode: 0o644 });
    const look = scripted(bash('ls -la ~/.ssh /run/autonomous-orchestration 2>&1; echo "[$GIT_SSH_COMMAND]"'), {
      text: 'ok',
    });
    const outputs: string[] = [];
    manager.on('session:tool-result', ({ output }) => outputs.push(output));

    for (const ssh of [false, { keyFile: key }] as const) {
      const session = await manager.create({ docker: { ...look.docker, ssh }, prompt: 'Look', cwd });
      await manager.waitFor(session.id);
    }

    expect(outputs[0]).toContain('[]');
    expect(outputs[1]).toContain('ssh-key');
    expect(outputs[1]).toContain('-o IdentitiesOnly=yes');
  });

  it('the folder and the log of a session are readable for their owner only', async () => {
    const { manager, stateDir } = await testManager();
    const session = await manager.create({ ...scripted({ text: 'ok' }), prompt: 'x', cwd: await tempFolder() });
    const { logFile } = await manager.waitFor(session.id);
    expect((await stat(join(stateDir, 'sessions', session.id))).mode & 0o777).toBe(0o700);
    expect((await stat(logFile ?? '')).mode & 0o777).toBe(0o600);
    expect(engine.host).toMatch(/^unix:/);
  });
});
