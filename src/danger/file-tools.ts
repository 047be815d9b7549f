import type { Danger, DangerContext } from './danger.js';
import { levelled } from './levels.js';
import { Places } from './paths.js';
import { rateWrite } from './rules/files.js';
import { rateRead } from './rules/reading.js';
import { rateSearch } from './rules/searching.js';
import { isWithin, resolvePath } from './shell/path.js';

const WRITERS = new Set(['Write', 'Edit', 'MultiEdit', 'NotebookEdit']);
const READERS = new Set(['Read', 'NotebookRead', 'Grep', 'Glob', 'LS']);

export function isFileTool(tool: string): boolean {
  return WRITERS.has(tool) || READERS.has(tool);
}

/** Rates the tools that read and write files without a shell. The same places are dangerous as in shell commands. */
export function rateFileTool(tool: string, input: Record<string, unknown>, context: DangerContext): Danger | undefined {
  const writes = WRITERS.has(tool);
  const places = new Places(context);
  const searched = tool === 'Grep' || tool === 'Glob' ? rateSearch(tool, input, places) : undefined;
  if (searched) return levelled(searched, context);
  for (const key of ['file_path', 'notebook_path', 'path']) {
    const text = input[key];
    if (typeof text !== 'string' || text === '') continue;
    const home = text === '~' || text.startsWith('~/') ? places.home + text.slice(1) : text;
    const path = resolvePath(home, places.cwd);
    if (!writes) {
      const danger = tool === 'Glob' || tool === 'LS' ? undefined : rateRead(path, places);
      if (danger) return levelled(danger, context);
      continue;
    }
    const danger = rateWrite(path, places, 'replace');
    // Claude Code keeps its own files there, such as plans and memory.
    const isOwn = danger?.rule === 'files.outside-workspace' && isWithin(path, `${places.home}/.claude`);
    if (danger && !isOwn) return levelled(danger, context);
  }
  return undefined;
}
