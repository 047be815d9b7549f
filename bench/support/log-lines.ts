import { callOf } from './log-calls.js';

/** The kind of a line of the generated log. */
type Kind = 'text' | 'tool' | 'result';

const WORDS =
  'the function returns early when its input is empty so that callers need no check of their own const await import test expect error undefined session queue container monitor line number string "quoted" path/to/file.ts => {} // comment'.split(
    ' ',
  );
const TOOLS = ['Bash', 'Read', 'Edit', 'Write', 'Grep', 'Glob'];
const SESSION = '1b63e5a1-bdd3-4c2d-a917-dccab5376e2f';
const SMALLEST_LINE = 300;
const LONGEST_LINE = 20_000;

/**
 * Writes stream-json like Claude Code 2.1, with the same keys in the same order. Texts, tool calls and their results take turns.
 * The calls are those of an agent that works in its container's `/workspace`. Texts, results, and what a call writes into a file
 * have 0.3 to 20 kB, and small ones are more frequent. One of them in seven has characters beyond ASCII. One result in twelve is
 * an error. The same seed gives the same lines.
 */
export class LogLines {
  #state: number;
  #count = 0;

  constructor(seed = 1) {
    this.#state = seed;
  }

  /** The first line of a run. */
  init(): string {
    return JSON.stringify({
      type: 'system',
      subtype: 'init',
      cwd: '/workspace',
      session_id: SESSION,
      tools: TOOLS,
      mcp_servers: [],
      model: 'claude-sonnet-4-6',
      permissionMode: 'bypassPermissions',
      claude_code_version: '2.1.98',
    });
  }

  /** Starts the contents from the beginning, so that lines of the same sizes follow. The ids continue. */
  rewind(seed = 1): void {
    this.#state = seed;
  }

  /** @param stamp comes at the beginning of the line's text, or of the description of a call */
  next(stamp = ''): string {
    const count = this.#count++;
    const kind = (['text', 'tool', 'result'] as const satisfies Kind[])[count % 3] ?? 'text';
    const length = SMALLEST_LINE * (LONGEST_LINE / SMALLEST_LINE) ** this.#random();
    const turn = Math.floor(count / 3);
    // The rest of the line is about 600 bytes of keys and ids. A result occurs twice in its line, as Claude Code writes it.
    const prose = (): string => this.#prose(Math.max(20, (length - 600) / (kind === 'result' ? 2 : 1)));
    if (kind === 'result') return this.#result(turn, stamp + prose());
    if (kind === 'text') return this.#assistant(turn, { type: 'text', text: stamp + prose() });
    const { name, input } = callOf(turn, prose);
    const stamped = stamp === '' ? input : { ...input, description: `${stamp}Runs it` };
    return this.#assistant(turn, { type: 'tool_use', id: `toolu_${turn}`, name, input: stamped });
  }

  /** The last line of a run. */
  end(): string {
    return JSON.stringify({
      type: 'result',
      subtype: 'success',
      is_error: false,
      duration_ms: 189,
      num_turns: Math.ceil(this.#count / 3),
      result: 'Done.',
      session_id: SESSION,
      total_cost_usd: 0.5,
      usage: { input_tokens: 200, output_tokens: 40 },
    });
  }

  #assistant(turn: number, content: object): string {
    return JSON.stringify({
      type: 'assistant',
      message: {
        id: `msg_${turn}`,
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-4-6',
        content: [content],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 100, output_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 900 },
        context_management: null,
      },
      parent_tool_use_id: null,
      session_id: SESSION,
      uuid: `125a530b-c0b9-4f8b-bd7e-${turn}`,
    });
  }

  #result(turn: number, prose: string): string {
    const failed = turn % 12 === 11;
    return JSON.stringify({
      type: 'user',
      message: {
        role: 'user',
        content: [{ tool_use_id: `toolu_${turn}`, type: 'tool_result', content: prose, is_error: failed }],
      },
      parent_tool_use_id: null,
      session_id: SESSION,
      uuid: `b873db4f-3d05-4fba-812a-${turn}`,
      tool_use_result: { stdout: prose, stderr: '', interrupted: false, isImage: false },
    });
  }

  #prose(length: number): string {
    let text = this.#random() < 1 / 7 ? '✓ – ' : '';
    while (text.length < length) {
      text += WORDS[Math.floor(this.#random() * WORDS.length)];
      text += this.#random() < 0.1 ? '\n  ' : ' ';
    }
    return text;
  }

  /** Mulberry32: small, fast, and good enough for sizes and words. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
