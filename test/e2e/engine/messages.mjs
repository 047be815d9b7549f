import { randomUUID } from 'node:crypto';

/**
 * The shapes of the Messages API's answers.
 *
 * @typedef {import('node:http').ServerResponse} Response
 * @typedef {{ type: 'text', text: string } | { type: 'tool_use', id: string, name: string, input: object }} ContentBlock
 */

/** Ids are unique across all containers, because a resumed conversation contains the ids of its earlier runs. */
const uniqueId = () => randomUUID().replaceAll('-', '').slice(0, 24);

/**
 * @param {{ model: string, text?: string | undefined, calls: { name: string, input: object }[], usage?: Record<string, number> | undefined }} answer
 */
export function answerMessage({ model, text, calls, usage }) {
  /** @type {ContentBlock[]} */
  const content = calls.map(({ name, input }) => ({ type: 'tool_use', id: `toolu_${uniqueId()}`, name, input }));
  if (text !== undefined || calls.length === 0) content.unshift({ type: 'text', text: text ?? '' });
  return {
    id: `msg_${uniqueId()}`,
    type: 'message',
    role: 'assistant',
    model,
    content,
    stop_reason: calls.length > 0 ? 'tool_use' : 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 100,
      output_tokens: 20,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      ...usage,
    },
  };
}

/**
 * @param {Response} response
 * @param {number} status
 * @param {object} body
 * @param {Record<string, string>} [headers]
 */
export function sendJson(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', 'request-id': `req_${uniqueId()}`, ...headers });
  response.end(JSON.stringify(body));
}

/**
 * @param {Response} response
 * @param {{ status: number, type: string, message: string, headers?: Record<string, string> }} error
 */
export function sendError(response, { status, type, message, headers }) {
  sendJson(response, status, { type: 'error', error: { type, message } }, headers);
}

/**
 * @param {Response} response
 * @param {ReturnType<typeof answerMessage>} message
 * @param {number} chunks The number of pieces in which a text arrives.
 */
export function sendStream(response, message, chunks) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'request-id': `req_${uniqueId()}` });
  /** @param {{ type: string, [key: string]: unknown }} event */
  const send = (event) => response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  const { stop_reason, stop_sequence, usage } = message;
  send({
    type: 'message_start',
    message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  });
  message.content.forEach((block, index) => {
    const isText = block.type === 'text';
    send({
      type: 'content_block_start',
      index,
      content_block: isText ? { ...block, text: '' } : { ...block, input: {} },
    });
    for (const delta of isText ? textDeltas(block.text, chunks) : [jsonDelta(block.input)]) {
      send({ type: 'content_block_delta', index, delta });
    }
    send({ type: 'content_block_stop', index });
  });
  send({ type: 'message_delta', delta: { stop_reason, stop_sequence }, usage: { output_tokens: usage.output_tokens } });
  send({ type: 'message_stop' });
  response.end();
}

/** @param {object} input */
const jsonDelta = (input) => ({ type: 'input_json_delta', partial_json: JSON.stringify(input) });

/**
 * @param {string} text
 * @param {number} count
 */
function textDeltas(text, count) {
  const size = Math.max(1, Math.ceil(text.length / count));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, i) => ({
    type: 'text_delta',
    text: text.slice(i * size, (i + 1) * size),
  }));
}
