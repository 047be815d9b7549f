import { type ParseArgsConfig, parseArgs } from 'node:util';
import { messageOf, shown } from '../errors.js';
import { clipText, harmlessText, plainText } from '../monitoring/own-text.js';
import { isTerminal } from '../session-lifecycle.js';
import type { SessionMode, UnifiedSession } from '../types.js';
import type { ChildSessions } from './child-sessions.js';
import { ORCHESTRATE_USAGE } from './orchestrate-script.js';

interface Answer {
  exitCode: number;
  text: string;
}
type Options = NonNullable<ParseArgsConfig['options']>;

const DONE = 0;
const REFUSED = 1;
const WRONG_USAGE = 2;
const NOT_ENDED = 3;
const NOT_COMPLETED = 4;

const MODES = ['autonomous', 'planning', 'worktree', 'orchestration'] as const satisfies readonly SessionMode[];
const DECISIONS = ['deny', 'ask', 'allow'] as const;

/** Claude's Bash tool ends a command after two minutes. */
const WAIT_S = 90;
const A_DAY_S = 86_400;
const TAIL = 20;

/** Agents read all of it; more than this tells them no more. */
const MOST_TEXT = 200_000;
const CUT = '\n… the rest is cut\n';
const MOST_LINE = 300;
const MOST_MESSAGE = 2_000;
/** The time that `parseArgs` takes grows with the square of the number of arguments. */
const MOST_ARGUMENTS = 1_000;
/** It makes an argument of each letter behind a single dash. */
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
 * Does what an agent asks with the command `orchestrate`. Never rejects, whatever the arguments are: what is refused,
 * or fails, is the answer. Its text is at most 200,000 characters long.
 */
