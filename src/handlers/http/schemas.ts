import { z } from 'zod';
import type { CreateSessionOptions } from '../../core/index.js';
import { accountOptions } from '../../core/orchestration/options/account-schemas.js';
import { gitOptions } from '../../core/orchestration/options/git-schemas.js';
import { MODES, optionSchemas } from '../../core/orchestration/options/schemas.js';

const { askedOptions, limitsSchema, planSchema, questionsSchema } = optionSchemas();

/** The body of `POST /api/autonomous-sessions`: the options of `create()`, without those that reach beyond the workspaces. */
export const createBody = z.strictObject({
  prompt: z
    .string()
    .optional()
    .describe(
      'Literal text. Give prompt or promptFile. If the session parentId has a plan, both may be left out: the plan is the prompt.',
    ),
  promptFile: relativePath().optional().describe('A prompt file, relative to cwd.'),
  data: z.record(z.string(), z.unknown()).optional(),
  mode: z.enum(MODES).optional().describe('Default autonomous.'),
  taskId: z.string().optional(),
  parentId: z
    .string()
    .optional()
    .describe('The session for which this one is created: one with a plan, one that leads it, or any label.'),
  cwd: z
    .string()
    .optional()
    .describe(
      'One of the workspaces, or a folder in one. Default: the folder of the parent, else the first workspace.',
    ),
  worktree: z
    .union([z.string(), z.strictObject({ branch: z.string(), base: z.string().optional() })])
    .optional()
    .describe('A branch. The session works on it in a worktree of its own.'),
  system: z.string().optional(),
  appendSystem: z.string().optional(),
  tools: z.array(z.string()).optional(),
  disallowedTools: z.array(z.string()).optional(),
  maxTurns: z.int().positive().optional(),
  questions: questionsSchema
    .optional()
    .describe(
      'Whether a person is asked what the agent wants to know, or nobody is there. Default: as the server was told.',
    ),
  limits: limitsSchema.optional(),
  after: planSchema.after.describe(
    'The sessions that have to end before this one starts. `on` is completed by default.',
  ),
  priority: planSchema.priority.describe('Which waiting session starts first. Default normal, or that of the leader.'),
  notBefore: planSchema.notBefore.describe('The session does not start before this time, in epoch milliseconds.'),
  model: askedOptions.model.describe(
    'An alias of Claude Code, like opus, or the full name. Default: that of the manager.',
  ),
  fallbackModels: askedOptions.fallbackModels.describe('At most three, tried in this order.'),
  effort: askedOptions.effort,
  output: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('A JSON Schema (draft-07 or 2020-12) of at most 64 KiB. The result is in result.output of the details.'),
  outputRetries: askedOptions.outputRetries.describe(
    'How often the conversation goes on by itself if the result does not fit. Default 2.',
  ),
  ...accountOptions(z),
  git: gitOptions(z).git.describe("The name and address of the agent's commits. Default: those of git on the server."),
});

export const bodies = {
  hold: z.strictObject({ reason: z.string().optional() }),
  release: z.strictObject({ account: z.string().optional().describe('Only this account. Default: all holds.') }),
  nothing: z.strictObject({}),
  cancel: z.strictObject({ reason: z.string().max(2_000).optional() }),
  continue: z.strictObject({ feedback: z.string(), fresh: z.boolean().optional() }),
  steer: z.strictObject({ message: z.string() }),
  approve: z.strictObject({ requestId: z.string(), note: z.string().optional() }),
  remove: z.strictObject({
    force: z.boolean().optional().describe('Also removes a worktree of the session that has work in it.'),
  }),
  answer: z.strictObject({
    questionId: z.string(),
    answers: z
      .array(z.union([z.string(), z.array(z.string())]))
      .describe('One for each question, in their order. A list only for a question with multiSelect.'),
  }),
  deny: z.strictObject({ requestId: z.string(), reason: z.string().optional() }),
};

const MOST_ENTRIES = 1_000;

export const logsQuery = z.object({
  limit: z.coerce
    .number()
    .pipe(z.int().min(1))
    .transform((limit) => Math.min(limit, MOST_ENTRIES))
    .default(50),
});

function relativePath(): z.ZodType<string> {
  return z.string().refine((path) => !/^([/\\]|[A-Za-z]:)/.test(path), 'has to be relative to cwd');
}

/** The body of a checked request, without keys that are undefined. */
export type CreateBody = Omit<
  CreateSessionOptions,
  'docker' | 'setup' | 'caches' | 'policy' | 'detached' | 'signal' | 'mcpConfig'
>;
