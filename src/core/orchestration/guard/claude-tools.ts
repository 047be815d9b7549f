import type { ToolCall } from '../session/policy.js';
import { namesOf } from '../session/tool-names.js';

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/**
 * Tools whose work is in no log: scripts that run agents in the background, agents and triggers in a cloud, teammates in
 * processes of their own, code that calls other tools (measured on 2.1.332, and read from it). `EndConversation` asks no hook.
 */
const UNSEEN_TOOLS = words(`
  Workflow RemoteTrigger TeamCreate REPL AppifactRepl EndConversation SendToProject McpTaskResumePolling schedule
  self_hosted_runner_list_secrets self_hosted_runner_requeue_session self_hosted_runner_tail_log
`);

/** The other tools of the releases that the library is tested with, each seen in the log and asked about by its hook. */
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

/** Whether the library knows what a tool of Claude's own does. A test holds this against the newest release. */
export function isKnownTool(tool: string): boolean {
  return SEEN_TOOLS.includes(tool) || UNSEEN_TOOLS.includes(tool);
}

/**
 * The tools that a session has to do without.
 *
 * @param asked the tools that its options name, as Claude Code takes them: `Workflow`, or `Workflow(…)`
 */
export function toolsOff(asked: readonly string[] = []): string[] {
  const names = asked.map((tool) => tool.replace(/\(.*$/s, '').trim());
  return UNSEEN_TOOLS.filter((tool) => !names.includes(tool));
}

/** Why the work of a call would be seen by nobody; undefined where it is in the log. */
export function unseenWork(
  { tool, input }: Pick<ToolCall, 'tool' | 'input'>,
  off: readonly string[],
): string | undefined {
  if (off.includes(tool)) return `What ${tool} does is in no log. It is on where the option 'tools' names it.`;
  const { isolation } = (typeof input === 'object' && input !== null ? input : {}) as { isolation?: unknown };
  return namesOf(tool).includes('Agent') && isolation === 'remote'
    ? 'What an agent in a remote environment does is in no log.'
    : undefined;
}
