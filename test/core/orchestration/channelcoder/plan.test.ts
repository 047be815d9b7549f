// biome-ignore-all lint/suspicious/noTemplateCurlyInString: ChannelCoder's syntax, in plain text
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planRun, planTerminal } from '../../../../src/core/orchestration/channelcoder/plan.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const DOCKER = {
  image: 'my/image:1',
  cwd: '/work',
  mounts: ['/host:/container:ro', '/a:/b'],
  env: { TOKEN: 'secret', IMAGE: 'my/image:1' },
};
const UUID = '1b63e5a1-bdd3-4c2d-a917-dccab5376e2f';

async function commandOf(request: Partial<Parameters<typeof planRun>[0]>): Promise<string[]> {
  const plan = await planRun({ prompt: { text: 'hello' }, logFile: '/log', claude: {}, ...request });
  if (plan.kind !== 'planned') throw new Error('it was not planned');
  return plan.command;
}

describe('the plan of a run in Docker', () => {
  it("the plan is Claude's command alone, without ChannelCoder's docker flags, mounts and variables", async () => {
    expect(await commandOf({ docker: DOCKER })).toEqual([
      'claude',
      '--print',
      '--dangerously-skip-permissions',
      '--output-format',
      'stream-json',
      '--verbose',
    ]);
  });

  it('a system prompt that looks like the name of a file is treated as text', async () => {
    const file = join(tempFolder(), 'secret.md');
    writeFileSync(file, 'HOST SECRET');
    expect(await commandOf({ docker: DOCKER, claude: { system: file } })).toEqual(
      expect.arrayContaining(['--system-prompt', `${file}\n`]),
    );
  });

  it("the plan contains Claude's options", async () => {
    const claude = {
      system: 'You are {terse}.',
      appendSystem: 'Be kind.',
      tools: ['Bash(git *)', 'Read'],
      disallowedTools: ['WebFetch'],
      mcpConfig: '/mcp.json',
      maxTurns: 7,
    };
    const command = await commandOf({ docker: DOCKER, claude });
    const valueAfter = (flag: string): string | undefined => command[command.indexOf(flag) + 1];
    expect(valueAfter('--system-prompt')).toBe('You are {terse}.');
    expect(valueAfter('--append-system-prompt')).toBe('Be kind.');
    expect(valueAfter('--allowedTools')).toBe('Bash(git *),Read');
    expect(valueAfter('--disallowedTools')).toBe('WebFetch');
    expect(valueAfter('--mcp-config')).toBe('/mcp.json');
    expect(valueAfter('--max-turns')).toBe('7');
  });

  it('the plan resumes the requested conversation', async () => {
    const command = await commandOf({ docker: DOCKER, resume: UUID });
    expect(command.slice(0, 4)).toEqual(['claude', '--resume', UUID, '--print']);
  });

  it('the plan resumes no conversation if none is requested, even if runs were planned before', async () => {
    await commandOf({ docker: DOCKER });
    expect(await commandOf({ docker: DOCKER })).not.toContain('--resume');
  });

  it('feedback reaches a resumed conversation, which ChannelCoder alone would not do', async () => {
    const plan = await planRun({ prompt: { text: 'go on' }, resume: UUID, docker: DOCKER, logFile: '/l', claude: {} });
    expect(plan).toMatchObject({ kind: 'planned', stdin: 'go on' });
  });
});

describe('the plan of a run without Docker', () => {
  it('a run without Docker never skips permissions', async () => {
    const command = await commandOf({});
    expect(command).toEqual(['claude', '--print', '--output-format', 'stream-json', '--verbose']);
  });
});

