import type { Danger } from '../../../danger/index.js';
import { OrchestrationError } from '../util/errors.js';
import { namesOf } from './tool-names.js';

/** The fate of a tool call: it runs, a person is asked first, or it does not run. */
export type Decision = 'allow' | 'ask' | 'deny';

/** A tool call that is being decided about. */
export interface ToolCall {
  readonly toolUseId: string;
  /** The name that Claude uses: `Bash`, `Write`, `mcp__github__create_issue`, … */
  readonly tool: string;
  /** The input as the agent gave it: agent-controlled. */
  readonly input: unknown;
  /** Absent for a call that is not dangerous. */
  readonly danger?: Danger;
}

/** Decides about the tool calls that it matches. */
export interface ToolRule {
  /**
   * The tool's name. An older name is as good as the current one (`Task`, `Agent`). `*` stands for any characters, as in
   * `'mcp__*'` or `'*'`.
   */
  readonly tool: string;
  /**
   * Which of the tool's calls the rule is for. A regular expression is tested against the command of `Bash`, the (absolute)
   * path of the file tools, the address of `WebFetch`, and for all other tools against the input as JSON. A function may be
   * called more than once for one call. If it throws, the call is denied. Default: all calls.
   */
  readonly matches?: RegExp | ((call: ToolCall) => boolean);
  readonly decision: Decision;
  /** The reason that the agent and the record get. */
  readonly reason?: string;
}

/**
 * What an agent may do. The first rule that matches decides. If none matches, `dangerous` decides about calls that are rated
 * `critical`, and all other calls are allowed.
 *
 * @example
 * ```ts
 * const policy: ToolPolicy = {
 *   rules: [
 *     { tool: 'Bash', matches: /^git push/, decision: 'ask' },
 *     { tool: 'mcp__*', decision: 'deny', reason: 'No outside services in this project.' },
 *   ],
 *   dangerous: 'ask',
 * };
 * ```
 */
export interface ToolPolicy {
  readonly rules?: readonly ToolRule[];
  /** For calls that are rated `critical`. Default `'deny'`. */
  readonly dangerous?: Decision;
  /** How long a person may take, in milliseconds, before the call is denied. At most a day. Default 10 minutes. */
  readonly approvalTimeoutMs?: number;
  /**
   * What happens to calls if no process answers. `'deny'` (default): they wait for a process to come back, as long as an
   * approval may take, and are then denied. `'allow'`: they run after five seconds, unless a person was already asked.
   */
  readonly onHostLost?: 'deny' | 'allow';
}

/** A decision with its reason. */
export interface PolicyDecision {
  readonly decision: Decision;
  /** For the agent and the record. Absent if the call is allowed. */
  readonly reason?: string;
}

/** Several policies on top of each other, with all defaults filled in. */
export interface ResolvedPolicy {
  /** The manager's policy comes first. Each layer can only tighten the layers before it. */
  readonly layers: readonly Required<Pick<ToolPolicy, 'rules' | 'dangerous'>>[];
  readonly approvalTimeoutMs: number;
  readonly onHostLost: 'deny' | 'allow';
  /** False if somebody has set `onHostLost` to `'deny'`. Then no session may be `detached`. */
  readonly mayDetach: boolean;
  /** True if `onHostLost` is `'allow'` because the session, or the one that leads it, was created as `detached`. */
  readonly detached: boolean;
}

const STRICTNESS: Readonly<Record<Decision, number>> = { allow: 0, ask: 1, deny: 2 };
const DEFAULT_APPROVAL_MS = 10 * 60_000;
/**
 * The field of a tool's input that says what a call is about. For other tools, no field is used: a tool may ignore any field,
 * so an agent could get around a rule with a field of such a name.
 */
const TELLING_FIELDS = new Map([
  ['Bash', 'command'],
  ['WebFetch', 'url'],
  ['Read', 'file_path'],
  ['Write', 'file_path'],
  ['Edit', 'file_path'],
  ['MultiEdit', 'file_path'],
  ['NotebookRead', 'notebook_path'],
  ['NotebookEdit', 'notebook_path'],
]);

/** The policy that applies if nobody sets one. */
export const DEFAULT_POLICY: ResolvedPolicy = resolvePolicy();

/** The manager's policy. */
export function resolvePolicy(policy: ToolPolicy = {}): ResolvedPolicy {
  return {
    layers: [{ rules: copied(policy.rules), dangerous: policy.dangerous ?? 'deny' }],
    approvalTimeoutMs: policy.approvalTimeoutMs ?? DEFAULT_APPROVAL_MS,
    onHostLost: policy.onHostLost ?? 'deny',
    mayDetach: policy.onHostLost !== 'deny',
    detached: false,
  };
}

/**
 * A session's own policy on top of its manager's. Rules that allow a call do not override the layers below.
 *
 * @throws OrchestrationError `INVALID_OPTIONS` if a setting would loosen the policy below
 */
