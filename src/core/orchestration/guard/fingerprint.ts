import { createHash, randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { ToolCall } from '../session/policy.js';
import { currentName } from '../session/tool-names.js';
import { NAME_LENGTH } from '../util/text.js';
import { hasTooManyValues } from '../util/value-count.js';

/** A call as far as it has to be recognised. */
export interface Fingerprint {
  /** By its current name: the log may have an old one where the hook is told the new. */
  readonly tool: string;
  /** The input's fields, each as a hash of its value. */
  readonly fields: ReadonlyMap<string, string>;
  /** The hook sees absolute paths where the log has what the agent wrote. */
  readonly path: string | undefined;
  /** A hash of all of an input that no tool of Claude's own has, instead of its fields and path. */
  readonly whole?: string | undefined;
}

/** No tool of Claude's own has an input with more fields than a dozen, or a path that is longer than the system takes. */
const MOST_FIELDS = 100;

const MOST_PATH_LENGTH = 4_096;

const PATHS = ['file_path', 'notebook_path', 'path'];

/** What decides about what a call does: nobody may leave it out of what is asked. */
const TELLING = new Set([
  'command',
  'url',
  'content',
  'old_string',
  'new_string',
  'new_source',
  'edits',
  'prompt',
  'query',
  'pattern',
]);

export function isForeign(tool: string): boolean {
  return tool.startsWith('mcp__');
}

export function fingerprint({ tool: name, input }: ToolCall): Fingerprint {
  const tool = currentName(name);
  // To hash them would keep the host busy: the call is the same as nothing else.
  if (hasTooManyValues(input)) return { tool, fields: new Map(), path: undefined, whole: randomUUID() };
  const given = (typeof input === 'object' && input !== null ? input : { input }) as Record<string, unknown>;
  // What an MCP server takes for a path is its own affair.
  const key = isForeign(tool) ? undefined : PATHS.find((field) => typeof given[field] === 'string');
  const path = key === undefined ? undefined : String(given[key]);
  const names = Object.keys(given);
  const tooLong = (path ?? '').length > MOST_PATH_LENGTH || names.some((field) => field.length > NAME_LENGTH);
  if (tooLong || names.length > MOST_FIELDS)
    return { tool, fields: new Map(), path: undefined, whole: hashed(jsonOf(input)) };
  const fields = Object.entries(given)
    // What Claude Code fills in, sorts and converts in lists and objects of its own tools differs from what the log has.
    .filter(([field, value]) => field !== key && (isForeign(tool) || typeof value !== 'object' || TELLING.has(field)))
    .map(([field, value]) => {
      const text = isForeign(tool) || typeof value === 'object' ? jsonOf(value) : String(value);
      return [field, hashed(text)] as const;
    });
  return { tool, fields: new Map(fields), path };
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

/** The same text for the same value, in whichever order its keys are. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify([value], (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    );
  } catch {
    return randomUUID(); // Nested deeper than can be written: the same as nothing else.
  }
}

export function isSameCall(asked: Fingerprint, logged: Fingerprint): boolean {
  if (asked.tool !== logged.tool || asked.whole !== logged.whole || !isSamePath(asked.path, logged.path)) return false;
  const names = [...new Set([...asked.fields.keys(), ...logged.fields.keys()])];
  return names.every((name) => {
    const [one, other] = [asked.fields.get(name), logged.fields.get(name)];
    // Defaults are filled in, and what is unknown is left out; only what a tool is told by must be there.
    if (one === undefined || other === undefined) return !isForeign(asked.tool) && !TELLING.has(name);
    return one === other;
  });
}

function isSamePath(absolute: string | undefined, written: string | undefined): boolean {
  if (absolute === written) return true;
  if (absolute === undefined || written === undefined) return false;
  const path = posix.resolve('/', absolute);
  if (written.startsWith('/')) return path === posix.resolve(written);
  const end = posix.normalize(`${written}/`).replace(/^((\.{1,2}|~)\/)+/, '');
  return `${path}/`.endsWith(`/${end}`);
}
