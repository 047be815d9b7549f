import { type ParseArgsConfig, parseArgs } from 'node:util';
import { ORCHESTRATE_USAGE } from '../mailbox/orchestrate-script.js';
import type { ToolUsageRecord } from '../session/metadata.js';
import { EFFORTS } from '../session/model-choice.js';
import type { JsonSchema } from '../session/output-schema.js';
import { PRIORITIES } from '../session/queue-plan.js';
import type { UnifiedSession } from '../session/record.js';
import type { SessionMode } from '../session/status.js';
import { isTerminal } from '../session/status.js';
import { messageOf, quote } from '../util/errors.js';
import { singleLine, stripControl, truncate } from '../util/text.js';
import type { ChildSessions } from './child-sessions.js';

type Answer = { exitCode: number; text: string };
type Entry = { at: number; type: 'message' | 'tool'; text?: string } & Partial<
  Pick<ToolUsageRecord, 'name' | 'input' | 'outcome'>
>;
type Options = NonNullable<ParseArgsConfig['options']>;

const DONE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;
const NOT_ENDED = 3;
const NOT_COMPLETED = 4;

/** Not `interactive`, because such a session would wait for a person whom nobody has told. */
const MODES = ['autonomous', 'planning', 'worktree', 'orchestration'] as const satisfies readonly SessionMode[];
const DECISIONS = ['deny', 'ask', 'allow'] as const;

/** Shorter than two minutes, after which Claude's Bash tool ends a command. */
const WAIT_S = 90;
const A_DAY_S = 86_400;
const TAIL = 20;

/** Agents read all of the text. More than this tells them nothing more. */
const MOST_TEXT = 200_000;
const CUT = '\n… the rest is cut\n';
const MOST_LINE = 300;
const MOST_MESSAGE = 2_000;
/** The time of `parseArgs` grows with the square of the number of arguments. */
const MOST_ARGUMENTS = 1_000;
/** `parseArgs` makes an argument of each letter behind a single dash. */
const MOST_OPTION_LENGTH = 2_000;

class UsageError extends Error {}

const COMMANDS = new Map<string, (children: ChildSessions, args: readonly string[]) => Answer | Promise<Answer>>([
  ['create', create],
  ['list', list],
  ['wait', wait],
  ['logs', logs],
  ['continue', continueChild],
  ['cancel', cancel],
]);

/**
 * Carries out an agent's `orchestrate` command. Never rejects, whatever the arguments are. If the command is refused or fails,
 * the answer says so. The answer's text is at most 200,000 characters long.
 */
export async function runOrchestrate(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  try {
    const { exitCode, text } = await run(children, args);
    return { exitCode, text: text.length > MOST_TEXT ? text.slice(0, MOST_TEXT - CUT.length) + CUT : text };
  } catch (error) {
    const text = `orchestrate: ${singleLine(truncate(messageOf(error), MOST_MESSAGE))}\n`;
    return error instanceof UsageError
      ? { exitCode: WRONG_USAGE, text: `${text}'orchestrate help' says what it takes.\n` }
      : { exitCode: REFUSED, text };
  }
}

function run(children: ChildSessions, args: readonly string[]): Answer | Promise<Answer> {
  if (args.length > MOST_ARGUMENTS) throw new UsageError(`more than ${MOST_ARGUMENTS} arguments`);
  const [name = 'help', ...rest] = args;
  const beforeText = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined);
  if (name === 'help' || beforeText.includes('--help') || beforeText.includes('-h')) return done(ORCHESTRATE_USAGE);
  if (beforeText.some((arg) => arg.startsWith('-') && arg.length > MOST_OPTION_LENGTH)) {
    throw new UsageError("a text that begins with a dash goes behind '--'");
  }
  const command = COMMANDS.get(name);
  if (!command) throw new UsageError(`there is no command ${quote(name)}`);
  return command(children, rest);
}