export function tightenPolicy(base: ResolvedPolicy, own: ToolPolicy | undefined): ResolvedPolicy {
  if (!own) return base;
  const inherited = base.layers.reduce<Decision>((strictest, { dangerous }) => stricter(strictest, dangerous), 'allow');
  const { dangerous = inherited, approvalTimeoutMs = base.approvalTimeoutMs, onHostLost = base.onHostLost } = own;
  if (stricter(inherited, dangerous) !== dangerous) throw loosened('dangerous', dangerous, inherited);
  if (approvalTimeoutMs > base.approvalTimeoutMs)
    throw loosened('approvalTimeoutMs', approvalTimeoutMs, base.approvalTimeoutMs);
  if (onHostLost === 'allow' && base.onHostLost === 'deny') throw loosened('onHostLost', onHostLost, base.onHostLost);
  return {
    layers: [...base.layers, { rules: copied(own.rules), dangerous }],
    approvalTimeoutMs,
    onHostLost,
    mayDetach: base.mayDetach && own.onHostLost !== 'deny',
    detached: base.detached && onHostLost === 'allow',
  };
}

/**
 * The policy of a session that is `detached`: it works on while no process is there.
 *
 * @param led true if another session leads this one
 * @throws OrchestrationError `INVALID_OPTIONS` if that would loosen what somebody has set, or the policy of the leader
 */
export function detachPolicy(policy: ResolvedPolicy, led: boolean): ResolvedPolicy {
  if (policy.onHostLost === 'allow') return policy;
  if (policy.mayDetach && !led) return { ...policy, onHostLost: 'allow', detached: true };
  throw new OrchestrationError(
    'INVALID_OPTIONS',
    policy.mayDetach
      ? "Option 'detached': true would loosen the policy of the session that leads this one, which is not detached itself. " +
          "Leave it out, or create the leader with 'detached': true."
      : "Option 'detached': true would loosen what the options of the manager, of the session or of its leader set: " +
          'policy.onHostLost is "deny". Leave \'detached\' out, or that onHostLost.',
  );
}

/** The policy's decision about a call: the strictest decision of all layers. Never throws. */
export function decide(policy: ResolvedPolicy, call: ToolCall): PolicyDecision {
  return policy.layers
    .map((layer) => decideLayer(layer, call))
    .reduce((strictest, next) => (STRICTNESS[next.decision] > STRICTNESS[strictest.decision] ? next : strictest));
}

function decideLayer({ rules, dangerous }: ResolvedPolicy['layers'][number], call: ToolCall): PolicyDecision {
  for (const rule of rules) {
    try {
      if (!fits(rule, call)) continue;
    } catch {
      return { decision: 'deny', reason: `A rule of the policy for ${rule.tool} failed on this call.` };
    }
    return because(rule.decision, rule.reason ?? call.danger?.reason ?? `The policy for ${rule.tool} says so.`);
  }
  return call.danger?.level === 'critical' ? because(dangerous, call.danger.reason) : { decision: 'allow' };
}

function because(decision: Decision, reason: string): PolicyDecision {
  return decision === 'allow' ? { decision } : { decision, reason };
}

function fits({ tool, matches }: ToolRule, call: ToolCall): boolean {
  if (!namesOf(call.tool).some((name) => globFits(tool, name))) return false;
  if (matches === undefined) return true;
  if (typeof matches === 'function') return matches(call) === true;
  // With the flag g or y, the expression would continue at the position where it stopped in another call.
  matches.lastIndex = 0;
  return matches.test(subjectOf(call));
}

function globFits(glob: string, name: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  if (rest.length === 0) return glob === name;
  if (!name.startsWith(first)) return false;
  const last = rest.pop() ?? '';
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** The text that a rule's regular expression is tested against. */
function subjectOf({ tool, input }: ToolCall): string {
  const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const field = TELLING_FIELDS.get(tool);
  const telling = field === undefined ? undefined : fields[field];
  return typeof telling === 'string' ? telling : (JSON.stringify(input) ?? '');
}

function stricter(a: Decision, b: Decision): Decision {
  return STRICTNESS[a] >= STRICTNESS[b] ? a : b;
}

/** The caller may change its objects later. The rules as they were given stay in force. */
function copied(rules: readonly ToolRule[] = []): readonly ToolRule[] {
  return Object.freeze(rules.map((rule) => Object.freeze({ ...rule })));
}

function loosened(setting: string, value: unknown, base: unknown): OrchestrationError {
  return new OrchestrationError(
    'INVALID_OPTIONS',
    `Option 'policy.${setting}': ${JSON.stringify(value)} would loosen what holds already, ${JSON.stringify(base)}. ` +
      'A session may only tighten the policy of its manager and of the session that leads it.',
  );
}

/** The answer to the question if a tool call may run. */
export type Verdict = { readonly allowed: true } | NotAllowed;

interface NotAllowed {
  readonly allowed: false;
  /** The agent gets this as the result of the call. */
  readonly reason: string;
  /** True if the call asked the user something. Then `reason` is the answer, or says that nobody answers. */
  readonly answered?: true;
}

/** A tool call in the form in which its hook asks about it. Names are cut like those in the log. */
export interface AskedCall extends Pick<ToolCall, 'toolUseId' | 'tool' | 'input'> {
  /** When the hook asked, in epoch milliseconds. Absent means now. */
  readonly askedAt?: number;
}
