import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ErrorObject } from 'ajv';
import type { JsonSchema } from '../session/output-schema.js';
import { messageOf, systemCode } from '../util/errors.js';

/** How long the work on a schema may take, in milliseconds. An honest one takes a few. */
const MOST_MS = 3_000;
/** How long the start of a worker may take, in milliseconds, on a machine that has much to do. */
const START_MS = 30_000;
const MOST_MB = 256;

/** What is to be done with a schema. */
export interface SchemaTask {
  readonly schema: JsonSchema;
  readonly draft: '07' | '2020-12';
  /** True to accept only what Claude Code's own validator accepts, which is the same library in its default mode. */
  readonly strict: boolean;
  /** The value to check, as JSON. Absent if the schema only has to be compiled. */
  readonly value?: string;
}

/** What was found. An empty list of `problems` means that the value fits. */
export type SchemaVerdict =
  | { readonly kind: 'checked'; readonly problems: readonly SchemaProblem[] }
  /** The schema is none. */
  | { readonly kind: 'invalid'; readonly problem: SchemaProblem | undefined }
  /** The schema cannot be compiled. */
  | { readonly kind: 'unusable'; readonly why: string }
  /** The value could not be checked. */
  | { readonly kind: 'unchecked'; readonly why: string };

/** One problem of a value, or of a schema as a value of its own schema. */
export type SchemaProblem = Pick<ErrorObject, 'instancePath' | 'message' | 'params'>;

type Message = { readonly kind: 'ready' } | { readonly kind: 'compiled' } | SchemaVerdict;

/**
 * Compiles a schema and checks a value with it, in a thread of its own. An agent may write both, and a small schema can take
 * minutes and gigabytes, as can a pattern with some texts. So the thread is ended when it takes too much, and this process goes
 * on meanwhile.
 */
export async function withSchema({ schema, value, ...task }: SchemaTask): Promise<SchemaVerdict> {
  const require = createRequire(import.meta.url);
  const worker = new Worker(CODE, {
    eval: true,
    execArgv: [],
    workerData: {
      ...task,
      // As JSON, because a copy of an object may lose a property that is called `__proto__`.
      schema: JSON.stringify(schema),
      value,
      modules: { '07': require.resolve('ajv'), '2020-12': require.resolve('ajv/dist/2020.js') },
    },
    resourceLimits: { maxOldGenerationSizeMb: MOST_MB, maxYoungGenerationSizeMb: 32 },
  });
  let isCompiled = false;
  const unfinished = (why: string): SchemaVerdict => ({ kind: isCompiled ? 'unchecked' : 'unusable', why });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<SchemaVerdict>((resolve) => {
      const endAfter = (ms: number): void => {
        clearTimeout(timer);
        timer = setTimeout(() => resolve(unfinished(`it takes more than ${ms / 1_000} s`)), ms);
      };
      endAfter(START_MS);
      worker.on('message', (message: Message) => {
        if (message.kind === 'ready') endAfter(MOST_MS);
        else if (message.kind === 'compiled') isCompiled = true;
        else resolve(message);
      });
      worker.on('error', (error) => {
        const isLarge = systemCode(error) === 'ERR_WORKER_OUT_OF_MEMORY';
        resolve(unfinished(isLarge ? `it takes more than ${MOST_MB} MB of memory` : messageOf(error)));
      });
      worker.on('exit', () => resolve(unfinished('its thread ended')));
    });
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

/**
 * The program of the thread. It is a text, because then it needs no file of its own and runs from the sources as well as from the
 * built package. References are not copied into each place, and the code is not optimized, because both take long for large
 * schemas. Only the first problems are sent, because the others help nobody.
 */
const CODE = `
'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const { draft, strict, modules } = workerData;
const shortened = ({ instancePath, message, params }) => ({ instancePath, message, params });
const say = (message) => parentPort.postMessage(message);
const textOf = (error) => String((error && error.message) || error).slice(0, 2000);

const { [draft === '07' ? 'Ajv' : 'Ajv2020']: Ajv } = require(modules[draft]);
const usual = { allErrors: true, logger: false, inlineRefs: false, code: { optimize: false } };
const ajv = new Ajv(strict ? usual : { ...usual, strict: false, validateFormats: false });
say({ kind: 'ready' });

function compiled() {
  const schema = JSON.parse(workerData.schema);
  try {
    // The last error of a keyword is the one of the alternatives as a whole, which says less than the first.
    if (!ajv.validateSchema(schema)) {
      const [first] = ajv.errors || [];
      say({ kind: 'invalid', problem: first && shortened(first) });
      return undefined;
    }
    return ajv.compile(schema);
  } catch (error) {
    say({ kind: 'unusable', why: textOf(error) });
    return undefined;
  }
}

const validate = compiled();
if (validate) {
  say({ kind: 'compiled' });
  try {
    const fits = workerData.value === undefined || validate(JSON.parse(workerData.value));
    say({ kind: 'checked', problems: fits ? [] : (validate.errors || []).slice(0, 20).map(shortened) });
  } catch (error) {
    say({ kind: 'unchecked', why: textOf(error) });
  }
}
`;
