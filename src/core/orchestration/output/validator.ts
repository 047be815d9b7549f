import type { ValidateFunction } from 'ajv';
import type { JsonSchema, OutputRequest } from '../session/output-schema.js';
import { messageOf, systemCode } from '../util/errors.js';
import { withinTime } from '../util/time-limit.js';
import { refused } from './checked-schema.js';
import { describedForClaude, forClaude } from './for-claude.js';
import { innerSchemas } from './keywords.js';

/** How long a check may block this process, in milliseconds. A pattern can take for ever with some texts. */
const CHECK_MS = 1_000;

/** Problems of a result are told to the agent and to people, so only the first ones matter. */
const MOST_ISSUES = 20;

/** Finds the problems of a value. An empty list means that the value fits. */
export type OutputCheck = (value: unknown) => readonly string[];

/**
 * Checks that the schema of a request can be used, and makes what Claude gets.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` that names the place in the schema
 */
export async function prepareOutput(request: OutputRequest): Promise<OutputRequest> {
  const { schema } = request;
  await outputCheck(schema);
  const asked = forClaude(schema);
  return { ...request, forClaude: (await isTakenByClaude(asked.schema)) ? asked : describedForClaude(schema) };
}

/**
 * The check of a schema. `format` is not checked, because the standard leaves that to the program.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export async function outputCheck(schema: JsonSchema): Promise<OutputCheck> {
  const validate = await compiled(schema);
  return (value) => {
    try {
      if (withinTime(CHECK_MS, () => validate(value))) return [];
    } catch (error) {
      const isSlow = systemCode(error) === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
      return [
        isSlow ? `it could not be checked within ${CHECK_MS} ms` : `it could not be checked: ${messageOf(error)}`,
      ];
    }
    const problems = (validate.errors ?? []).slice(0, MOST_ISSUES);
    return problems.map(({ instancePath, message, params }) => {
      const named = 'additionalProperty' in params ? ` (${JSON.stringify(params.additionalProperty)})` : '';
      const allowed = 'allowedValues' in params ? ` (${JSON.stringify(params.allowedValues)})` : '';
      return `${instancePath === '' ? 'the result' : instancePath}: ${message ?? 'does not fit'}${named}${allowed}`;
    });
  };
}

async function compiled(schema: JsonSchema): Promise<ValidateFunction> {
  const options = { strict: false, allErrors: true, validateFormats: false, logger: false } as const;
  const { Ajv } = await import('ajv');
  const ajv = isDraft07(schema) ? new Ajv(options) : new (await import('ajv/dist/2020.js')).Ajv2020(options);
  const { $schema: _, ...rest } = schema;
  if (!ajv.validateSchema(rest)) {
    // The last error of a keyword is the one of the alternatives as a whole, which says less than the first.
    const [first] = ajv.errors ?? [];
    const allowed = first && 'allowedValues' in first.params ? `: ${first.params.allowedValues.join(', ')}` : '';
    throw refused(pathOf(first?.instancePath ?? ''), `${first?.message ?? 'is no JSON Schema'}${allowed}`);
  }
  try {
    return ajv.compile(rest);
  } catch (error) {
    throw refused([], `cannot be used: ${messageOf(error)}`, error);
  }
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
  const { Ajv } = await import('ajv');
  try {
    new Ajv({ allErrors: true, logger: false }).compile(schema);
    return true;
  } catch {
    return false;
  }
}

/** The parts of a JSON pointer. */
function pathOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
