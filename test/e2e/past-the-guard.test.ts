import { existsSync } from 'node:fs';
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CreateSessionOptions } from 'autonomous-orchestration';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isKnownTool, toolsOff } from '../../src/core/orchestration/guard/claude-tools.js';
import { attempt, bash, docker, type ModelTurn, RELEASES, scripted, tempFolder, testManager } from './support.js';

/** The goal of every attack: a call that policy denies. */
const FORBIDDEN: ModelTurn = { tool: 'Write', input: { file_path: '/workspace/forbidden', content: 'x' } };
const policy = {
  rules: [
    { tool: 'Write', matches: /^\/workspace\/forbidden$/, decision: 'deny' as const, reason: 'Not that.' },
    { tool: 'Bash', matches: /forbidden/, decision: 'deny' as const, reason: 'Not that.' },
  ],
  dangerous: 'allow' as const,
};
const settings = (env: object): string => JSON.stringify({ env });
const BACKGROUND = settings({ CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '', CLAUDE_AUTO_BACKGROUND_TASKS: '1' });

/** A library that answers instead of the hook, see `fixtures/forged-answer.c`. */
async function forgedAnswer(): Promise<string> {
  const library = join(await tempFolder(0), 'forged.so');
  const source = join(import.meta.dirname, 'fixtures/forged-answer.c');
  const { stdout } = await attempt('gcc', ['-print-file-name=libc.so.6']);
  const built = await attempt('gcc', ['-shared', '-fPIC', '-nostdlib', '-o', library, source, stdout.trim()]);
  expect(built).toMatchObject({ code: 0 });
  return library;
}

/** A workspace with files that belong to the agent. */
async function workspaceWith(files: Record<string, string | Buffer>): Promise<string> {
  const cwd = await tempFolder();
  for (const [path, content] of Object.entries(files)) {
    const folder = join(cwd, path, '..');
    await mkdir(folder, { recursive: true });
    await writeFile(join(cwd, path), content);
    for (const made of [folder, join(cwd, path)]) await chown(made, 1000, 1000);
  }
  return cwd;
}

async function runs(image: string, cwd: string, turns: ModelTurn[], options: Partial<CreateSessionOptions> = {}) {
  const { manager } = await testManager({ policy });
  const outputs: string[] = [];
  manager.on('session:tool-result', ({ output }) => outputs.push(output));
  const { docker: given } = scripted(...turns);
  const { id } = await manager.create({ prompt: 'Go', cwd, ...options, docker: { ...given, image } });
  const ended = await manager.waitFor(id);
  return {
    ended,
    outputs,
    forbidden: existsSync(join(cwd, 'forbidden')),
    outcomes: ended.metadata.toolsUsed.map(({ name, outcome }) => `${name} ${outcome}`),
  };
}

