import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { MailboxFiles } from '../../../../src/core/orchestration/mailbox/mailbox-files.js';
import { resolvePolicy } from '../../../../src/core/orchestration/session/policy.js';
import { eventually } from '../../../support/eventually.js';
import { guardFiles, hookInput, runHook, startHook } from '../../../support/hook.js';
import { tempFolder } from '../../../support/temp-folder.js';

const RUN = {
  env: { PATH: '/image/bin', LD_LIBRARY_PATH: '/image/lib', HOME: '/root' },
  off: ['Workflow', 'schedule'],
};
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
const requestsOf = (files: MailboxFiles): string[] => readdirSync(files.requests);
const waits = (files: MailboxFiles): Promise<unknown> =>
  eventually(() => expect(requestsOf(files)).toEqual([expect.stringMatching(/^[0-9a-f-]{36}\.json$/)]));
const settings = (path: string): { hooks: Record<string, [{ matcher: string; hooks: [Record<string, unknown>] }]> } =>
  JSON.parse(readFileSync(path, 'utf8'));

/** Puts a program in front of the system's own. @returns whether it was called */
function programCalled(name: string, script: string): () => boolean {
  const folder = tempFolder();
  const called = join(folder, 'called');
  writeFileSync(join(folder, name), `#!/bin/sh\n: > '${called}'\n${script}\n`);
  chmodSync(join(folder, name), 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env.PATH}`);
  onTestFinished(() => void vi.unstubAllEnvs());
  return () => existsSync(called);
}

describe('the files of a guard', () => {
  it('can be used by any user of an image, whatever the umask', async () => {
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const files = await guardFiles();
    const [managed] = await files.mounts(RUN);
    expect(modeOf(files.requests)).toBe('777');
    expect(modeOf(files.answers)).toBe('755');
    expect(modeOf(join(files.path, 'hook.sh'))).toBe('755');
    expect(modeOf(managed?.source ?? '')).toBe('644');
  });

  it('are made anew, with nothing left of an earlier run', async () => {
    const files = await guardFiles();
    writeFileSync(join(files.requests, 'old.json'), '');
    writeFileSync(join(files.answers, 'old'), '');
    await files.create(resolvePolicy());
    expect(requestsOf(files)).toEqual([]);
    expect(readdirSync(files.answers)).toEqual([]);
  });

  it.each<[string, (folder: string) => void]>([
    ['many names', (folder) => void Array.from({ length: 1_001 }, (_, at) => writeFileSync(join(folder, `${at}`), ''))],
    ['folders', (folder) => void mkdirSync(join(folder, 'a/b'), { recursive: true })],
  ])('are removed by a process of its own where an agent has made %s: it may have made millions', async (_, make) => {
    const removed = programCalled('rm', '/bin/rm "$@"');
    const files = await guardFiles();
    writeFileSync(join(files.requests, 'left.json'), '');
    await files.remove();
    expect([existsSync(files.path), removed()]).toEqual([false, false]);
    await files.create(resolvePolicy());
    make(files.requests);
    await files.remove();
    expect([existsSync(files.path), removed()]).toEqual([false, true]);
  });

  it('are removed where there is no such program, too', async () => {
    const failed = programCalled('rm', 'exit 1');
    const files = await guardFiles();
    mkdirSync(join(files.requests, 'folder'));
    await files.remove();
    expect([existsSync(files.path), failed()]).toEqual([false, true]);
  });

  it('are mounted so that the agent can write nothing but requests', async () => {
    const files = await guardFiles();
    const mounts = await files.mounts(RUN);
    expect(mounts.map(({ target, readonly }) => [target, readonly])).toEqual([
      ['/etc/claude-code/managed-settings.json', true],
      ['/etc/claude-code/autonomous-orchestration.sh', true],
      ['/run/autonomous-orchestration/requests', false],
      ['/run/autonomous-orchestration/answers', true],
    ]);
    for (const { source } of mounts) expect(lstatSync(source).isSymbolicLink()).toBe(false);
  });

  it('have managed settings that no others add hooks to, and that call the hook on every event and tool', async () => {
    const files = await guardFiles();
    const [managed, script] = await files.mounts(RUN);
    const content = settings(managed?.source ?? '');
    expect(content).toMatchObject({
      allowManagedHooksOnly: true,
      disableSkillShellExecution: true,
      env: {
        CLAUDE_CODE_SIMPLE: '',
        LD_PRELOAD: '',
        LD_LIBRARY_PATH: '/image/lib',
        CLAUDE_CODE_DISABLE_BACKGROUND_TASKS: '1',
      },
      permissions: { deny: ['Workflow'] },
    });
    const { ConfigChange, ...calls } = content.hooks;
    expect(ConfigChange).toEqual([{ matcher: '^(?!skills$)', hooks: [{ type: 'command', command: 'exit 2' }] }]);
    expect(Object.keys(calls)).toEqual(['PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'Stop']);
    for (const [event, [{ matcher, hooks }]] of Object.entries(calls)) {
      expect(matcher).toBe('*');
      expect(hooks[0]).toMatchObject({
        type: 'command',
        command: `'/usr/bin/env' '-i' 'PATH=/image/bin' '/bin/sh' '${script?.target}' '${event}' '/run/autonomous-orchestration' || exit ${event === 'PreToolUse' ? 2 : 1}`,
      });
      // Claude lets a call pass whose hook takes too long: longer than a day, which is the longest approval.
      expect(hooks[0].timeout).toBeGreaterThan(86_400);
      // Node's timers end there.
      expect(Number(hooks[0].timeout) * 1_000).toBeLessThan(2 ** 31);
    }
  });

  it('have settings for the host that name the very files, quoted', async () => {
    const files = await guardFiles();
    const content = settings(await files.hostSettings(RUN));
    expect(content).not.toHaveProperty('allowManagedHooksOnly');
    expect(content).toMatchObject({ disableSkillShellExecution: true });
    expect(content.hooks.PreToolUse?.[0].hooks[0].command).toBe(
      `'/usr/bin/env' '-i' 'PATH=/image/bin' '/bin/sh' '${join(files.path, 'hook.sh')}' 'PreToolUse' '${files.path}' || exit 2`,
    );
  });
});

describe('a hook that cannot ask', () => {
  it.each([
    ['PreToolUse', 2],
    ['Stop', 1],
  ] as const)('ends %s with %s where the folder of requests cannot be written', async (event, code) => {
    const files = await guardFiles();
    rmSync(files.requests, { recursive: true });
    writeFileSync(files.requests, '');
    writeFileSync(join(files.answers, 'steer'), ''); // Without which the end of a run asks nobody.
    const exit = await runHook(files, event);
    expect(exit).toMatchObject({ code, stdout: '' });
    expect(exit.stderr).toContain('The guard of this session could not be asked: the request cannot be written');
  });

  it('ends PreToolUse with 2 where there is no folder at all', async () => {
    const files = await guardFiles();
    rmSync(files.requests, { recursive: true });
    expect(await runHook(files, 'PreToolUse')).toMatchObject({ code: 2, stdout: '' });
  });

  it('ends PreToolUse with 2 where the answer cannot be read', async () => {
    const files = await guardFiles();
    const hook = startHook(files, 'PreToolUse');
    await waits(files);
    const [name = ''] = requestsOf(files);
    // Root can read anything but a folder.
    mkdirSync(join(files.answers, name.replace('.json', '')));
    const exit = await hook.exit;
    expect(exit).toMatchObject({ code: 2, stdout: '' });
    expect(exit.stderr).toContain('the answer cannot be read');
  });
});

describe('a hook that is ended while it waits', () => {
  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('by %s denies the call', async (signal) => {
    const files = await guardFiles();
    const { child, exit } = startHook(files, 'PreToolUse');
    await waits(files);
    child.kill(signal);
    expect(await exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('the hook was ended') });
  });

  it('does not keep Claude from stopping', async () => {
    const files = await guardFiles();
    writeFileSync(join(files.answers, 'steer'), '');
    const { child, exit } = startHook(files, 'Stop');
    await waits(files);
    child.kill('SIGTERM');
    expect(await exit).toMatchObject({ code: 1, stdout: '' });
  });
});

describe('a hook that no process answers', () => {
  const SHORT = { approvalTimeoutMs: 1_000 };

  it('denies the call when no approval could take longer', async () => {
    const exit = await runHook(await guardFiles(SHORT), 'PreToolUse', { sleep: ':' });
    expect(exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no process answers') });
  });

  it('lets the call pass where the policy says so', async () => {
    const files = await guardFiles({ ...SHORT, onHostLost: 'allow' });
    expect(await runHook(files, 'PreToolUse', { sleep: ':' })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('denies the call all the same where a person was asked already', async () => {
    const files = await guardFiles({ ...SHORT, onHostLost: 'allow' });
    // The host leaves its mark while the hook waits, and is gone.
    const sleep = ': > "$answers/$id.asked"';
    const exit = await runHook(files, 'PreToolUse', { sleep });
    expect(exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no process answers') });
  });

  it('is given all that time anew by each sign of life of its host', async () => {
    const files = await guardFiles(SHORT);
    const sleep = `n=$((n + 1)); echo $n > "$answers/slept"
      [ $((n % 250)) -ne 0 ] || [ $n -gt 750 ] || echo $n > "$answers/$id.beat"`;
    const exit = await runHook(files, 'PreToolUse', { sleep });
    expect(exit).toMatchObject({ code: 2, stderr: expect.stringContaining('no process answers') });
    // Without them it is some 300 times.
    expect(Number(readFileSync(join(files.answers, 'slept'), 'utf8'))).toBeGreaterThan(1_000);
  });

  it.each(['deny', 'allow'] as const)('lets Claude stop, also where lost hosts mean: %s', async (onHostLost) => {
    const files = await guardFiles({ ...SHORT, onHostLost });
    expect(await runHook(files, 'Stop', { sleep: ':' })).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

describe('after a tool call', () => {
  it.each(['PostToolUse', 'PostToolUseFailure'] as const)(
    'what ran is reported, and no answer waited for, where nothing is to be heard (%s)',
    async (event) => {
      const files = await guardFiles();
      expect(await runHook(files, event)).toEqual({ code: 0, stdout: '', stderr: '' });
      const [name = ''] = requestsOf(files);
      expect(name).toMatch(/^[0-9a-f-]{36}\.done$/);
      const report = JSON.parse(readFileSync(join(files.requests, name), 'utf8'));
      expect(report).toEqual(hookInput(event));
    },
  );
});

describe('the command that Claude Code runs for a hook', () => {
  /** As Claude Code runs it: by a shell, with whatever settings of the workspace have put into its environment. */
  async function run(shell: readonly string[], env: Record<string, string>, event = 'PreToolUse', image = RUN) {
    const files = await guardFiles();
    const settingsFile = await files.hostSettings(image);
    const { command } = settings(settingsFile).hooks[event]?.[0].hooks[0] ?? {};
    const [program = '', ...args] = shell;
    const child = spawn(program, [...args, '-c', String(command)], {
      argv0: 'sh',
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stdin.on('error', () => {});
    child.stdin.end(JSON.stringify(hookInput('PreToolUse')));
    const exit = once(child, 'close');
    const answer = async (text: string): Promise<void> => {
      const [name = ''] = await eventually(() => {
        const names = requestsOf(files).filter((request) => request.endsWith('.json'));
        expect(names).toHaveLength(1);
        return names;
      });
      // In one step, as the host does: the hook takes an empty answer for a yes.
      const part = tempFile('answer', text);
      renameSync(part, join(files.answers, name.replace('.json', '')));
    };
    return { files, answer, exit: exit.then(([code]) => ({ code, stdout })), env };
  }

  /** `/bin/sh` is dash in some images, and bash in others. */
  const SHELLS: [string, string[]][] = [
    ['sh', ['/bin/sh']],
    ['bash as sh', ['/bin/bash']],
  ];
  const evil = tempFile('evil.sh', 'echo EVIL; exit 0\n');
  const planted = tempFile('cat', '#!/bin/sh\necho EVIL\n');

  it.each(
    SHELLS.flatMap(([name, shell]) =>
      [
        { SHELLOPTS: '', PS4: '$(echo EVIL >&2)' },
        { BASH_ENV: evil, ENV: evil },
        {
          'BASH_FUNC_cat%%': '() { echo EVIL; }',
          'BASH_FUNC_exit%%': '() { :; }',
          'BASH_FUNC_[%%': '() { echo EVIL; }',
        },
        { 'BASH_FUNC_mv%%': '() { kill -9 $$; }', 'BASH_FUNC_trap%%': '() { :; }' },
        { PATH: join(planted, '..'), IFS: '/', CDPATH: '/tmp' },
        { LC_ALL: 'xx_XX', LANGUAGE: 'xx', TMPDIR: '/nonexistent', HOME: '/nonexistent' },
      ].map((env) => [name, Object.keys(env).join(', '), shell, env] as const),
    ),
  )('%s: is neither answered nor changed by %s', async (_, __, shell, env) => {
    const { answer, exit } = await run(shell, { PATH: '/usr/bin:/bin', ...env } as Record<string, string>);
    await answer('{"hookSpecificOutput":{}}');
    expect(await exit).toEqual({ code: 2, stdout: '{"hookSpecificOutput":{}}' });
  });

  it.each(SHELLS)('%s: lets a call pass only where the host says so', async (_, shell) => {
    const { answer, exit } = await run(shell, {});
    await answer('');
    expect(await exit).toEqual({ code: 0, stdout: '' });
  });

  it.each(SHELLS)('%s: denies the call where its own shell is killed', async (_, shell) => {
    const { exit, files } = await run(shell, {});
    await eventually(() => expect(requestsOf(files)).toHaveLength(1));
    const script = join(files.path, 'hook.sh');
    // The shell that waits is the one whose first argument is the script.
    const inner = readdirSync('/proc').find((pid) => {
      const line =
        /^\d+$/.test(pid) && existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
      return line.split('\0')[1] === script;
    });
    process.kill(Number(inner), 'SIGKILL');
    expect(await exit).toEqual({ code: 2, stdout: '' });
  });
});

function tempFile(name: string, text: string): string {
  const path = join(mkdtempSync(join(tmpdir(), 'hook-files-')), name);
  afterAll(() => rmSync(join(path, '..'), { recursive: true }));
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}
