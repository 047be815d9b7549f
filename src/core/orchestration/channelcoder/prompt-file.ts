import type { InterpolationData, PromptConfig } from 'channelcoder';
import { loadChannelCoder } from '../monitoring/load-channelcoder.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';

/** For each open brace, ChannelCoder searches for its end up to the end of the text. More of them would take too long. */
const MOST_OPEN_BRACES = 1_000;

/**
 * Refuses a prompt file that ChannelCoder must not see.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function checkPromptFile(path: string, text: string): void {
  // ChannelCoder parses front matter with gray-matter, which *executes* a block that begins with `---js`.
  const language = /^\uFEFF?---[^\S\n]*([^\s-][^\n]*)/.exec(text)?.[1]?.trim();
  if (language !== undefined && language !== 'yaml') {
    throw invalid(path, `has front matter in ${quote(language)}; only YAML is accepted`);
  }
  const open = text.slice(text.lastIndexOf('}') + 1).split('{').length - 1;
  if (open > MOST_OPEN_BRACES) throw invalid(path, `has ${open} braces that are never closed`);
}

/**
 * Checks the front matter of a prompt file, and checks data against the schema in it. ChannelCoder itself checks nothing if no
 * data is given at all.
 *
 * @param path the copy that ChannelCoder will read
 * @param name the file as the user knows it, for messages
 * @returns the front matter's configuration
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function validatePromptFile(path: string, name: string, data: InterpolationData): Promise<PromptConfig> {
  let config: PromptConfig;
  try {
    const { loadPromptFile } = await loadChannelCoder();
    ({ config } = await loadPromptFile(path));
  } catch (error) {
    throw invalid(name, `cannot be read by ChannelCoder: ${messageOf(error)}`, error);
  }
  const { input } = config;
  if (!input) return config;
  const checks = isSchema(input) ? [['data', input, data] as const] : fieldChecks(input, data);
  for (const [field, schema, value] of checks) {
    const { error } = schema.safeParse(value);
    if (!error) continue;
    const why = error.issues.map((issue) => issue.message).join(', ');
    throw invalid(name, `needs another value for ${quote(field)} in 'data': ${why} (received ${quote(value)})`);
  }
  return config;
}

/** The part of a zod schema that is used here. It is the same in all versions of zod. */
interface Schema {
  safeParse(value: unknown): { error?: { issues: { message: string }[] } | undefined };
}

function isSchema(input: NonNullable<PromptConfig['input']>): input is typeof input & Schema {
  return typeof (input as Partial<Schema>).safeParse === 'function';
}

function fieldChecks(input: object, data: InterpolationData): (readonly [string, Schema, unknown])[] {
  return Object.entries(input).map(([field, schema]) => [field, schema as Schema, data[field]] as const);
}

function invalid(path: string, why: string, cause?: unknown): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'promptFile' (${quote(path)}) ${why}.`, { cause });
}
