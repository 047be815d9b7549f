import { hash, randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import type { ToolCall } from '../session/policy.js';
import { currentName } from '../session/tool-names.js';
import { NAME_LENGTH } from '../util/text.js';
import { hasTooManyValues } from '../util/value-count.js';

/** The parts of a call by which it is recognized. */
export interface Fingerprint {
  /** The tool's current name. The log may have an old name while the hook gets the current one. */
  readonly tool: string;
  /** The input's fields, each with a hash of its value. A list as on disk: thousands are kept, and few are compared. */
  readonly fields: readonly (readonly [name: string, hash: string])[];
  /** The path, kept apart, because the hook sees absolute paths, and the log has the path that the agent wrote. */
  readonly path: string | undefined;
  /** A hash of the whole input, instead of its fields and path. Used for inputs that no tool of Claude's own has. */
  readonly whole?: string | undefined;
}

/**
 * No tool of Claude's own has an input with more than a dozen fields, or with a path that is longer than the system accepts.
 */
const MOST_FIELDS = 100;

const MOST_PATH_LENGTH = 4_096;

const PATHS = ['file_path', 'notebook_path', 'path'];
/** The field that has the path of a call of Claude's own tools. They ignore the others. Of other tools, the first that is there counts. */
const PATH_OF: ReadonlyMap<string, string> = new Map([
  ...(['Read', 'Write', 'Edit', 'MultiEdit'] as const).map((tool) => [tool, 'file_path'] as const),
  ...(['NotebookRead', 'NotebookEdit'] as const).map((tool) => [tool, 'notebook_path'] as const),
  ...(['Grep', 'Glob', 'LS'] as const).map((tool) => [tool, 'path'] as const),
]);

/** Fields that determine what a call does. A question about the call must not leave them out. */
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
  // Hashing so many values would keep the process busy. A random value makes the call different from every other call.
  if (hasTooManyValues(input)) return { tool, fields: [], path: undefined, whole: randomUUID() };
  const given = (typeof input === 'object' && input !== null ? input : { input }) as Record<string, unknown>;
  // An MCP server may use a field with such a name for something else than a path.
  const key = isForeign(tool) ? undefined : pathField(tool, given);
  const path = key === undefined ? undefined : String(given[key]);
  const names = Object.keys(given);
  const tooLong = (path ?? '').length > MOST_PATH_LENGTH || names.some((field) => field.length > NAME_LENGTH);
  if (tooLong || names.length > MOST_FIELDS) return { tool, fields: [], path: undefined, whole: sha256(jsonOf(input)) };
  const fields = Object.entries(given)
    // Claude Code fills in, sorts and converts lists and objects of its own tools. So these differ from those in the log and
    // are left out.
    .filter(([field, value]) => field !== key && (isForeign(tool) || typeof value !== 'object' || TELLING.has(field)))
    .map(([field, value]) => {
      const text = isForeign(tool) || typeof value === 'object' ? jsonOf(value) : String(value);
      return [field, sha256(text)] as const;
    });
  return { tool, fields, path };
}

/** A longer text is rated anew, because its hash would take as long. */
const MOST_HASHED = 64 * 1024;
/** The rating of these tools depends on nothing but the path and these fields. */
const RATED_BY: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    Read: [],
    Write: [],
    Edit: [],
    MultiEdit: [],
    NotebookRead: [],
    NotebookEdit: [],
    Grep: ['glob', 'output_mode'],
    Glob: ['pattern'],
  }),
);

/**
 * What the rating of a call depends on, in the form that the call's fingerprint has it: the hash of a shell command, or the tool,
 * the path, and hashes of what else counts. Calls with the same subject have the same rating. Undefined for a call whose rating
 * depends on more.
 */
export function ratedSubject({ tool, input }: ToolCall): string | undefined {
  if (typeof input !== 'object' || input === null) return undefined;
  const given = input as Record<string, unknown>;
  if (tool === 'Bash') return hashOf(given.command);
  const fields = RATED_BY.get(tool);
  const key = pathField(tool, given);
  if (!fields || PATHS.some((field) => field !== key && given[field] !== undefined)) return undefined;
  const path = key === undefined ? '' : String(given[key]);
  if (path.length > MOST_PATH_LENGTH || (path === '' && fields.length === 0)) return undefined;
  const hashes = fields.map((field) => (given[field] === undefined ? '' : hashOf(given[field])));
  return hashes.includes(undefined) ? undefined : [tool, path, ...hashes].join(':');
}

/** The same for a call of which only the fingerprint is known. Only to be used if its rating was kept. */
export function subjectOf({ tool, fields, path = '', whole }: Fingerprint): string | undefined {
  if (whole !== undefined) return undefined;
  const hashed = new Map(fields);
  if (tool === 'Bash') return hashed.get('command');
  const others = RATED_BY.get(tool);
  if (!others || (path === '' && others.length === 0) || PATHS.some((field) => hashed.has(field))) return undefined;
  return [tool, path, ...others.map((field) => hashed.get(field) ?? '')].join(':');
}

function pathField(tool: string, given: Record<string, unknown>): string | undefined {
  const own = PATH_OF.get(tool);
  return (own === undefined ? PATHS : [own]).find((field) => typeof given[field] === 'string');
}

function hashOf(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= MOST_HASHED ? sha256(value) : undefined;
}

function sha256(text: string): string {
  return hash('sha256', text, 'base64');
}

/** Gives the same text for the same value, whatever the order of its keys. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify([value], (_, inner: unknown) =>
      typeof inner === 'object' && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
        : inner,
    );
  } catch {
    // The value is nested too deeply to be written. A random text makes it different from every other value.
    return randomUUID();
  }
}

/** How much memory a fingerprint takes, in characters. */
export function sizeOf(print: Fingerprint | undefined): number {
  if (!print) return 0;
  const { tool, path = '', whole = '', fields } = print;
  let size = tool.length + path.length + whole.length;
  for (const [name, hash] of fields) size += name.length + hash.length;
  return size;
}

export function isSameCall(asked: Fingerprint, logged: Fingerprint): boolean {
  if (asked.tool !== logged.tool || asked.whole !== logged.whole || !isSamePath(asked.path, logged.path)) return false;
  const [askedFields, loggedFields] = [new Map(asked.fields), new Map(logged.fields)];
  const names = [...new Set([...askedFields.keys(), ...loggedFields.keys()])];
  return names.every((name) => {
    const [one, other] = [askedFields.get(name), loggedFields.get(name)];
    // Claude Code fills in defaults and leaves out unknown fields. So a field may be missing on one side, unless it determines
    // what the tool does.
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
