import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requireSafeSettings } from '../../../../src/core/orchestration/guard/workspace-settings.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const TRACE = '{"env":{"LD_TRACE_LOADED_OBJECTS":"1"}}';

function workspaceWith(content: string | Buffer, file = 'settings.json'): string {
  const workspace = realpathSync(tempFolder());
  mkdirSync(join(workspace, '.claude'));
  writeFileSync(join(workspace, '.claude', file), content);
  return workspace;
}

describe('a workspace with unsafe settings', () => {
  it.each<[string, string | Buffer, string?]>([
    ['keep the loader from running any program', TRACE],
    ['do so in settings.local.json', TRACE, 'settings.local.json'],
    ['make the loader write into the output of hooks', '{ "env" : { "LD_SHOW_AUXV" : "" } }'],
    ['lead Claude Code to another configuration folder', '{"env":{"CLAUDE_CONFIG_DIR":"/workspace/c"}}'],
    ['contain an unsafe variable in escapes', String.raw`{"env":{"\u004cD_TRACE_LOADED_OBJECT\u0053":"1"}}`],
    ['begin with a byte order mark and a comment', `\uFEFF// x\n${TRACE}`],
    ['are UTF-16', Buffer.from(`\uFEFF${TRACE}`, 'utf16le')],
    ['are too long to be checked', `${' '.repeat(2 ** 20)}${TRACE}`],
  ])('a workspace is refused if its settings %s', async (_, content, file) => {
    const error = await errorOf(requireSafeSettings(workspaceWith(content, file)), 'UNSAFE_SETTINGS');
    expect(error.message).toContain(`.claude/${file ?? 'settings.json'}`);
  });

  it('a workspace is refused if its settings are a FIFO', async () => {
    const workspace = workspaceWith('');
    rmSync(join(workspace, '.claude/settings.json'));
    execFileSync('mkfifo', [join(workspace, '.claude/settings.json')]);
    await errorOf(requireSafeSettings(workspace), 'UNSAFE_SETTINGS');
  });

  it('a workspace is refused if its settings are a link to unsafe settings in the workspace', async () => {
    const workspace = workspaceWith(TRACE, 'other.json');
    symlinkSync('other.json', join(workspace, '.claude/settings.json'));
    await errorOf(requireSafeSettings(workspace), 'UNSAFE_SETTINGS');
  });
});

describe('a workspace with safe settings', () => {
  it.each([
    [
      'set variables that managed settings overwrite',
      '{"env":{"LD_PRELOAD":"/workspace/x.so","NODE_OPTIONS":"--inspect"}}',
    ],
    ['only mention an unsafe variable', '{"permissions":{"deny":["Bash(env LD_TRACE_LOADED_OBJECTS=1 *)"]}}'],
    ['are not JSON', '{'],
  ])('a workspace is accepted if its settings %s', async (_, content) => {
    await requireSafeSettings(workspaceWith(content));
  });

  it('a workspace is accepted if its settings are missing or a link out of the workspace', async () => {
    await requireSafeSettings(realpathSync(tempFolder()));
    const workspace = workspaceWith('{}');
    const elsewhere = join(tempFolder(), 'settings.json');
    writeFileSync(elsewhere, TRACE);
    symlinkSync(elsewhere, join(workspace, '.claude/settings.local.json'));
    await requireSafeSettings(workspace);
  });
});
