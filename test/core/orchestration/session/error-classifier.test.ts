import { describe, expect, it } from 'vitest';
import { classifyDiagnostic, classifyError } from '../../../../src/core/orchestration/session/error-classifier.js';

const TABLE: [text: string, severity: string, code: string][] = [
  ['Invalid API key · Please run /login', 'critical', 'auth'],
  ['OAuth token has expired. Please obtain a new token', 'critical', 'auth'],
  ['API Error: 401 {"error":{"type":"authentication_error","message":"Unauthorized"}}', 'critical', 'auth'],
  [
    "There's an issue with the selected model (claude-x). It may not exist or you may not have access to it.",
    'critical',
    'unknown_model',
  ],
  ['API Error: 404 {"error":{"type":"not_found_error","message":"model: claude-x"}}', 'critical', 'unknown_model'],
  ['API Error: 400 The provided model identifier is invalid.', 'critical', 'unknown_model'],
  ['Publisher Model `projects/p/models/claude-x` was not found', 'critical', 'unknown_model'],
  ['FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory', 'critical', 'out_of_memory'],
  ['bash: fork: retry: Resource temporarily unavailable', 'critical', 'process_limit'],
  ['bash: fork: Resource temporarily unavailable', 'critical', 'process_limit'],
  ['sh: 1: Cannot fork', 'critical', 'process_limit'],
  ['Error: spawn /bin/sh EAGAIN', 'critical', 'process_limit'],
  ['error: cannot fork() for git-remote-https: Resource temporarily unavailable', 'critical', 'process_limit'],
  ["RuntimeError: can't start new thread", 'critical', 'process_limit'],
  ['BlockingIOError: [Errno 11] Resource temporarily unavailable: fork', 'critical', 'process_limit'],
  [
    'java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached',
    'critical',
    'process_limit',
  ],
  ['runtime: failed to create new OS thread (have 5 already; errno=11)', 'critical', 'process_limit'],
  ['OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 8', 'critical', 'process_limit'],
  ["thread 'main' panicked: failed to spawn thread: Os { code: 11, kind: WouldBlock }", 'critical', 'process_limit'],
  ['make: vfork: Resource temporarily unavailable', 'critical', 'process_limit'],
  ['fork: Cannot allocate memory', 'critical', 'out_of_memory'],
  ['write /tmp/x: no space left on device', 'critical', 'disk_full'],
  ["ENOSPC: no space, write 'a'", 'critical', 'disk_full'],
  ['Disk quota exceeded', 'critical', 'disk_full'],
  ['bash: ./run.sh: Permission denied', 'critical', 'permission_denied'],
  ["Error: EACCES, open '/etc/shadow'", 'critical', 'permission_denied'],
  ['touch: cannot touch x: Read-only file system', 'critical', 'permission_denied'],
  ['API Error: 429 rate_limit_error', 'warning', 'rate_limit'],
  ['Claude AI usage limit reached|1735689600', 'warning', 'rate_limit'],
  ['{"type":"overloaded_error"}', 'warning', 'rate_limit'],
  ['Connection lost, retrying in 5 seconds', 'warning', 'retry'],
  ['cat: missing.txt: No such file or directory', 'warning', 'file_not_found'],
  ['File does not exist.', 'warning', 'file_not_found'],
  ['Exit code 3\nout\nbad', 'warning', 'command_failed'],
  ['bash: line 1: foo: command not found', 'warning', 'command_failed'],
  ['npm exited with code 1', 'warning', 'command_failed'],
];

describe('classifyError', () => {
  it.each(TABLE)('error text %j is %s: %s', (text, severity, code) => {
    for (const source of ['api', 'tool', 'diagnostic'] as const) {
      expect(classifyError(text, source)).toEqual({ severity, code, message: text });
    }
    expect(classifyDiagnostic(text)).toEqual({ severity, code, message: text });
  });

  it.each(["fatal: Authentication failed for 'https://github.com/acme/app.git/'", 'npm ERR! 401 Unauthorized'])(
    'the login of another program is not the login of the session: %s',
    (text) => {
      expect(classifyError(text, 'tool').code).toBe('command_failed');
      expect(classifyDiagnostic(text)?.code).toBe('command_failed');
      expect(classifyError(text, 'api').code).toBe('auth');
    },
  );

  it.each([
    ['tool', 'warning', 'tool_failed'],
    ['api', 'warning', 'api_error'],
    ['diagnostic', 'info', 'diagnostic'],
  ] as const)('an unknown error text is classified by its source: %s', (source, severity, code) => {
    expect(classifyError('something odd', source)).toEqual({ severity, code, message: 'something odd' });
  });

  it.each([
    'read: Resource temporarily unavailable',
    'EAGAIN: resource temporarily unavailable, read',
    'forked the repository',
    'You cannot fork this repository',
    "thread 'main' panicked: read: Os { code: 11, kind: WouldBlock, message: Resource temporarily unavailable }",
  ])('a text that is not about processes is no process limit: %s', (text) => {
    expect(classifyError(text, 'tool').code).toBe('tool_failed');
  });

  it('an error text with several causes is classified by the cause that stops the session', () => {
    expect(classifyError('Exit code 1\ncat: a: No such file or directory\nno space left on device', 'tool').code).toBe(
      'disk_full',
    );
  });

  it.each([
    ['start', `permission denied${'.'.repeat(100_000)}`],
    ['end', `${'.'.repeat(100_000)}permission denied`],
  ])('a long error text is classified by a cause at its %s, and is cut at 1,000 characters', (_, text) => {
    const { code, message } = classifyError(text, 'tool');
    expect(code).toBe('permission_denied');
    expect(message).toBe(`${text.slice(0, 1_000)}…`);
  });
});

describe('classifyDiagnostic, for log lines that are not stream-json', () => {
  it.each(['Starting firewall', 'Listening on port 8080', 'errors: 0'])('log line %j is not an error', (line) => {
    expect(classifyDiagnostic(line)).toBeUndefined();
  });
});
