export type DangerLevel = 'none' | 'warning' | 'critical';

/** What is dangerous about a tool call. */
export interface Danger {
  /** `critical` should be stopped or asked about; `warning` deserves a note. */
  readonly level: 'warning' | 'critical';
  /** For example `git.reset-hard`. */
  readonly rule: string;
  /** One sentence for a person and for the model: what is dangerous, and what to do instead where there is something. */
  readonly reason: string;
}

export interface DangerContext {
  /** The workspace as the agent sees it, for example `/workspace`. */
  readonly workspace: string;
  /** The agent's home folder, where it is known. */
  readonly home?: string;
  /** Whether the agent works in a container. Default true. On the machine itself, what could be undone is critical, too. */
  readonly container?: boolean;
  /** Folders of the machine that are mounted beside the workspace: what is lost there is the user's. Default: none. */
  readonly mounts?: readonly string[];
  /** Whether the user's committed ignore rules ignored a path of the workspace when the session began. Default: none is. */
  readonly ignored?: IgnoredPaths;
}

/** Answers for a path relative to the workspace. */
export type IgnoredPaths = (path: string) => boolean;

export function critical(rule: string, reason: string): Danger {
  return { level: 'critical', rule, reason };
}

export function warning(rule: string, reason: string): Danger {
  return { level: 'warning', rule, reason };
}

/** Keeps the worst of what was found, and the first of equals. */
export class Findings {
  worst: Danger | undefined;

  add(danger: Danger | undefined): void {
    if (!danger || this.worst?.level === 'critical') return;
    if (!this.worst || danger.level === 'critical') this.worst = danger;
  }

  /** Nothing worse can come: there is no need to look further. */
  get settled(): boolean {
    return this.worst?.level === 'critical';
  }
}