async function create(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const text = { type: 'string' } as const;
  const turn = {
    priority: text,
    after: { ...text, multiple: true },
    'after-ended': { ...text, multiple: true },
  } as const;
  const asked = { model: text, 'fallback-models': text, effort: text, output: text, 'output-retries': text };
  const work = { ...asked, mode: text, branch: text, base: text, 'task-id': text, 'max-turns': text };
  const limits = { 'duration-ms': text, 'idle-ms': text, 'cost-usd': text, tokens: text, children: text, depth: text };
  const policy = { dangerous: text, deny: { ...text, multiple: true }, ask: { ...text, multiple: true } } as const;
  const { values, words } = parsed(args, { ...work, ...turn, ...limits, ...policy }, ['PROMPT']);
  const [prompt = ''] = words;
  const { mode, branch, base } = values;
  if (base !== undefined && branch === undefined) throw new UsageError("'--base' needs '--branch'");
  // The first rule that matches decides, so the stricter ones come first.
  const rules = (['deny', 'ask'] as const).flatMap((decision) =>
    (values[decision] ?? []).map((tool) => ({ tool, decision })),
  );
  const after = [
    ...(values.after ?? []).map((id) => ({ id, on: 'completed' as const })),
    ...(values['after-ended'] ?? []).map((id) => ({ id, on: 'ended' as const })),
  ];
  const options = given({
    mode: oneOf('--mode', MODES, mode),
    worktree: branch === undefined ? undefined : { branch, ...given({ base }) },
    taskId: values['task-id'],
    priority: oneOf('--priority', PRIORITIES, values.priority),
    after: after.length > 0 ? after : undefined,
    maxTurns: number('--max-turns', values['max-turns']),
    model: values.model,
    fallbackModels: values['fallback-models']?.split(','),
    effort: oneOf('--effort', EFFORTS, values.effort),
    output: schema(values.output),
    outputRetries: number('--output-retries', values['output-retries']),
    limits: given({
      durationMs: number('--duration-ms', values['duration-ms']),
      idleMs: number('--idle-ms', values['idle-ms']),
      costUsd: number('--cost-usd', values['cost-usd']),
      tokens: number('--tokens', values.tokens),
      children: number('--children', values.children),
      depth: number('--depth', values.depth),
    }),
    policy: given({
      rules: rules.length > 0 ? rules : undefined,
      dangerous: oneOf('--dangerous', DECISIONS, values.dangerous),
    }),
  });
  return session(await children.create({ prompt, ...options }), values.json);
}

function list(children: ChildSessions, args: readonly string[]): Answer {
  const { values } = parsed(args, {}, []);
  return sessions(children.list(), values.json);
}

async function wait(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, words } = parsed(args, { any: { type: 'boolean' }, timeout: { type: 'string' } });
  const { any = false, json } = values;
  const seconds = number('--timeout', values.timeout) ?? WAIT_S;
  if (seconds > A_DAY_S) throw new UsageError(`'--timeout' takes at most ${A_DAY_S} seconds, which is a day`);
  const ids = words.length > 0 ? [...new Set(words)] : awaited(children.list(), any);
  if (ids.length === 0) return sessions([], json);
  const found = await children.wait(ids, { any, timeoutMs: Math.ceil(seconds * 1_000) });
  const ended = found.filter(({ status }) => isTerminal(status));
  const { text } = sessions(found, json);
  if (any ? ended.length === 0 : ended.length < found.length) return { exitCode: NOT_ENDED, text };
  return { exitCode: ended.every(({ status }) => status === 'completed') ? DONE : NOT_COMPLETED, text };
}

/**
 * With `any`, only sessions that still go on are waited for. Otherwise an agent that waits again and again would get the same
 * ended session each time.
 */
function awaited(all: UnifiedSession[], any: boolean): string[] {
  const open = any ? all.filter(({ status }) => !isTerminal(status)) : [];
  return (open.length > 0 ? open : all).map(({ id }) => id);
}

function logs(children: ChildSessions, args: readonly string[]): Answer {
  const { values, words } = parsed(args, { tail: { type: 'string' } }, ['ID']);
  const tail = Math.max(1, number('--tail', values.tail) ?? TAIL);
  const { recentMessages, toolsUsed } = children.get(words[0] ?? '').metadata;
  const messages = recentMessages.map(({ at, text }): Entry => ({ at, type: 'message', text }));
  const calls = toolsUsed.map(
    ({ startedAt: at, name, input, outcome }): Entry => ({ at, type: 'tool', name, input, ...given({ outcome }) }),
  );
  const latest = [...messages, ...calls].sort((a, b) => a.at - b.at).slice(-tail);
  return done(values.json ? jsonOf(latest) : latest.map(entryLine).join(''));
}

async function continueChild(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, words } = parsed(args, { fresh: { type: 'boolean' } }, ['ID', 'FEEDBACK']);
  const [id = '', feedback = ''] = words;
  return session(await children.continue(id, feedback, values.fresh ? { fresh: true } : {}), values.json);
}