export async function runOrchestrate(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  try {
    const { exitCode, text } = await run(children, args);
    return { exitCode, text: text.length > MOST_TEXT ? text.slice(0, MOST_TEXT - CUT.length) + CUT : text };
  } catch (error) {
    const text = `orchestrate: ${plainText(clipText(messageOf(error), MOST_MESSAGE))}\n`;
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
  if (!command) throw new UsageError(`there is no command ${shown(name)}`);
  return command(children, rest);
}

async function create(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parsed(args, {
    mode: text,
    branch: text,
    base: text,
    'task-id': text,
    'max-turns': text,
    'cost-usd': text,
    tokens: text,
    'duration-ms': text,
    'idle-ms': text,
    children: text,
    depth: text,
    dangerous: text,
    deny: { ...text, multiple: true },
    ask: { ...text, multiple: true },
  });
  const [prompt = ''] = words(positionals, ['PROMPT']);
  const { mode, branch, base } = values;
  if (mode === 'interactive') throw new UsageError("the mode 'interactive' needs a person");
  if (base !== undefined && branch === undefined) throw new UsageError("'--base' needs '--branch'");
  // The first rule that fits decides: the stricter ones come first.
  const rules = (['deny', 'ask'] as const).flatMap((decision) => (values[decision] ?? []).map((tool) => ({ tool, decision })));
  const options = given({
    mode: oneOf('--mode', MODES, mode),
    worktree: branch === undefined ? undefined : { branch, ...given({ base }) },
    taskId: values['task-id'],
    maxTurns: number('--max-turns', values['max-turns']),
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
  const { values, positionals } = parsed(args, {});
  words(positionals, []);
  return sessions(children.list(), values.json);
}

async function wait(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, positionals } = parsed(args, { any: { type: 'boolean' }, timeout: { type: 'string' } });
  const { any = false, json } = values;
  const seconds = number('--timeout', values.timeout) ?? WAIT_S;
  if (seconds > A_DAY_S) throw new UsageError(`'--timeout' takes at most ${A_DAY_S} seconds, which is a day`);
  const ids = positionals.length > 0 ? [...new Set(positionals)] : awaited(children.list(), any);
  if (ids.length === 0) return sessions([], json);
  const found = await children.wait(ids, { any, timeoutMs: Math.ceil(seconds * 1_000) });
  const ended = found.filter(({ status }) => isTerminal(status));
  const { text } = sessions(found, json);
  if (any ? ended.length === 0 : ended.length < found.length) return { exitCode: NOT_ENDED, text };
  return { exitCode: ended.every(({ status }) => status === 'completed') ? DONE : NOT_COMPLETED, text };
}

/** Who waits for any one again and again would hear of the first that ended each time. */
function awaited(all: UnifiedSession[], any: boolean): string[] {
  const open = any ? all.filter(({ status }) => !isTerminal(status)) : [];
  return (open.length > 0 ? open : all).map(({ id }) => id);
}

function logs(children: ChildSessions, args: readonly string[]): Answer {
  const { values, positionals } = parsed(args, { tail: { type: 'string' } });
  const [id = ''] = words(positionals, ['ID']);
  const tail = number('--tail', values.tail) ?? TAIL;
  const { recentMessages, toolsUsed } = children.get(id).metadata;
  const entries = [
    ...recentMessages.map(({ at, text }) => ({ at, type: 'message', text, line: text })),
    ...toolsUsed.map(({ startedAt, name, input, outcome, durationMs }) => {
      const call = { at: startedAt, type: 'tool', name, input, outcome, durationMs };
      return { ...call, line: [name, shown(input), outcome].filter((part) => part !== undefined).join(' ') };
    }),
  ]
    .sort((a, b) => a.at - b.at)
    .slice(-tail);
  if (values.json) return done(jsonOf(entries.map(({ line: _, ...entry }) => entry)));
  // A line each: a text of several could make entries up.
  return done(
    entries.map(({ at, type, line }) => `${new Date(at).toISOString()}\t${type}\t${plainText(line)}\n`).join(''),
  );
}

async function continueChild(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, positionals } = parsed(args, {});
  const [id = '', feedback = ''] = words(positionals, ['ID', 'FEEDBACK']);
  return session(await children.continue(id, feedback), values.json);
}

async function cancel(children: ChildSessions, args: readonly string[]): Promise<Answer> {
  const { values, positionals } = parsed(args, {});
  const [id = '', reason = 'cancelled by the session above'] = words(positionals, ['ID', 'REASON'], 1);
  return session(await children.cancel(id, reason), values.json);
}

function parsed<T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options: { json: { type: 'boolean' }, ...options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
}

/** The words of a command that are no options. */
function words(given: string[], names: string[], least = names.length): string[] {
  const missing = names[given.length];
  if (missing !== undefined && given.length < least) throw new UsageError(`${missing} is missing`);
  const extra = given[names.length];
  if (extra !== undefined) throw new UsageError(`${shown(extra)} is one too many: quote what belongs together`);
  if (given.includes('-')) throw new UsageError("'-' stands for standard input only where it is the last");
  return given;
}

/** What is out of range is refused where all options are checked. */
function number(option: string, text: string | undefined): number | undefined {
  if (text === undefined || /^\d{1,15}(\.\d{1,15})?$/.test(text)) return text === undefined ? text : Number(text);
  throw new UsageError(`'${option}' takes a number; received ${shown(text)}`);
}

function oneOf<T extends string>(option: string, choices: readonly T[], text: string | undefined): T | undefined {
  const choice = choices.find((known) => known === text);
  if (text === undefined || choice !== undefined) return choice;
  throw new UsageError(`'${option}' takes ${choices.join(', ')}; received ${shown(text)}`);
}

/** What of it is not undefined, if anything is. */
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
  const first = /\S.*/.exec(result?.text ?? result?.error ?? '')?.[0];
  const said = first === undefined ? [] : [plainText(clipText(first, MOST_LINE))];
  return `${[id, mode, status, ...said].join('\t')}\n`;
}

function viewOf({ id, mode, status, queuePosition, taskId, environment, metadata, result }: UnifiedSession): object {
  const { branch } = environment;
  const { text, reason, error, changes } = result ?? {};
  return { id, mode, status, queuePosition, taskId, branch, costUsd: metadata.costUsd, text, reason, error, changes };
}

/** A document that stays whole: where there is too much, the texts in it get shorter. */
function jsonOf(value: object): string {
  const share = MOST_TEXT / (Array.isArray(value) ? value.length + 1 : 1);
  for (const most of [share, share / 8, 0]) {
    const inner = (_: string, part: unknown): unknown => (typeof part === 'string' ? harmless(part, most) : part);
    // The names in a tool's input are an agent's, too; JSON leaves these characters as they are.
    const text = JSON.stringify(value, inner).replace(
      /[\u007f-\u009f]/g,
      (char) => `\\u00${char.charCodeAt(0).toString(16)}`,
    );
    if (text.length < MOST_TEXT) return `${text}\n`;
  }
  throw new Error('that is too much for one answer: ask for fewer at a time, or without --json');
}

/** In pieces: the time that the search for escape sequences takes grows with the square of the length. */
function harmless(text: string, most: number): string {
  return clipText(text, Math.max(100, Math.floor(most))).replace(/[\s\S]{1,1000}/g, (piece) => harmlessText(piece));
}
