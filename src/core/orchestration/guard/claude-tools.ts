import type { ToolCall } from '../session/policy.js';
import type { SessionMode } from '../session/status.js';
import { namesOf } from '../session/tool-names.js';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Tools whose work no log shows: scripts that run agents in the background, agents and triggers in a cloud, teammates in
 * processes of their own, code that calls other tools (measured on 2.1.332, and read from its code).
 */
const UNSEEN_TOOLS = words(`
  Workflow RemoteTrigger TeamCreate REPL AppifactRepl EndConversation SendToProject McpTaskResumePolling schedule
  self_hosted_runner_list_secrets self_hosted_runner_requeue_session self_hosted_runner_tail_log
`);

/** Tools for which Claude Code runs no hook, by design: a call that did not ask is no fault of anybody. They change nothing. */
const HOOKLESS_TOOLS = new Set(['EndConversation']);

/** True if Claude Code runs no hook for a tool. */
export function hasNoHook(tool: string | undefined): boolean {
  return tool !== undefined && HOOKLESS_TOOLS.has(tool);
}

/**
 * The other tools of the releases that the library is tested with. For each of them we have seen that the log shows the call
 * and that its hook asks.
 */
const SEEN_TOOLS = words(`
  Agent AskUserQuestion Bash Config CronCreate CronDelete CronList Edit EnterPlanMode EnterWorktree ExitPlanMode
  ExitWorktree Glob Grep LSP ListMcpResourcesTool MultiEdit NotebookEdit NotebookRead PowerShell Read
  ReadMcpResourceTool SendMessage SendUserMessage Skill StructuredOutput Task TaskCreate TaskGet TaskList TaskOutput
  TaskStop TaskUpdate TeamDelete TodoWrite ToolSearch WebFetch WebSearch Write
  Artifact ClaudeDesign DesignSync FetchInboxMessage GetGoal GetTask ListAgents ListOrgConnectorMcpServers McpTaskCheck
  McpTaskShowQuestion Monitor ObserverReport OfferAccountContent OfferChromeSetup PauseGoal Poll Projects ProposeGoal
  PublishPlugin PushNotification ReadMcpResourceDirTool ReadNotifications ReadWidgetContext RefreshMcpTools
  ReportFindings ScheduleWakeup SendFeedback SendUserFile SetGoal ShareOnboardingGuide ShowOnboardingRolePicker
  SubagentHandback WaitForMcpServers WrapUp Yield memory_list memory_read memory_write propose_skills
`);

/** Claude's own tools of which the library knows what they do. A test compares this with the newest release. */
export const KNOWN_TOOLS: readonly string[] = [...SEEN_TOOLS, ...UNSEEN_TOOLS].sort();

export function isKnownTool(tool: string): boolean {
  return KNOWN_TOOLS.includes(tool);
}

/**
 * In plan mode, an agent may change nothing until a person at its terminal has approved its plan. Without a terminal nobody can
 * do that: 2.1.332 then refuses every change until the end of the run, and 2.1.98 refuses to leave the mode.
 */
const PLAN_MODE_TOOLS = ['EnterPlanMode', 'ExitPlanMode'];

const NO_PLAN_MODE =
  'There is no plan mode in this session, because nobody is at its terminal to approve a plan. If you were asked for a plan, give ' +
  'it as your last message. Else go on with your work.';

/**
 * The tools that a session may not use.
 *
 * @param asked the tools that its options name, as Claude Code takes them: `Workflow`, or `Workflow(…)`
 */
export function toolsOff(asked: readonly string[] = [], mode: SessionMode = 'autonomous'): string[] {
  const names = asked.map((tool) => tool.replace(/\(.*$/s, '').trim());
  const unseen = UNSEEN_TOOLS.filter((tool) => !names.includes(tool));
  return mode === 'interactive' ? unseen : [...unseen, ...PLAN_MODE_TOOLS];
}

/** Why a call of a tool that is off, or of an agent that works elsewhere, does not run. Undefined if it may. */
export function whyOff({ tool, input }: Pick<ToolCall, 'tool' | 'input'>, off: readonly string[]): string | undefined {
  if (off.includes(tool) && PLAN_MODE_TOOLS.includes(tool)) return NO_PLAN_MODE;
  if (off.includes(tool)) return `What ${tool} does is in no log. It is on where the option 'tools' names it.`;
  const { isolation } = (typeof input === 'object' && input !== null ? input : {}) as { isolation?: unknown };
  return namesOf(tool).includes('Agent') && isolation === 'remote'
    ? 'What an agent in a remote environment does is in no log.'
    : undefined;
}
