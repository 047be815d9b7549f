interface ClaudeMessage {
  /** A typical message of the kind, as far as the library could read it. */
  readonly sample: object;
  /** What becomes of the message, for a person. Markdown. */
  readonly becomes: string;
}

const ID = '6e8f6c5a-6f0b-4e6e-9d1c-2d9a3c8f5b10';
const system = (subtype: string, fields: object = {}): object => ({
  type: 'system',
  subtype,
  session_id: ID,
  ...fields,
});
const result = (subtype: string, fields: object = {}): object => ({
  type: 'result',
  subtype,
  is_error: subtype !== 'success',
  num_turns: 1,
  total_cost_usd: 0.01,
  usage: { input_tokens: 1, output_tokens: 1 },
  ...fields,
});
const TASK = { task_id: 'b1', tool_use_id: 'toolu_1', description: 'npm test' };
const ONLY_SHOWN = 'ignored: only a program that shows the conversation needs it';

/**
 * Every kind of message of the newest release, by `type` or `type/subtype`, in alphabetical order. The page docs/claude-code.md is
 * made from this.
 */
export const CLAUDE_MESSAGES: Readonly<Record<string, ClaudeMessage>> = {
  active_goal: {
    sample: { type: 'active_goal', goal: null },
    becomes: 'ignored: a goal of the terminal UI',
  },
  assistant: {
    sample: {
      type: 'assistant',
      message: {
        id: 'm',
        model: 'claude-opus-5-5',
        content: [
          { type: 'text', text: 'Hello' },
          { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
        ],
        usage: { input_tokens: 1, output_tokens: 1 },
      },
    },
    becomes:
      '`session:message`, `session:tool`, tokens and cost; a failed request (`error`) is a `session:error` with a code',
  },
  auth_status: {
    sample: { type: 'auth_status', isAuthenticating: false, output: [], error: 'expired' },
    becomes: 'a login that fails ends the run, as after a refused request',
  },
  conversation_reset: {
    sample: { type: 'conversation_reset', new_conversation_id: ID },
    becomes:
      'ignored: only a person at a terminal begins another conversation; there, the new transcript is copied, too',
  },
  prompt_suggestion: { sample: { type: 'prompt_suggestion', suggestion: 'x' }, becomes: ONLY_SHOWN },
  rate_limit_event: {
    sample: { type: 'rate_limit_event', rate_limit_info: { status: 'rejected', resetsAt: 1_800_000_000 } },
    becomes:
      'the state of a usage window, for `queueStatus()` and the page; if the provider rejects, the session waits',
  },
  'result/error_during_execution': {
    sample: result('error_during_execution', { errors: ['broken'] }),
    becomes: 'the run has failed; its text says why',
  },
  'result/error_max_budget_usd': {
    sample: result('error_max_budget_usd'),
    becomes: 'the run has failed with reason `max_cost`',
  },
  'result/error_max_structured_output_retries': {
    sample: result('error_max_structured_output_retries'),
    becomes: 'Claude gave no typed result',
  },
  'result/error_max_turns': {
    sample: result('error_max_turns'),
    becomes: 'the run has failed with reason `max_turns`',
  },
  'result/success': {
    sample: result('success', { result: 'Done.' }),
    becomes: 'the closing message, the total cost and tokens; with exit code 0, the run has succeeded',
  },
  stream_event: {
    sample: { type: 'stream_event', event: { type: 'content_block_delta' } },
    becomes: 'ignored: a part of a message that follows as a whole; the library does not ask for parts',
  },
  'system/api_retry': {
    sample: system('api_retry', { attempt: 1, max_retries: 10, error_status: 500, error: 'server_error' }),
    becomes: '`session:error`: the request is tried again, and why; a refused login ends the run at once',
  },
  'system/background_tasks_changed': {
    sample: system('background_tasks_changed', { tasks: [] }),
    becomes: 'which background tasks run: a run with such tasks has not ended',
  },
  'system/commands_changed': { sample: system('commands_changed'), becomes: ONLY_SHOWN },
  'system/compact_boundary': {
    sample: system('compact_boundary', { compact_metadata: { trigger: 'auto', pre_tokens: 1 } }),
    becomes: 'the conversation is shorter now: the silence before it was no idleness',
  },
  'system/control_request_progress': {
    sample: system('control_request_progress'),
    becomes: 'ignored: part of the control protocol',
  },
  'system/elicitation_complete': {
    sample: system('elicitation_complete'),
    becomes: 'ignored: a question of an MCP server, which Claude Code declines without a person',
  },
  'system/files_persisted': {
    sample: system('files_persisted', { files: [], failed: [] }),
    becomes: 'ignored: only in a cloud session',
  },
  'system/hook_progress': {
    sample: system('hook_progress', { hook_event: 'SessionStart' }),
    becomes: 'ignored: output of a hook',
  },
  'system/hook_response': {
    sample: system('hook_response', { hook_event: 'SessionStart', exit_code: 0 }),
    becomes: 'ignored: the guard listens to its hooks themselves, because anybody can write this line',
  },
  'system/hook_started': {
    sample: system('hook_started', { hook_event: 'SessionStart' }),
    becomes: 'ignored, like `hook_response`',
  },
  'system/informational': { sample: system('informational', { content: 'x', level: 'info' }), becomes: ONLY_SHOWN },
  'system/init': {
    sample: system('init', { model: 'claude-opus-5-5', claude_code_version: '2.1.332', tools: [] }),
    becomes:
      'the id of the conversation, model and release; an MCP server that failed is a warning; from now on a missing hook ends the run (`guard_missing`)',
  },
  'system/local_command_output': { sample: system('local_command_output', { content: 'x' }), becomes: ONLY_SHOWN },
  'system/memory_recall': { sample: system('memory_recall', { memories: [] }), becomes: ONLY_SHOWN },
  'system/mirror_error': {
    sample: system('mirror_error', { error: 'x' }),
    becomes: 'ignored: only in a cloud session',
  },
  'system/model_refusal_fallback': {
    sample: system('model_refusal_fallback', {
      original_model: 'claude-opus-5-5',
      fallback_model: 'claude-sonnet-5-5',
      content: 'x',
    }),
    becomes: 'a warning: another model answers from now on',
  },
  'system/model_refusal_no_fallback': {
    sample: system('model_refusal_no_fallback', { original_model: 'claude-opus-5-5', content: 'x' }),
    becomes: 'ignored: the message or the result says that the model refused',
  },
  'system/notification': {
    sample: system('notification', { key: 'x', text: 'x', priority: 'low' }),
    becomes: ONLY_SHOWN,
  },
  'system/permission_denied': {
    sample: system('permission_denied', { tool_name: 'Bash', tool_use_id: 'toolu_1', message: 'no' }),
    becomes: 'ignored: the result of the call says the same',
  },
  'system/plugin_install': { sample: system('plugin_install', { status: 'started' }), becomes: ONLY_SHOWN },
  'system/session_state_changed': { sample: system('session_state_changed', { state: 'idle' }), becomes: ONLY_SHOWN },
  'system/session_writes_lost': {
    sample: system('session_writes_lost', { error_code: 'ENOSPC', lost: ['transcript'] }),
    becomes: '`session:error`: the disk is full, and the transcript is not complete',
  },
  'system/status': {
    sample: system('status', { status: 'compacting' }),
    becomes: 'while Claude shortens the conversation, silence is no idleness; other states are ignored',
  },
  'system/task_notification': {
    sample: system('task_notification', { ...TASK, status: 'completed', output_file: '/tmp/x', summary: 'x' }),
    becomes: 'the end of a background task',
  },
  'system/task_progress': { sample: system('task_progress', { ...TASK, usage: {} }), becomes: 'ignored' },
  'system/task_started': {
    sample: system('task_started', TASK),
    becomes: 'the beginning of a background task: until its end, the run has not ended',
  },
  'system/task_updated': {
    sample: system('task_updated', { ...TASK, patch: { status: 'completed' } }),
    becomes: 'the end of a background task, or its move to the background',
  },
  'system/thinking_tokens': {
    sample: system('thinking_tokens', { estimated_tokens: 1 }),
    becomes: 'ignored: a sign of life',
  },
  'system/worker_shutting_down': {
    sample: system('worker_shutting_down', { reason: 'x' }),
    becomes: 'ignored: only in a cloud session',
  },
  tool_progress: {
    sample: { type: 'tool_progress', tool_use_id: 'toolu_1', tool_name: 'Bash', elapsed_time_seconds: 1 },
    becomes: 'ignored: a sign of life',
  },
  tool_use_summary: {
    sample: { type: 'tool_use_summary', summary: 'x', preceding_tool_use_ids: [] },
    becomes: ONLY_SHOWN,
  },
  user: {
    sample: {
      type: 'user',
      message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'x' }] },
    },
    becomes: '`session:tool-result`, compared with what the guard decided about the call',
  },
};