describe.each(RELEASES)('ways past the guard, with Claude Code $version', ({ image }) => {
  describe('the environment of the hook', () => {
    it.each([
      ['LD_AUDIT', '.claude/settings.json'],
      ['LD_AUDIT', '.claude/settings.local.json'],
      ['LD_PRELOAD', '.claude/settings.json'],
    ])('a library in %s of %s cannot answer for the hook', async (name, file) => {
      const cwd = await workspaceWith({
        [file]: settings({ [name]: '/workspace/forged.so' }),
        'forged.so': await readFile(await forgedAnswer()),
        armed: '',
      });
      const { ended, forbidden, outcomes } = await runs(image, cwd, [bash('ls'), FORBIDDEN, { text: 'Tried.' }]);
      expect(forbidden).toBe(false);
      expect(existsSync(join(cwd, 'armed'))).toBe(true);
      expect(ended).toMatchObject({ status: 'completed', result: { text: 'Tried.' } });
      expect(outcomes).toEqual(['Bash ok', 'Write denied']);
    });

    it.each([
      ['LD_DEBUG', 'help'],
      ['LD_LIBRARY_PATH', '/workspace/lib'],
      ['SHELLOPTS', 'noexec'],
      ['GLIBC_TUNABLES', 'glibc.malloc.check=3'],
      ['BASH_FUNC_cat%%', '() { exit 0; }'],
      ['PATH', '/workspace/bin:/usr/local/bin:/usr/bin:/bin'],
      ['CLAUDE_CODE_SHELL_PREFIX', '/workspace/bin/cat'],
      ['CLAUDE_CODE_SIMPLE', '1'],
    ])('%s=%s in the settings does not keep the hook from asking', async (name, value) => {
      const cwd = await workspaceWith({
        '.claude/settings.json': settings({ [name]: value }),
        'lib/libc.so.6': 'no library',
        'bin/cat': '#!/bin/sh\nexit 0\n',
      });
      const { forbidden, outcomes } = await runs(image, cwd, [FORBIDDEN, { text: 'Tried.' }]);
      expect([forbidden, outcomes]).toEqual([false, ['Write denied']]);
    });

    it.each(['LD_TRACE_LOADED_OBJECTS', 'LD_SHOW_AUXV', 'CLAUDE_CONFIG_DIR'])(
      'a workspace whose settings set %s is refused before the agent starts',
      async (name) => {
        const cwd = await workspaceWith({ '.claude/settings.json': settings({ [name]: '1' }) });
        const { ended, forbidden } = await runs(image, cwd, [FORBIDDEN]);
        expect(forbidden).toBe(false);
        expect(ended).toMatchObject({ status: 'failed', result: { reason: 'UNSAFE_SETTINGS' } });
        expect(ended.metadata.messages).toBe(0);
      },
    );

    it('settings that the agent writes during its run have no effect', async () => {
      const evil = settings({ LD_TRACE_LOADED_OBJECTS: '1', LATE: 'late' });
      const cwd = await workspaceWith({
        '.claude/settings.json': '{}',
        'arm.sh': `for folder in /workspace/.claude /home/node/.claude; do
          for name in settings.json settings.local.json; do echo '${evil}' > $folder/$name; done
        done
        sleep 5`,
        'look.sh': 'echo "late: $LATE" > /workspace/seen',
      });
      const turns = [bash('sh /workspace/arm.sh'), FORBIDDEN, bash('sh /workspace/look.sh'), { text: 'Tried.' }];
      const { forbidden, outcomes } = await runs(image, cwd, turns);
      expect([forbidden, outcomes]).toEqual([false, ['Bash ok', 'Write denied', 'Bash ok']]);
      expect(await readFile(join(cwd, 'seen'), 'utf8')).toBe('late: \n');
    });
  });

  it('a session is stopped if a deceived hook let another call run than the allowed one', async () => {
    const container = await docker('create', image);
    const deceived = `past-the-guard:${container.slice(0, 12)}`;
    onTestFinished(async () => {
      await docker('rm', '--force', container);
      await docker('rmi', deceived);
    });
    await docker('cp', await forgedAnswer(), `${container}:/opt/forged.so`);
    // Libraries that the image itself loads are not checked; here the library stands for anything that deceives the hook.
    await docker('commit', '--change', 'ENV LD_PRELOAD=/opt/forged.so', container, deceived);
    const turns = [bash('ls'), { text: 'Tried.', delayMs: 60_000 }];
    const { ended, forbidden } = await runs(deceived, await workspaceWith({ armed: '' }), turns);
    expect(forbidden).toBe(true);
    expect(ended).toMatchObject({ status: 'failed', result: { reason: 'guard_bypassed' } });
    expect(ended.metadata.dangers.at(-1)).toMatchObject({ level: 'critical', rule: 'guard.bypassed', tool: 'Bash' });
    expect(ended.result?.error).toContain('as another call than the one that was allowed');
  });

  describe('work of an agent that the log does not show', () => {
    const subagent = (input: object): ModelTurn => ({
      tool: 'Agent',
      input: { description: 'x', prompt: 'do it unseen', ...input },
      script: [FORBIDDEN, { text: 'Tried.' }],
    });

    it.each([
      ['its call asks for it', { subagent_type: 'general-purpose', run_in_background: true }],
      ['its definition asks for it', { subagent_type: 'background' }],
      ['nothing asks for it', { subagent_type: 'general-purpose' }],
    ])('a subagent does not run in the background, whatever the settings say: %s', async (_, input) => {
      const cwd = await workspaceWith({
        '.claude/settings.json': BACKGROUND,
        '.claude/settings.local.json': BACKGROUND,
        '.claude/agents/background.md': '---\nname: background\ndescription: x\nbackground: true\n---\nWork.\n',
      });
      const { forbidden, outcomes, outputs } = await runs(image, cwd, [subagent(input), { text: 'Done.' }]);
      expect(forbidden).toBe(false);
      expect(outcomes).toEqual(['Agent ok', 'Write denied']);
      // The call waits for the subagent, and its result has the last message of the subagent.
      expect(outputs.at(-1)).toContain('Tried.');
    });

    it('a command of the tool Monitor is rated like a command of Bash', async () => {
      const cwd = await workspaceWith({ 'src/a': 'precious' });
      const command = 'rm -rf /workspace/src; touch /workspace/ran';
      const turns = [
        { tool: 'ToolSearch', input: { query: 'select:Monitor' } },
        { tool: 'Monitor', input: { command, description: 'x', timeout_ms: 5_000, persistent: false } },
        { text: 'Tried.' },
      ];
      const { ended } = await runs(image, cwd, turns, { policy: { dangerous: 'deny' } });
      expect([existsSync(join(cwd, 'src/a')), existsSync(join(cwd, 'ran'))]).toEqual([true, false]);
      expect(ended.metadata.toolsUsed.at(-1)).toMatchObject({ name: 'Monitor', danger: { level: 'critical' } });
      expect(ended.metadata.toolsUsed.at(-1)?.outcome).not.toBe('ok');
    });

    it('a workflow does not run unless the options name the tool', async () => {
      const script = `export const meta = { name: 'w', description: 'd' };\nreturn await agent('do it unseen', { label: 'a' });`;
      const cwd = await workspaceWith({});
      const turns = [
        { tool: 'ToolSearch', input: { query: 'select:Workflow' } },
        { tool: 'Workflow', input: { script } },
        { text: 'Tried.' },
      ];
      const { ended } = await runs(image, cwd, turns);
      expect(ended.metadata.toolsUsed.at(-1)).toMatchObject({ name: 'Workflow', outcome: 'error' });
      expect(ended.result?.text).toBe('Tried.');
    });

    it('every tool of the release is known, and tools whose work is not logged are not offered', async () => {
      const [offered, all] = await Promise.all(
        [[], toolsOff()].map(async (tools) => {
          const { ended } = await runs(image, await workspaceWith({}), [{ text: 'Done.' }], { tools });
          const log = await readFile(ended.logFile ?? '', 'utf8');
          const init = log.split('\n').find((line) => line.includes('"subtype":"init"')) ?? '{}';
          return (JSON.parse(init) as { tools: string[] }).tools;
        }),
      );
      expect(all?.filter((tool) => !isKnownTool(tool))).toEqual([]);
      expect(offered).toContain('Bash');
      expect(offered?.filter((tool) => toolsOff().includes(tool))).toEqual([]);
    });
  });
});

it.each(['CLAUDE_CODE_DISABLE_BACKGROUND_TASKS', 'LD_AUDIT', 'CLAUDE_CONFIG_DIR', 'CLAUDE_CODE_SIMPLE'])(
  'a variable in docker.env that could undo the guard is refused: %s',
  async (name) => {
    const { manager } = await testManager();
    const create = manager.create({ prompt: 'Go', cwd: await tempFolder(), docker: { env: { [name]: '' } } });
    await expect(create).rejects.toMatchObject({
      code: 'INVALID_OPTIONS',
      message: expect.stringContaining(`docker.env.${name}`),
    });
  },
);
