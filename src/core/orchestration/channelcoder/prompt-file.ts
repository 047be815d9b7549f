import { readFile } from 'node:fs/promises';
import { type InterpolationData, loadPromptFile, type PromptConfig } from 'channelcoder';
import { messageOf, OrchestrationError, shown, systemCode } from '../errors.js';

/** A prompt file is text; one larger than this is a mistake. */
const MOST_BYTES = 10 * 1024 * 1024;

/**
 * Reads a prompt file for later use and refuses one that ChannelCoder could not run, so that the mistake shows when
 * the session is created and not when it starts.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function readPromptFile(path: string): Promise<string> {
  let text: string;
  try {
    const bytes = await readFile(path);
    if (bytes.length > MOST_BYTES) throw new Error(`it has ${bytes.length} bytes, ${MOST_BYTES} are possible`);
    text = bytes.toString('utf8');
  } catch (error) {
    const missing = systemCode(error) === 'ENOENT';
    throw invalid(path, missing ? 'does not exist; check the path (it is relative to cwd)' : messageOf(error), error);
  }
  // gray-matter, which ChannelCoder parses front matter with, *executes* a block that begins with `---js`.
  const language = /^\uFEFF?---[^\S\n]*([^\s-][^\n]*)/.exec(text)?.[1]?.trim();
  if (language !== undefined && language !== 'yaml') {
    throw invalid(path, `has front matter in ${shown(language)}; only YAML is accepted`);
  }
  return text;
}

/**
 * Checks the front matter of a prompt file, and data against the schema in it. ChannelCoder itself checks nothing
 * where no data is given at all.
 *
 * @param path the copy that ChannelCoder will read
 * @param name the file as the user knows it, for messages
 * @returns what the front matter says
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function validatePromptFile(path: string, name: string, data: InterpolationData): Promise<PromptConfig> {
  let config: PromptConfig;
  try {
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
    throw invalid(name, `needs another value for ${shown(field)} in 'data': ${why} (received ${shown(value)})`);
  }
  return config;
}

/** The part of a zod schema that is used here, whatever zod's version is. */
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
  return new OrchestrationError('INVALID_OPTIONS', `Option 'promptFile' (${shown(path)}) ${why}.`, { cause });
}
