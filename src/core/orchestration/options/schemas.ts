import { isAbsolute } from 'node:path';
import type { ChannelCoderModule } from '../contract/channelcoder-module.js';
import type { Executor } from '../contract/executor.js';
import { variableProblem } from '../guard/guard-environment.js';
import { branchNameProblem, SEARCH_PROBLEM, searchesMessages } from '../session/branch-name.js';
import { EFFORTS, MOST_FALLBACKS } from '../session/model-choice.js';
import { type ModelPrices, priceProblem } from '../session/model-price.js';
import type { OutputSchema } from '../session/output-schema.js';
import { PRIORITIES } from '../session/queue-plan.js';
import type { SessionMode } from '../session/status.js';
import { lazily } from '../util/zod.js';
import { homeProblem } from '../workspace/home-folder.js';
import { accountOptions } from './account-schemas.js';
import { cachesSchema } from './caches.js';
import { containerSchemas } from './container-schemas.js';
import { gitOptions } from './git-schemas.js';
import { setupSchema } from './setup.js';

export const MODES = [
  'autonomous',
  'interactive',
  'planning',
  'orchestration',
  'worktree',
] as const satisfies readonly SessionMode[];

const A_DAY_MS = 86_400_000;
const MODEL = "must be the name of a model: no white space, no control characters, and no '-' at the beginning";
/** The latest time that a `Date` can hold. */
const LATEST_MS = 8.64e15;
/** Claude Code puts a longer text from a hook into a file of its own, which an agent may not read. */
const MOST_MESSAGE_LENGTH = 8_000;
/** The manager checks if it is an executor. Here, only the contract of executors is known. */
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The schemas of the options. */
export const optionSchemas = lazily((z) => {
  const container = containerSchemas(z);
  const [setup, caches, account, git] = [setupSchema(z), cachesSchema(z), accountOptions(z), gitOptions(z)];
  const text = z.string().refine((value) => !value.includes('\0'), 'must not hold NUL');
  // If its prompt is only white space, Claude exits without any message.
  const prompt = z.string().refine((value) => value.trim() !== '', 'must not be empty');
  const positive = z.int().positive();
  const branch = text.superRefine((name, context) => {
    const problem = branchNameProblem(name);
    if (problem) context.addIssue({ code: 'custom', message: `is no name for a branch: it ${problem}` });
  });
  const base = text
    .min(1)
    .max(1_000)
    .regex(/^(?!-)\P{Cc}*$/u, "must not begin with '-' or hold control characters")
    .refine((name) => !searchesMessages(name), SEARCH_PROBLEM);

  const dockerSchema = z.strictObject({
    image: text
      .min(1)
      .refine((image) => !image.startsWith('-'), "must not begin with '-'")
      .optional(),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'), text)
      .superRefine((env, context) => {
        for (const [name, value] of Object.entries(env)) {
          const problem = variableProblem(name) ?? homeProblem(name, value);
          if (problem) context.addIssue({ code: 'custom', path: [name], message: problem });
        }
      })
      .optional(),
    mounts: z
      .array(
        z.union([
          z.string(),
          z.strictObject({ source: z.string(), target: z.string(), readonly: z.boolean().optional() }),
        ]),
      )
      .optional(),
    ssh: z.union([z.literal(false), z.enum(['agent', 'keys']), z.strictObject({ keyFile: text.min(1) })]).optional(),
    firewall: z.boolean().optional(),
    ...container.resourceOptions,
    network: z
      .string()
      .regex(/^[A-Za-z0-9][\w.:-]*$/, 'must be the name of a network')
      .optional(),
    user: z
      .string()
      .regex(/^[\w][\w.-]*(:[\w][\w.-]*)?$/, "must read like 'node' or '1000:1000'")
      .optional(),
    capAdd: z.array(z.string().regex(/^[A-Z_]+$/, 'must be the name of a capability')).optional(),
    allowUnsafeMounts: z.boolean().optional(),
    ...container.containerOptions,
  });

  const questionsSchema = z.enum(['ask', 'decline']);

  const decision = z.enum(['allow', 'ask', 'deny']);
  const policySchema = z.strictObject({
    rules: z
      .array(
        z.strictObject({
          tool: z.string().min(1),
          matches: z
            .custom((value) => value instanceof RegExp || typeof value === 'function', 'must be a RegExp or a function')
            .optional(),
          decision,
          reason: text.min(1).max(2_000).optional(),
        }),
      )
      .optional(),
    dangerous: decision.optional(),
    approvalTimeoutMs: positive.max(A_DAY_MS).optional(),
    onHostLost: z.enum(['deny', 'allow']).optional(),
  });

  const limitsSchema = z.strictObject({
    durationMs: positive.optional(),
    idleMs: positive.optional(),
    startMs: positive.optional(),
    exitMs: positive.optional(),
    costUsd: z.number().positive().optional(),
    tokens: positive.optional(),
    logBytes: positive.optional(),
    children: z.int().nonnegative().optional(),
    depth: z.int().nonnegative().optional(),
  });

  const keepEndedSchema = z
    .strictObject({ count: positive.optional(), days: positive.optional() })
    .refine(({ count, days }) => count !== undefined || days !== undefined, 'needs count, days or both');

  const pricesSchema = z.custom<ModelPrices>().superRefine((prices, context) => {
    const problem = priceProblem(prices);
    if (problem) context.addIssue({ code: 'custom', ...problem });
  });
  const model = z
    .string()
    .max(500)
    .regex(/^[^\s\p{C}-][^\s\p{C}]*$/u, MODEL);
  // Claude Code takes the models as one list with commas.
  const fallback = model.refine((name) => !name.includes(','), 'must not hold a comma: give the models as a list');

  /** The options about model and result, which sessions and managers have. */
  const askedOptions = {
    model: model.optional(),
    fallbackModels: z
      .array(fallback)
      .max(MOST_FALLBACKS)
      .refine((names) => new Set(names).size === names.length, 'must not name a model twice')
      .optional(),
    effort: z.enum(EFFORTS).optional(),
    outputRetries: z.int().min(0).max(10).optional(),
  };
  const outputSchema = z.custom<OutputSchema>(
    (value) => (typeof value === 'object' && value !== null && !Array.isArray(value)) || typeof value === 'function',
    'must be a JSON Schema (an object) or a Standard Schema',
  );

  const loginSchema = z.union([
    z.literal(false),
    z.strictObject({ envFile: text.min(1) }),
    z.strictObject({ command: text.refine((command) => command.trim() !== '', 'must not be empty') }),
  ]);

  const managerSchema = z.strictObject({
    stateDir: text.min(1).optional(),
    maxConcurrent: positive.optional(),
    maxQueued: z.int().nonnegative().optional(),
    docker: dockerSchema.optional(),
    setup,
    caches,
    policy: policySchema.optional(),
    questions: questionsSchema.optional(),
    releaseSlotWhileWaiting: z.boolean().optional(),
    socket: z.boolean().optional(),
    keepEnded: keepEndedSchema.optional(),
    login: loginSchema.optional(),
    ...account,
    ...git,
    prices: pricesSchema.optional(),
    ...askedOptions,
    output: outputSchema.optional(),
    channelCoder: z.custom<ChannelCoderModule>(isObject, 'must be the module or an object like it').optional(),
    executors: z.partialRecord(z.enum(MODES), z.custom<Executor>(isObject, 'must be an executor')).optional(),
  });

  /** A path in the repository. `..` would lead out of it, and in a pattern it would never fit. */
  const within = text.refine(
    (path) => !path.split(/[\\/]/).includes('..') && !isAbsolute(path),
    'must not lead out of the repository',
  );
  const pattern = text.refine(
    (line) => !/[\r\n]/.test(line) && line.trim() !== '' && !line.split('/').includes('..'),
    "must be a pattern as in .gitignore, without '..'",
  );
  const worktreeSchema = z.strictObject({
    branch,
    base: base.optional(),
    path: text.min(1).optional(),
    copy: z.array(pattern).max(1_000).optional(),
    include: z.array(within.min(1)).max(100).optional(),
    submodules: z.union([z.boolean(), z.literal('recursive')]).optional(),
  });

  /** What a session waits for besides a slot. */
  const planSchema = {
    after: z
      .array(z.strictObject({ id: text.min(1).max(500), on: z.enum(['completed', 'ended']).optional() }))
      .max(1_000)
      .optional(),
    priority: z.enum(PRIORITIES).optional(),
    notBefore: z.int().nonnegative().max(LATEST_MS).optional(),
  };

  const createSchema = z.strictObject({
    mode: z.enum(MODES).optional(),
    prompt: prompt.optional(),
    promptFile: text.min(1).optional(),
    data: z.record(z.string(), z.unknown()).optional(),
    taskId: text.min(1).max(500).optional(),
    parentId: text.min(1).max(500).optional(),
    cwd: text.min(1).optional(),
    worktree: z.union([branch, worktreeSchema]).optional(),
    workspaces: z.array(text.refine(isAbsolute, 'must be an absolute path')).optional(),
    docker: z.union([z.boolean(), dockerSchema]).optional(),
    setup,
    caches,
    ...askedOptions,
    output: outputSchema.optional(),
    system: text.optional(),
    appendSystem: text.optional(),
    tools: z.array(text).optional(),
    disallowedTools: z.array(text).optional(),
    mcpConfig: text.min(1).optional(),
    maxTurns: positive.optional(),
    questions: questionsSchema.optional(),
    limits: limitsSchema.optional(),
    policy: policySchema.optional(),
    ...account,
    ...git,
    detached: z.boolean().optional(),
    ...planSchema,
    signal: z.instanceof(AbortSignal).optional(),
  });

  /**
   * The maximum length of an interactive session's feedback is known only to its executor, which checks it when the run is
   * launched.
   */
  const feedbackSchema = z.object({ feedback: prompt });

  const continueSchema = z.strictObject({ fresh: z.boolean().optional() });

  const messageSchema = z.object({ message: prompt.max(MOST_MESSAGE_LENGTH) });

  /** A person's comment on a decision. @param argument its name, for errors */
  const noteSchema = (argument: string) => z.object({ [argument]: z.string().max(2_000).optional() });

  return {
    questionsSchema,
    limitsSchema,
    askedOptions,
    managerSchema,
    planSchema,
    createSchema,
    feedbackSchema,
    continueSchema,
    messageSchema,
    noteSchema,
  };
});