describe('the plan of a prompt file', () => {
  it('data is interpolated, and options are taken from the front matter', async () => {
    const file = join(tempFolder(), 'task.md');
    writeFileSync(file, '---\nallowedTools: [Read]\nsystemPrompt: Short.\n---\nReview {file} for ${who}.\n');
    const prompt = { file, data: { file: 'a.ts', who: 'me' } };
    const plan = await planRun({ prompt, docker: DOCKER, logFile: '/log', claude: {} });
    expect(plan).toMatchObject({ kind: 'planned', stdin: expect.stringContaining('Review a.ts for me.') });
    expect((plan as { command: string[] }).command).toEqual(expect.arrayContaining(['--allowedTools', 'Read']));
    expect((plan as { command: string[] }).command).toEqual(expect.arrayContaining(['--system-prompt', 'Short.']));
  });

  it("the session's own options override the options of the prompt file", async () => {
    const file = join(tempFolder(), 'task.md');
    writeFileSync(file, '---\nallowedTools: [Read]\n---\nGo.\n');
    const command = await commandOf({ prompt: { file, data: {} }, claude: { tools: ['Bash'] } });
    expect(command[command.indexOf('--allowedTools') + 1]).toBe('Bash');
  });

  it('the plan fails with INVALID_OPTIONS if ChannelCoder refuses the data', async () => {
    const file = join(tempFolder(), 'task.md');
    writeFileSync(file, '---\ninput:\n  count: number\n---\n{count}\n');
    const plan = planRun({ prompt: { file, data: { count: 'many' } }, logFile: '/log', claude: {} });
    expect((await errorOf(plan, 'INVALID_OPTIONS')).message).toContain('count: Expected number, received string');
  });

  it('the plan fails with LAUNCH_FAILED if the prompt file is gone', async () => {
    const file = join(tempFolder(), 'gone.md');
    const plan = planRun({ prompt: { file, data: {} }, logFile: '/log', claude: {} });
    expect((await errorOf(plan, 'LAUNCH_FAILED')).message).toContain('gone.md');
  });
});

describe('the plan of a terminal session', () => {
  const hello = { prompt: { text: 'hello' }, claude: {} };

  it("the plan is Claude's command for its terminal UI alone, with a separate prompt", async () => {
    expect(await planTerminal({ ...hello, docker: DOCKER })).toEqual({
      command: ['claude', '--dangerously-skip-permissions'],
      prompt: 'hello',
    });
  });

  it('a terminal session without Docker never skips permissions', async () => {
    expect(await planTerminal(hello)).toEqual({ command: ['claude'], prompt: 'hello' });
  });

  it('the plan of a terminal session resumes only a requested conversation', async () => {
    const { command } = await planTerminal({ ...hello, resume: UUID, docker: DOCKER });
    expect(command).toEqual(expect.arrayContaining(['--resume', UUID]));
    expect((await planTerminal({ ...hello, docker: DOCKER })).command).not.toContain('--resume');
  });

  it.each(['{x} ${y} {{z}}', "it's $(touch x) `y` \\ \n#!", '/help', '--help', '-', ' ', '```\n---\na: b\n---\n'])(
    'a literal prompt is kept unchanged, outside of the command: %j',
    async (text) => {
      const { command, prompt } = await planTerminal({ ...hello, prompt: { text }, docker: DOCKER });
      expect(prompt).toBe(text);
      expect(command).not.toContain(text);
    },
  );

  it("the plan contains Claude's options and the prompt file with its data", async () => {
    const file = join(tempFolder(), 'task.md');
    writeFileSync(file, '---\nallowedTools: [Read]\n---\nReview {file}.\n');
    const plan = await planTerminal({
      prompt: { file, data: { file: 'a.ts' } },
      docker: DOCKER,
      claude: { appendSystem: 'Be kind.', disallowedTools: ['WebFetch'] },
    });
    expect(plan.prompt).toContain('Review a.ts.');
    expect(plan.command).toEqual(
      expect.arrayContaining(['--allowedTools', 'Read', '--append-system-prompt', 'Be kind.', 'WebFetch']),
    );
  });

  it('the plan of a terminal session contains no variables and no mounts', async () => {
    expect(JSON.stringify(await planTerminal({ ...hello, docker: DOCKER }))).not.toMatch(/secret|\/host|--rm|-it/);
  });
});
