import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Messages, RunHooks } from '../../src/core/orchestration/contract/run-hooks.js';
import { Mailbox } from '../../src/core/orchestration/mailbox/mailbox.js';
import { MailboxFiles } from '../../src/core/orchestration/mailbox/mailbox-files.js';
import type { Verdict } from '../../src/core/orchestration/session/policy.js';
import { resolvePolicy, type ToolPolicy } from '../../src/core/orchestration/session/policy.js';
import { tempFolder } from './temp-folder.js';

/** The guard's files, as a run has them. */
export async function guardFiles(policy: ToolPolicy = {}, tellsTurns = false): Promise<MailboxFiles> {
  const files = new MailboxFiles(join(tempFolder(), 'guard'), tellsTurns);
  await files.create(resolvePolicy(policy));
  return files;
}

/** The process's side of a hook. The test sets its decisions. */
export class FakeHost implements RunHooks {
  readonly calls: Parameters<RunHooks['beforeTool']>[0][] = [];
  /** What `afterTool` was called with. */
  readonly reports: Parameters<RunHooks['afterTool']>[0][] = [];
  /** Conversations that asked for messages. */
  readonly ears: string[] = [];
  messages: string[] = [];
  readonly turns: string[] = [];
  readonly commands: Parameters<RunHooks['command']>[] = [];
  obey: RunHooks['command'] = async () => ({ exitCode: 0, text: '' });
  /** Answers that carried messages and were written. */
  readonly given: string[] = [];
  decide: (call: Parameters<RunHooks['beforeTool']>[0]) => Promise<Verdict> = async () => ({ allowed: true });
  #told: (waiting: boolean) => void = () => {};

  beforeTool(call: Parameters<RunHooks['beforeTool']>[0]): Promise<Verdict> {
    this.calls.push(call);
    return this.decide(call);
  }

  async afterTool(call: Parameters<RunHooks['afterTool']>[0]): Promise<void> {
    this.reports.push(call);
  }

  async takeMessages(conversationId: string, answer: string): Promise<Messages | undefined> {
    this.ears.push(conversationId);
    const texts = this.messages;
    if (texts.length === 0) return undefined;
    this.#told(false);
    this.messages = [];
    return { texts, given: () => void this.given.push(answer), returned: () => void this.messages.unshift(...texts) };
  }

  onMessages(listener: (waiting: boolean) => void): void {
    this.#told = listener;
    if (this.messages.length > 0) listener(true);
  }

  async beforeTurn(): Promise<void> {
    this.turns.push('begins');
  }

  async afterTurn(): Promise<void> {
    this.turns.push('ended');
  }

  async command(...asked: Parameters<RunHooks['command']>): ReturnType<RunHooks['command']> {
    this.commands.push(asked);
    return this.obey(...asked);
  }

  say(...messages: string[]): void {
    this.messages.push(...messages);
    this.#told(true);
  }
}

/** A mailbox that answers until the test ends. */
export async function answering(files: MailboxFiles, hooks: RunHooks): Promise<Mailbox> {
  const channel = new Mailbox(files, hooks);
  await channel.start();
  onTestFinished(() => channel.close());
  return channel;
}

export interface HookExit {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A run of the hook in the shell of this machine. */
export interface Hook {
  child: ChildProcess;
  exit: Promise<HookExit>;
}

type HookEvent =
  | 'SessionStart'
  | 'PreToolUse'
  | 'PostToolUse'
  | 'PostToolUseFailure'
  | 'Stop'
  | 'StopFailure'
  | 'UserPromptSubmit';

/** The input that Claude Code gives its hooks. */
export function hookInput(event: HookEvent, change: object = {}): object {
  return {
    session_id: '11111111-2222-4333-8444-555555555555',
    hook_event_name: event,
    tool_name: 'Bash',
    tool_input: { command: 'ls' },
    tool_use_id: 'toolu_1',
    ...change,
  };
}

/** Calls the hook as Claude Code does. `sleep` is a shell command that replaces the hook's `sleep`, so that no time passes. */
export function startHook(
  files: MailboxFiles,
  event: HookEvent,
  { input = hookInput(event), sleep }: { input?: object | string; sleep?: string } = {},
): Hook {
  const script = join(files.path, 'hook.sh');
  const turns = files.tellsTurns ? ['turns'] : [];
  const args = sleep === undefined ? [script] : ['-c', `sleep() { ${sleep}; }; . "$0"`, script];
  const child = spawn('/bin/sh', [...args, event, files.path, ...turns], { stdio: ['pipe', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const collected = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      collected[name] += chunk;
    });
  }
  const exit = new Promise<HookExit>((resolve) => child.on('close', (code) => resolve({ code, ...collected })));
  child.stdin?.on('error', () => {}); // A hook that ends at once may not read its input.
  child.stdin?.end(typeof input === 'string' ? input : JSON.stringify(input));
  return { child, exit };
}

/** Calls the hook and waits for its end. */
export function runHook(...args: Parameters<typeof startHook>): Promise<HookExit> {
  return startHook(...args).exit;
}

/** A new name for a request, in the hook's format. */
export function requestName(): string {
  return `${randomUUID()}.json`;
}
