import type { JsonSchema, OutputRequest } from '../session/output-schema.js';
import { refused } from './checked-schema.js';
import { describedForClaude, forClaude } from './for-claude.js';
import { innerSchemas } from './keywords.js';
import { type SchemaProblem, type SchemaVerdict, withSchema } from './schema-worker.js';

/** Linux takes no argument that is longer, with the zero at its end. */
const MOST_ARGUMENT_BYTES = 128 * 1024 - 1;
const TOO_LONG = `in the form that Claude gets, more than ${MOST_ARGUMENT_BYTES}. Ask for less, or let the agent write files`;

/**
 * Checks that the schema of a request can be used, and makes what Claude gets.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` that names the place in the schema
 */
export async function prepareOutput(request: OutputRequest): Promise<OutputRequest> {
  const { schema } = request;
  requireUsable(await verdictOf(schema));
  const asked = forClaude(schema);
  const given = (await isTakenByClaude(asked.schema)) ? asked : describedForClaude(schema);
  const bytes = Buffer.byteLength(JSON.stringify(given.schema));
  if (bytes > MOST_ARGUMENT_BYTES) throw refused([], `takes ${bytes} bytes ${TOO_LONG}`);
  return { ...request, forClaude: given };
}

/**
 * Finds the problems of a value. None means that the value fits. `format` is not checked, because the standard leaves that to the
 * program.
 */
export async function outputIssues(schema: JsonSchema, value: unknown): Promise<readonly string[]> {
  const verdict = await verdictOf(schema, JSON.stringify(value));
  if (verdict.kind === 'checked') return verdict.problems.map(issueOf);
  return [`it could not be checked: ${verdict.kind === 'invalid' ? 'the schema is none' : verdict.why}`];
}

function issueOf({ instancePath, message, params }: SchemaProblem): string {
  const named = 'additionalProperty' in params ? ` (${JSON.stringify(params.additionalProperty)})` : '';
  const allowed = 'allowedValues' in params ? ` (${JSON.stringify(params.allowedValues)})` : '';
  return `${instancePath === '' ? 'the result' : instancePath}: ${message ?? 'does not fit'}${named}${allowed}`;
}

async function verdictOf({ $schema, ...schema }: JsonSchema, value?: string): Promise<SchemaVerdict> {
  const draft = isDraft07({ $schema, ...schema }) ? '07' : '2020-12';
  return await withSchema({ schema, draft, strict: false, ...(value !== undefined && { value }) });
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
function requireUsable(verdict: SchemaVerdict): void {
  if (verdict.kind === 'checked') return;
  if (verdict.kind !== 'invalid') throw refused([], `cannot be used: ${verdict.why}`);
  const { instancePath = '', message = 'is no JSON Schema', params = {} } = verdict.problem ?? {};
  const allowed = 'allowedValues' in params ? `: ${params.allowedValues.join(', ')}` : '';
  throw refused(pathOf(instancePath), `${message}${allowed}`);
}

/** Without `$schema`, the words tell the draft: lists of schemas in `items` and `dependencies` were given up after draft-07. */
function isDraft07({ $schema, ...schema }: JsonSchema): boolean {
  if (typeof $schema === 'string') return !$schema.includes('/draft/20');
  return usesDraft07(schema);
}

function usesDraft07(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const { items, additionalItems, dependencies } = schema as Record<string, unknown>;
  if (Array.isArray(items) || additionalItems !== undefined || dependencies !== undefined) return true;
  return innerSchemas(schema).some(([, inner]) => usesDraft07(inner));
}

/** Claude Code's own validator is the same library in its default mode, in which some correct schemas are refused. */
async function isTakenByClaude(schema: JsonSchema): Promise<boolean> {
  return (await withSchema({ schema, draft: '07', strict: true })).kind === 'checked';
}

/** The parts of a JSON pointer. */
function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
