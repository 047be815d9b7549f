import { stripControl } from '../util/text.js';
import { type ErrorCode, severityOf } from './error-codes.js';
import type { ErrorSeverity } from './metadata.js';

/** Where an error text comes from: the Messages API, a tool's result, or a log line that is not stream-json. */
export type ErrorSource = 'api' | 'tool' | 'diagnostic';

export interface Classification {
  readonly severity: ErrorSeverity;
  readonly code: string;
  readonly message: string;
}

interface Rule {
  readonly code: ErrorCode;
  readonly pattern: RegExp;
  /** Absent if it counts for every source. */
  readonly source?: ErrorSource;
}

/** The words with which Claude Code says that its own login is refused. Other programs, like git and npm, have logins of their own. */
const CLAUDE_LOGIN =
  /invalid api key ·|please run \/login|^\W{0,10}(error: ?)?not logged in\b(?! to\b)|oauth token (has expired|has been revoked|revoked)|failed to authenticate[.:] (api error|oauth)|\bapi error(?: \([^)\n]{1,200}\))?:? 401\b|^\W{0,10}apikeyhelper failed/im;

/** The first rule that matches wins. So errors that stop a session come before errors from which an agent recovers. */
const RULES: readonly Rule[] = [
  {
    code: 'auth',
    source: 'api',
    pattern:
      /invalid (api key|authentication)|authentication[_ ](error|failed)|oauth token has expired|please run \/login|not logged in|invalid x-api-key|\b401\b.{0,200}unauthori[sz]ed/i,
  },
  { code: 'auth', pattern: CLAUDE_LOGIN },
  {
    // Claude Code's words, and those of the Messages API, Bedrock and Vertex.
    code: 'unknown_model',
    pattern:
      /issue with the selected model|not_found_error.{0,80}\bmodel\b|model identifier is invalid|publisher model .{0,200}not found|\bmodel .{0,200}does not exist or you (do|may) not have access/i,
  },
  {
    // Before `out_of_memory`: Java's words for this name both causes.
    code: 'process_limit',
    pattern:
      /\b(?:v?fork|spawn|clone|pthread_create|(?:create|start)\w* (?:an? |new )*(?:process|thread))\b[^\n]{0,120}(?:resource temporarily unavailable|\bEAGAIN\b|\bWouldBlock\b)|(?:resource temporarily unavailable|\bEAGAIN\b)[^\n]{0,80}\b(?:v?fork|spawn|clone)\b|cannot fork(?:\(\)|:|\.?$)|can't start new thread|unable to create (?:new )?native thread|failed to create new OS thread|\bpthread_create failed/im,
  },
  {
    code: 'out_of_memory',
    pattern:
      /out of memory|cannot allocate memory|\bENOMEM\b|heap out of memory|oom[- ]?kill|std::bad_alloc|\bMemoryError\b/i,
  },
  {
    code: 'disk_full',
    pattern: /no space left on device|\bENOSPC\b|disk quota exceeded|\bEDQUOT\b|disk full/i,
  },
  {
    code: 'permission_denied',
    pattern: /permission denied|\bEACCES\b|\bEPERM\b|operation not permitted|read-only file system|\bEROFS\b/i,
  },
  {
    code: 'rate_limit',
    pattern:
      /rate[_ -]?limit|too many requests|\b429\b|usage limit reached|you've hit your .{0,40}limit|out of extra usage|overloaded_error|\b529\b/i,
  },
  { code: 'retry', pattern: /\bretry(ing)?\b|will be tried again/i },
  {
    code: 'file_not_found',
    pattern: /no such file or directory|\bENOENT\b|file (does not exist|not found)|path does not exist/i,
  },
  {
    code: 'command_failed',
    pattern:
      /^(error: )?(exit code|command failed|non-zero exit)|command not found|exited with (code|status) [1-9]|authentication failed|\b401\b.{0,200}unauthori[sz]ed/im,
  },
];

/** How many characters the patterns see at most. That is enough to tell what a text of any length is about. */
const EXAMINED = 4_000;
const SHOWN = 1_000;

/** Judges how much an error text matters to a person who watches the session. */
export function classifyError(text: string, source: ErrorSource): Classification {
  const rule = ruleFor(text, source);
  const message = stripControl(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
  const code = rule?.code ?? OTHERS[source];
  return { severity: severityOf(code), code, message };
}

const OTHERS = { tool: 'tool_failed', api: 'api_error', diagnostic: 'diagnostic' } as const;

/** The classification of a log line that is not stream-json. Undefined if the line reports no error. */
export function classifyDiagnostic(line: string): Classification | undefined {
  return ruleFor(line, 'diagnostic') ? classifyError(line, 'diagnostic') : undefined;
}

function ruleFor(text: string, from: ErrorSource): Rule | undefined {
  // The significant words stand at the start (of a message) or at the end (of a long command output).
  const examined = text.length > EXAMINED ? `${text.slice(0, EXAMINED / 2)}\n${text.slice(-EXAMINED / 2)}` : text;
  return RULES.find(({ source = from, pattern }) => source === from && pattern.test(examined));
}
