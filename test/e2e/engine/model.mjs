import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerMessage, sendError, sendJson, sendStream } from './messages.mjs';

/**
 * A scripted Messages API on the loopback device. README.md describes the script.
 *
 * @typedef {{ name: string, input: object, script?: Turn[] | undefined }} ToolCall
 * @typedef {{ type: string, text?: string }} Block
 * @typedef {{ role: 'user' | 'assistant' | 'system', content: string | Block[] }} Message
 * @typedef {{ model: string, messages: Message[], tools?: unknown[], stream?: boolean }} MessagesRequest
 * @typedef {{ status: number, type: string, message: string, times?: number, headers?: Record<string, string> }} ScriptedError
 * @typedef {{
 *   text?: string, tool?: string, input?: object, script?: Turn[], tools?: ToolCall[],
 *   history?: true, prompt?: 'sha256', error?: ScriptedError,
 *   delayMs?: number, usage?: Record<string, number>, chunks?: number,
 * }} Turn
 * @typedef {Turn[] | Record<string, Turn[]>} Script One script for all conversations, or scripts by a text in the first prompt.
 */

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} The port. The server does not keep its process alive.
 */
export async function startModel(env) {
  const script = readScript(env);
  const isStillFailing = failureCounter();
  /** @type {(asked: MessagesRequest, response: import('node:http').ServerResponse) => Promise<void>} */
  const respond = (asked, response) =>
    answer(script, asked, response, isStillFailing).catch((error) =>
      // An uncaught error would end the CLI, which runs in this process.
      sendError(response, { status: 400, type: 'invalid_request_error', message: `scripted model: ${error}` }),
    );
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => (body += text));
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'http://model').pathname;
      const asked = parseJson(body);
      if (env.MODEL_REQUEST_LOG) {
        const line = { at: new Date().toISOString(), method: request.method, path, body: asked };
        appendFileSync(env.MODEL_REQUEST_LOG, `${JSON.stringify(line)}\n`);
      }
      if (path === '/v1/messages') void respond(asked, response);
      else if (path === '/v1/messages/count_tokens') sendJson(response, 200, { input_tokens: 100 });
      else sendJson(response, 200, {});
    });
  });
  // By default Node.js closes an idle connection after five seconds. If a connection is closed while a tool runs, the native CLI
  // waits for an answer on it without end.
  server.keepAliveTimeout = 0;
  server.unref();
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', () => resolve(undefined)));
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}

/**
 * @param {Script} script
 * @param {MessagesRequest} request
 * @param {import('node:http').ServerResponse} response
 * @param {(turn: Turn) => boolean} isStillFailing
 */
async function answer(script, request, response, isStillFailing) {
  const turn = chooseTurn(script, request);
  if (turn.delayMs) await sleep(turn.delayMs);
  if (turn.error && isStillFailing(turn)) return sendError(response, turn.error);
  const message = answerMessage({
    model: request.model,
    text: textOf(turn, request.messages),
    calls: callsOf(turn),
    usage: turn.usage,
  });
  if (request.stream) sendStream(response, message, turn.chunks ?? 1);
  else sendJson(response, 200, message);
}

/**
 * The conversation itself says how far it is. So a conversation that is resumed in another container goes on where it stopped.
 *
 * @param {Script} script
 * @param {MessagesRequest} request
 * @returns {Turn}
 */
function chooseTurn(script, { messages, tools }) {
  // Requests for titles, summaries and the like are not part of the conversation.
  if (!tools?.length) return { text: 'ok' };
  const prompt = promptOf(messages);
  const subagent = Object.values(script)
    .flat()
    .flatMap(callsOf)
    .find(({ input }) => /** @type {{ prompt?: string }} */ (input).prompt === prompt);
  const turns = subagent ? (subagent.script ?? []) : scriptFor(prompt ?? '', script);
  return turns[messages.filter(isAnswer).length] ?? { text: 'done' };
}

/**
 * @param {string} prompt
 * @param {Script} script
 * @returns {Turn[]}
 */
function scriptFor(prompt, script) {
  if (Array.isArray(script)) return script;
  const [longest] = Object.keys(script)
    .filter((text) => prompt.includes(text))
    .sort((a, b) => b.length - a.length);
  return longest === undefined ? [] : (script[longest] ?? []);
}

/**
 * Whether a message is an answer of the model. After an interrupted run, Claude Code adds a reply that the model never gave.
 *
 * @param {Message} message
 */
const isAnswer = ({ role, content }) =>
  role === 'assistant' && !JSON.stringify(content).includes('"No response requested."');

/**
 * @param {Turn} turn
 * @returns {ToolCall[]}
 */
const callsOf = ({ tool, input = {}, script, tools = [] }) =>
  tool ? [{ name: tool, input, script }, ...tools] : tools;

/**
 * @param {Turn} turn
 * @param {Message[]} messages
 */
function textOf(turn, messages) {
  if (turn.history) return `HISTORY: ${JSON.stringify(saidByUser(messages))}`;
  if (turn.prompt) return `SHA256: ${sha256(promptOf(messages) ?? '')}`;
  return turn.text;
}

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** After an error the CLI asks again for the same turn. `times` says how often that turn fails before it succeeds. */
function failureCounter() {
  /** @type {Map<Turn, number>} */
  const counts = new Map();
  return (/** @type {Turn} */ turn) => {
    const count = (counts.get(turn) ?? 0) + 1;
    counts.set(turn, count);
    return count <= (turn.error?.times ?? Number.POSITIVE_INFINITY);
  };
}

/** Texts that Claude Code itself adds: reminders, and in newer releases a description of its environment. */
const OF_CLAUDE_CODE = /^\s*(<system-reminder>|# Environment\n)/;

/**
 * What the user or a hook said in a message.
 *
 * @param {Message} message
 * @returns {string[]}
 */
function userTexts({ content }) {
  const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  return blocks.flatMap(({ type, text }) =>
    type === 'text' && text !== undefined && !OF_CLAUDE_CODE.test(text) ? [text] : [],
  );
}

/** For programs that give their sessions no variables: the script in the workspace. */
const WORKSPACE_SCRIPT = '/workspace/.model-script.json';

/**
 * The texts of all messages except the model's. A hook's text has the role `system` in newer releases, `user` in older ones.
 *
 * @param {Message[]} messages
 */
const saidByUser = (messages) => messages.filter(({ role }) => role !== 'assistant').flatMap(userTexts);

/** @param {Message[]} messages */
const promptOf = (messages) => saidByUser(messages)[0];

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Script}
 */
function readScript({ MODEL_SCRIPT, MODEL_SCRIPT_FILE }) {
  const file = MODEL_SCRIPT_FILE ?? (existsSync(WORKSPACE_SCRIPT) ? WORKSPACE_SCRIPT : undefined);
  const text = MODEL_SCRIPT || (file && readFileSync(file, 'utf8'));
  if (!text) return [];
  const source = MODEL_SCRIPT ? 'MODEL_SCRIPT' : `MODEL_SCRIPT_FILE ${file}`;
  const script = parseJson(text);
  if (isScript(script)) return script;
  throw new Error(`${source} must be a JSON array of turns, or an object of such, it is: ${text.slice(0, 200)}`);
}

/**
 * @param {unknown} value
 * @returns {value is Script}
 */
const isScript = (value) =>
  Array.isArray(value) || (typeof value === 'object' && value !== null && Object.values(value).every(Array.isArray));

/**
 * @param {string} text
 * @returns {any} Undefined if the text is no JSON.
 */
function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
