import { delimiter, join } from 'node:path';
import type { SessionSpec } from '../contract/session-spec.js';
import { type MailboxFiles, MEETING } from '../mailbox/mailbox-files.js';
import { orchestrateScript } from '../mailbox/orchestrate-script.js';
import type { Extras } from './claude-executor.js';
import { UnattendedExecutor, withNote } from './unattended-executor.js';

const COMMAND = 'orchestrate';

const NOTE =
  `You lead other agents: the shell command \`${COMMAND}\` creates sessions below this one and follows them; ` +
  `\`${COMMAND} help\` says how. Each works on its own, in the same workspace unless it is created with a branch of its ` +
  'own, and inherits your limits. What you have not waited for when you end goes on without you.';

/** Runs Claude Code as the leader of other sessions. Its agent creates and follows them with the command `orchestrate`. */
export class OrchestrationExecutor extends UnattendedExecutor {
  readonly mode = 'orchestration';
  override readonly leads = true;

  protected override specFor(spec: SessionSpec): SessionSpec {
    return withNote(spec, NOTE);
  }

  protected override async extras(files: MailboxFiles, docker: boolean): Promise<Extras> {
    const source = await files.writeProgram(COMMAND, orchestrateScript(docker ? MEETING : files.path));
    if (docker) return { mounts: [{ source, target: join('/usr/local/bin', COMMAND), readonly: true }], env: {} };
    return { mounts: [], env: { PATH: [files.programs, this.runtime.env.PATH].filter(Boolean).join(delimiter) } };
  }
}
