/**
 * Names under which Claude Code knows one tool (2.1.98). The model may use an old one, which is what the log says then;
 * the hook is told the current one.
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

/** The name under which a tool is compared. */
export function currentName(tool: string): string {
  return namesOf(tool)[0] ?? tool;
}
