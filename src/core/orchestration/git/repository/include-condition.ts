import { join } from 'node:path';

interface Included {
  /** The home folder of the user whose configuration it is. */
  readonly home: string;
  /** The folder of the file that includes another one. */
  readonly folder: string;
  readonly gitDir: string;
}

/**
 * True if a setting includes a further file: `include.path`, or `includeIf` with a condition about the git folder that holds. Other
 * conditions are taken for not met.
 *
 * @param name as `git config --list` shows it
 */
export function includeApplies(name: string, { home, folder, gitDir }: Included): boolean {
  if (name === 'include.path') return true;
  const [, ignoreCase, pattern] = /^includeif\.gitdir(\/i)?:(.+)\.path$/s.exec(name) ?? [];
  if (pattern === undefined) return false;
  return globOf(placed(pattern, home, folder), ignoreCase !== undefined).test(gitDir);
}

/** The pattern as git completes it: against the home folder or the file, or anywhere, and with all that is in a folder. */
function placed(pattern: string, home: string, folder: string): string {
  const whole = pattern.endsWith('/') ? `${pattern}**` : pattern;
  if (whole.startsWith('~/')) return join(home, whole.slice(2));
  if (whole.startsWith('./')) return join(folder, whole.slice(2));
  return whole.startsWith('/') ? whole : `**/${whole}`;
}

const PARTS: Readonly<Record<string, string>> = { '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' };

function globOf(pattern: string, ignoreCase: boolean): RegExp {
  const source = pattern.replaceAll(/\*\*\/|\*\*|\*|\?|[\\^$.|+()[\]{}]/g, (part) => PARTS[part] ?? `\\${part}`);
  return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's');
}
