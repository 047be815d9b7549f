import type { z } from 'zod';
import { checkedSchema, refused } from '../output/checked-schema.js';
import type { CreateSessionOptions } from '../session/create-options.js';
import type { OutputRequest, OutputSchema, StandardOutputSchema } from '../session/output-schema.js';
import type { SessionMode } from '../session/status.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { zod } from '../util/zod.js';

const DEFAULT_OUTPUT_RETRIES = 2;

/** Modes whose result has a form of its own. */
const UNTYPED_MODES: readonly SessionMode[] = ['interactive', 'planning'];

/** What a session is asked for as its result, and the schema of the program that asks. */
export interface AskedOutput {
  readonly request: OutputRequest;
  readonly accepts?: StandardOutputSchema;
}

/**
 * Reads the options about a session's result.
 *
 * @param defaults what the manager asks of its sessions. Modes that have no typed result ignore it
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function resolveOutput(
  { output, outputRetries, mode = 'autonomous' }: Pick<CreateSessionOptions, 'output' | 'outputRetries' | 'mode'>,
  defaults: AskedOutput | undefined,
): AskedOutput | undefined {
  if (UNTYPED_MODES.includes(mode)) {
    if (output === undefined && outputRetries === undefined) return undefined;
    throw new OrchestrationError(
      'INVALID_OPTIONS',
      `Option 'output': sessions of the mode '${mode}' have no typed result. Leave it out, or choose another mode.`,
    );
  }
  const retries = outputRetries ?? defaults?.request.retries ?? DEFAULT_OUTPUT_RETRIES;
  if (output !== undefined) return askedOutput(output, retries);
  if (defaults) return { ...defaults, request: { ...defaults.request, retries } };
  if (outputRetries === undefined) return undefined;
  throw new OrchestrationError('INVALID_OPTIONS', "Option 'outputRetries' needs 'output': there is nothing to check.");
}

/** The schema of the program that asks for the result. It cannot be copied or kept on disk, so it is no part of the request. */
export function acceptsOutput(
  { output }: Pick<CreateSessionOptions, 'output'>,
  defaults: AskedOutput | undefined,
): StandardOutputSchema | undefined {
  if (output === undefined) return defaults?.accepts;
  return isStandard(output) ? output : undefined;
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function askedOutput(output: OutputSchema, retries = DEFAULT_OUTPUT_RETRIES): AskedOutput {
  if (!isStandard(output)) return { request: { schema: checkedSchema(output, false), retries } };
  return { request: { schema: checkedSchema(jsonSchemaOf(output), true), retries }, accepts: output };
}

function isStandard(output: OutputSchema): output is StandardOutputSchema {
  const standard = (output as Partial<StandardOutputSchema>)['~standard'];
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function';
}

/** What the agent has to write, so it is the schema's input. */
function jsonSchemaOf(schema: StandardOutputSchema): unknown {
  const { jsonSchema, vendor } = schema['~standard'];
  try {
    if (typeof jsonSchema?.input === 'function') return jsonSchema.input({ target: 'draft-07' });
    // Releases of zod before 4.2 have no such function.
    if (vendor === 'zod' && '_zod' in schema)
      return zod().toJSONSchema(schema as unknown as z.ZodType, { io: 'input', target: 'draft-7' });
  } catch (error) {
    throw refused([], `cannot be made into a JSON Schema: ${messageOf(error)}`, error);
  }
  throw refused(
    [],
    `is a Standard Schema of ${quote(vendor)} that cannot be made into a JSON Schema. Use a newer release of that library, or give a JSON Schema`,
  );
}
