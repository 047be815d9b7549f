/**
 * Groups of names that Claude Code uses for one tool (2.1.98). The model may use an old name, and then the log has the old
 * name. The hook always gets the current one.
 */
const ALIASES: readonly (readonly string[])[] = [
  ['Agent', 'Task'],
  ['TaskStop', 'KillShell'],
  ['TaskOutput', 'AgentOutputTool', 'BashOutputTool'],
];

/** All names of a tool, the current one first. */
export function namesOf(tool: string): readonly string[] {
  return ALIASES.find((names) => names.includes(tool)) ?? [tool];
}

/** The name that is used to compare tools. */
export function currentName(tool: string): string {
  return namesOf(tool)[0] ?? tool;
}
