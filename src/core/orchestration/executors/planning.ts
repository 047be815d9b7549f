import { join } from 'node:path';
import type { EndedRun } from '../contract/executor.js';
import type { SessionSpec } from '../contract/session-spec.js';
import type { SessionResult } from '../session/record.js';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { UnattendedExecutor, withNote } from './unattended-executor.js';

/** Claude's tools that do nothing but change files. */
const EDITING_TOOLS = ['Edit', 'MultiEdit', 'NotebookEdit', 'Write'];
/** Refused only without a container: then the workspace is not mounted read-only, and a shell could change it. */
const SHELL_TOOLS = ['Bash'];

const NOTE =
  'You are asked for a plan, not for changes: the workspace is read-only. Look at what you need to know, and give the ' +
  'complete plan as your last message, so that somebody else can carry it out who has not seen this conversation.';

/**
 * Runs Claude Code to make a plan. The workspace is mounted read-only, and editing tools are refused. Claude's last message is
 * the plan. The plan is in the result, and in the file `plan.md` in the session's folder. Without a container (`docker: false`),
 * Claude's shell is refused, too.
 */
export class PlanningExecutor extends UnattendedExecutor {
  readonly mode = 'planning';
  protected override readonly readOnly = true;

  protected override specFor(spec: SessionSpec): SessionSpec {
    const { claude, docker } = spec;
    const { disallowedTools = [] } = claude;
    const refused = docker === false ? [...EDITING_TOOLS, ...SHELL_TOOLS] : EDITING_TOOLS;
    return withNote(
      { ...spec, claude: { ...claude, disallowedTools: [...new Set([...disallowedTools, ...refused])] } },
      NOTE,
    );
  }

  override async finalResult({ folder, status, result }: EndedRun): Promise<Partial<SessionResult>> {
    if (status !== 'completed' || result.text === undefined) return {};
    const planFile = join(folder.path, 'plan.md');
    await writeAtomically(planFile, result.text);
    return { planFile };
  }
}