async function cancel(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, words } = parsed(args, {}, ['ID', 'REASON'], 1);
  const [id = '', reason = 'cancelled by the session above'] = words;
  return session(await children.cancel(id, reason), values.json);
}

/**
 * @param names of the words that are not options; without `names`, any words are accepted. All but the first `least` may be
 * missing.
 */
function parsed<T extends Options>(args: readonly string[], options: T, names?: string[], least = names?.length ?? 0) {
  const { values, positionals: words } = readArgs(args, options);
  if (words.length < least) throw new UsageError(`${names?.[words.length]} is missing`);
  const extra = names && words[names.length];
  if (extra !== undefined) throw new UsageError(`${quote(extra)} is one too many: quote what belongs together`);
  if (words.includes('-')) throw new UsageError("'-' stands for standard input only where it is the last");
  return { values, words };
}

function readArgs<T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options: { json: { type: 'boolean' }, ...options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** Numbers that are out of range are refused later, when all options are checked. */
function number(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}(\.\d{1,15})?$/.test(text)) return text === undefined ? text : Number(text);
  throw new UsageError(`'${option}' takes a number; received ${quote(text)}`);
}

function schema(text: string | undefined): JsonSchema | undefined {
  if (text === undefined) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as JsonSchema;
  } catch {
    // The same error as for any other text that is no object.
  }
  throw new UsageError(`'--output' takes a JSON Schema, an object; received ${quote(text)}`);
}

function oneOf<T extends string>(option: string, choices: readonly T[], text: string | undefined): T | undefined {
  const choice = choices.find((known) => known === text);
  if (text === undefined || choice !== undefined) return choice;
  throw new UsageError(`'${option}' takes ${choices.join(', ')}; received ${quote(text)}`);
}

/** The entries that are not undefined. Undefined if there are none. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return entries.length > 0 ? (Object.fromEntries(entries) as ReturnType<typeof given<T>>) : undefined;
}

function done(text: string): Answer {
  return { exitCode: DONE, text };
}

function session(child: UnifiedSession, json: boolean | undefined): Answer {
  return done(json ? jsonOf(viewOf(child)) : lineOf(child));
}

function sessions(all: readonly UnifiedSession[], json: boolean | undefined): Answer {
  return done(json ? jsonOf(all.map(viewOf)) : all.map(lineOf).join(''));
}

function lineOf({ id, mode, status, result }: UnifiedSession): string {
  const first = /\S.{0,300}/.exec(result?.text ?? result?.error ?? '')?.[0];
  const said = first === undefined ? [] : [singleLine(truncate(first, MOST_LINE))];
  return `${[id, mode, status, ...said].join('\t')}\n`;
}

/** Each entry is one line. Otherwise a text with several lines could fake entries. */
function entryLine({ at, type, ...entry }: Entry): string {
  const what = entry.text ?? `${entry.name} ${quote(entry.input)} ${entry.outcome ?? ''}`;
  return `${new Date(at).toISOString()}\t${type}\t${singleLine(harmless(what, MOST_TEXT))}\n`;
}

function viewOf({ id, mode, status, queuePosition, taskId, environment, metadata, result }: UnifiedSession): object {
  const { branch } = environment;
  const { text, output, reason, error, changes } = result ?? {};
  const { costUsd } = metadata;
  return { id, mode, status, queuePosition, taskId, branch, costUsd, text, output, reason, error, changes };
}

/** A complete JSON document. If there is too much, the texts in it get shorter, but the names stay. */
function jsonOf(value: object): string {
  const share = MOST_TEXT / (Array.isArray(value) ? Math.max(1, value.length) : 1);
  for (const part of [1, 0.7, 0.45, 0.2, 0]) {
    const text = JSON.stringify(value, (key, inner: unknown) => {
      if (typeof inner !== 'string') return inner;
      return harmless(inner, key === 'text' || key === 'error' ? share * part : Math.max(share * part, 100));
    });
    // The agent also chooses the names in a tool's input. JSON does not escape these characters in them.
    if (text.length < MOST_TEXT) return `${text.replace(/[\u007f-\u009f]/g, ' ')}\n`;
  }
  throw new Error('that is too much for one answer: ask for fewer at a time, or without --json');
}

function harmless(text: string, most: number): string {
  return stripControl(truncate(text, Math.floor(most)));
}
