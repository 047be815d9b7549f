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

describe('the files of the guard hook', () => {
  it('guard files can be used by any user of an image, whatever the umask is', async () => {
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const files = await guardFiles();
    const [managed] = await files.mounts(RUN);
    expect(modeOf(files.requests)).toBe('777');
    expect(modeOf(files.answers)).toBe('755');
    expect(modeOf(join(files.path, 'hook.sh'))).toBe('755');
    expect(modeOf(managed?.source ?? '')).toBe('644');
  });

  it('guard files are created without the requests and answers of an earlier run', async () => {
    const files = await guardFiles();
    writeFileSync(join(files.requests, 'old.json'), '');
    writeFileSync(join(files.answers, 'old'), '');
    await files.create(resolvePolicy());
    expect(requestsOf(files)).toEqual([]);
    expect(readdirSync(files.answers)).toEqual([]);
  });

  it.each<[string, (folder: string) => void]>([
    [
      'more than 1,000 files',
      (folder) => void Array.from({ length: 1_001 }, (_, at) => writeFileSync(join(folder, `${at}`), '')),
    ],
    [
      'folders that are nested more than 50 deep',
      (folder) => void mkdirSync(join(folder, ...Array.from({ length: 51 }, () => 'a')), { recursive: true }),
    ],
  ])('guard files are removed by a separate rm program if the agent has created %s', async (_, make) => {
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

  it('guard files are also removed if the rm program fails', async () => {
    const failed = programCalled('rm', 'exit 1');
    const files = await guardFiles();
    mkdirSync(join(files.requests, ...Array.from({ length: 51 }, () => 'a')), { recursive: true });
    await files.remove();
    expect([existsSync(files.path), failed()]).toEqual([false, true]);
  });

  it('only the requests folder of the guard is mounted writable', async () => {
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

  it('managed settings call the hook for every event and tool, and no other settings can add hooks', async () => {
    const files = await guardFiles();
    const [managed, script] = await files.mounts(RUN);
    const content = settings(managed?.source ?? '');
    expect(content).toMatchObject({
      allowManagedHooksOnly: true,
      disableAllHooks: false,
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
    expect(Object.keys(calls)).toEqual(['SessionStart', 'PreToolUse', 'PostToolUse', 'PostToolUseFailure', 'Stop']);
    for (const [event, [{ matcher, hooks }]] of Object.entries(calls)) {
      expect(matcher).toBe(event === 'SessionStart' ? 'startup|resume' : '*');
      expect(hooks[0]).toMatchObject({
        type: 'command',
        command: `'/usr/bin/env' '-i' 'PATH=/image/bin' '/bin/sh' '${script?.target}' '${event}' '/run/autonomous-orchestration' || exit ${event === 'PreToolUse' ? 2 : 1}`,
      });
      // Claude Code lets a call pass if its hook times out. The longest approval takes a day, so the timeout is longer.
      expect(hooks[0].timeout).toBeGreaterThan(86_400);
      // Node's timers cannot run longer.
      expect(Number(hooks[0].timeout) * 1_000).toBeLessThan(2 ** 31);
    }
  });

  it('settings for a run without a container name the hook file by its quoted path', async () => {
    const files = await guardFiles();
    const content = settings(await files.hostSettings(RUN));
    expect(content).not.toHaveProperty('allowManagedHooksOnly');
    expect(content).toMatchObject({ disableSkillShellExecution: true });
    expect(content.hooks.PreToolUse?.[0].hooks[0].command).toBe(
      `'/usr/bin/env' '-i' 'PATH=/image/bin' '/bin/sh' '${join(files.path, 'hook.sh')}' 'PreToolUse' '${files.path}' || exit 2`,
    );
  });
});

describe('a hook that cannot ask the process', () => {
  it.each([
    ['PreToolUse', 2],
    ['Stop', 1],
  ] as const)('a hook of %s ends with exit code %s if its request cannot be written', async (event, code) => {
    const files = await guardFiles();
    rmSync(files.requests, { recursive: true });
    writeFileSync(files.requests, '');
    writeFileSync(join(files.answers, 'steer'), ''); // Without this flag, a Stop hook does not ask.
    const exit = await runHook(files, event);
    expect(exit).toMatchObject({ code, stdout: '' });
    expect(exit.stderr).toContain('The guard of this session could not be asked: the request cannot be written');
  });

  it('a hook of PreToolUse ends with exit code 2 if the requests folder is missing', async () => {
    const files = await guardFiles();
    rmSync(files.requests, { recursive: true });
    expect(await runHook(files, 'PreToolUse')).toMatchObject({ code: 2, stdout: '' });
  });

  it('a hook of PreToolUse ends with exit code 2 if its answer cannot be read', async () => {
    const files = await guardFiles();
    const hook = startHook(files, 'PreToolUse');
    await waits(files);
    const [name = ''] = requestsOf(files);
    // Root can read every file, but not a folder.
    mkdirSync(join(files.answers, name.replace('.json', '')));
    const exit = await hook.exit;
    expect(exit).toMatchObject({ code: 2, stdout: '' });
    expect(exit.stderr).toContain('the answer cannot be read');
  });
});

describe('a hook that gets a signal while it waits', () => {
  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    'a hook that is ended by %s denies its tool call',
    async (signal) => {
      const files = await guardFiles();
      const { child, exit } = startHook(files, 'PreToolUse');
      await waits(files);
      child.kill(signal);
      expect(await exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('the hook was ended') });
    },
  );

  it('a Stop hook that is ended by a signal does not keep Claude Code from stopping', async () => {
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

  it('a hook without an answer denies its call after the longest possible approval time', async () => {
    const exit = await runHook(await guardFiles(SHORT), 'PreToolUse', { sleep: ':' });
    expect(exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no process answers') });
  });

  it('a hook without an answer lets its call pass if the policy sets onHostLost to allow', async () => {
    const files = await guardFiles({ ...SHORT, onHostLost: 'allow' });
    expect(await runHook(files, 'PreToolUse', { sleep: ':' })).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('a hook without an answer denies its call despite onHostLost if a person was already asked', async () => {
    const files = await guardFiles({ ...SHORT, onHostLost: 'allow' });
    // The process marks that a person was asked, and dies.
    const sleep = ': > "$answers/$id.asked"';
    const exit = await runHook(files, 'PreToolUse', { sleep });
    expect(exit).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('no process answers') });
  });

  it('each sign of life of the process restarts the waiting time of a hook', async () => {
    const files = await guardFiles(SHORT);
    const sleep = `n=$((n + 1)); echo $n > "$answers/slept"
      [ $((n % 250)) -ne 0 ] || [ $n -gt 750 ] || echo $n > "$answers/$id.beat"`;
    const exit = await runHook(files, 'PreToolUse', { sleep });
    expect(exit).toMatchObject({ code: 2, stderr: expect.stringContaining('no process answers') });
    // Without signs of life, the hook sleeps about 300 times.
    expect(Number(readFileSync(join(files.answers, 'slept'), 'utf8'))).toBeGreaterThan(1_000);
  });

  it.each(['deny', 'allow'] as const)(
    'a Stop hook without an answer lets Claude Code stop if onHostLost is: %s',
    async (onHostLost) => {
      const files = await guardFiles({ ...SHORT, onHostLost });
      expect(await runHook(files, 'Stop', { sleep: ':' })).toEqual({ code: 0, stdout: '', stderr: '' });
    },
  );
});

describe('after a tool call', () => {
  it.each(['PostToolUse', 'PostToolUseFailure'] as const)(
    'a hook reports a finished call and does not wait for an answer if no message waits (%s)',
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
  /** Runs the hook as Claude Code does: by a shell, with an environment that settings of the workspace can change. */
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
      // Renamed in one step, as the process does: the hook takes an empty answer for a yes.
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
  )('%s: a hook is neither answered nor changed by the variables %s', async (_, __, shell, env) => {
    const { answer, exit } = await run(shell, { PATH: '/usr/bin:/bin', ...env } as Record<string, string>);
    await answer('{"hookSpecificOutput":{}}');
    expect(await exit).toEqual({ code: 2, stdout: '{"hookSpecificOutput":{}}' });
  });

  it.each(SHELLS)('%s: a hook lets its call pass if the process allows the call', async (_, shell) => {
    const { answer, exit } = await run(shell, {});
    await answer('');
    expect(await exit).toEqual({ code: 0, stdout: '' });
  });

  it.each(SHELLS)('%s: a hook whose shell is killed denies its call', async (_, shell) => {
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
