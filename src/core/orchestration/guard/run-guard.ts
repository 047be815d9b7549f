import type { Denial } from '../session/denial.js';
import type { Observation } from '../session/observation.js';
import {
  type AskedCall,
  decide,
  type PolicyDecision,
  type ResolvedPolicy,
  type ToolCall,
  type Verdict,
} from '../session/policy.js';
import type { RunRecord } from '../session/run-record.js';
import { quote } from '../util/errors.js';
import { Approvals } from './approvals.js';
import { type ToolResult, UNRECORDED } from './breach.js';
import { CallLedger } from './call-ledger.js';
import { CallRatings, type RatedPlace } from './call-ratings.js';
import { whyOff } from './claude-tools.js';
import type { DecisionLog } from './decision-log.js';
import { InterruptedAgents } from './interrupted-agents.js';
import { PersonRequests } from './person-requests.js';
import { isQuestion } from './question-texts.js';
import { Questions } from './questions.js';

export interface RunGuardOptions {
  policy: ResolvedPolicy;
  place: RatedPlace;
  record: RunRecord;
  /** Keeps the decisions for the next process. */
  decisions: DecisionLog;
  /** Tools that are off in this session, so their calls are never allowed. Default none. */
  off?: readonly string[];
  /**
   * What becomes of the agent's questions: a person is asked, nobody is there, or the person at the session's terminal answers
   * them, which takes nothing of the guard. Default `'ask'`.
   */
  questions?: 'ask' | 'decline' | 'terminal';
}

/**
 * How far the calls of a run have to pass the guard. `true`: each of them. `'ended'`: the run is being ended, which interrupts calls
 * before they are decided about. `'unasked'`: no process was there to ask, and the policy lets calls run in that case. `false`: the
 * run has no hooks that ask.
 */
export type Enforced = boolean | 'ended' | 'unasked';

/** How much a person can read through. A longer input could hide an important part behind unimportant ones. */
const MOST_SHOWN_LENGTH = 1_000_000;
/**
 * Whoever shows the input writes it as JSON. This takes stack space for each level, and less may be available there than here.
 */
const MOST_SHOWN_DEPTH = 50;

/**
 * Decides about the tool calls of one run before they run, and compares the decisions with the log afterwards. The hook that
 * asks runs as the agent's own user. So an agent may get past the hook, but not unseen.
 */
export class RunGuard {
  /** Everything that waits for a person: approvals and questions. */
  readonly requests: PersonRequests;
  readonly approvals: Approvals;
  readonly questions: Questions;
  readonly #options: RunGuardOptions;
  readonly #ledger: CallLedger;
  readonly #ratings: CallRatings;
  /** True if a call of the run has asked, also if it asked an earlier process. */
  #wasAsked = false;
  #wasFlooded = false;
  readonly #interrupted = new InterruptedAgents();

  constructor(options: RunGuardOptions) {
    this.#options = options;
    const { policy, place, record, questions, off } = options;
    this.#ledger = new CallLedger(off);
    this.#ratings = new CallRatings(place, this.#ledger);
    this.requests = new PersonRequests(record, policy.approvalTimeoutMs);
    this.approvals = new Approvals(record, this.requests);
    this.questions = new Questions(record, this.requests, questions === 'decline');
  }

  /**
   * Loads the rules that rate calls, unless they are loaded. `inspect` needs them to be loaded. `beforeTool` waits for them
   * itself.
   */
  async ready(): Promise<void> {
    await this.#ratings.ready();
  }

  /** Called when the ignore rules of the workspace are read. */
  settle(): void {
    this.#ratings.settle();
  }

  /** Takes over the decisions of an earlier process about the run. */
  async restore(): Promise<void> {
    const earlier = await this.#options.decisions.read();
    this.#ledger.continueAfter(earlier);
    this.#wasAsked ||= !earlier.isEmpty;
  }

  /** Answers the hook. Resolves when the policy or a person has decided. Any failure is a denial. */
  async beforeTool({ askedAt, ...asked }: AskedCall): Promise<Verdict> {
    this.#wasAsked = true;
    if (this.#ledger.hasEnded(asked.toolUseId)) return { allowed: false, reason: 'Denied: the call is over.' };
    const verdict = await this.#judge(asked, askedAt);
    try {
      const decision = this.#ledger.decisionOn(asked.toolUseId);
      if (decision) await this.#options.decisions.append(decision);
      return verdict;
    } catch {
      // These words are needed so that a process that takes over does not count the call as a breach.
      if (verdict.allowed) return this.#deny(asked, 'policy', UNRECORDED);
      this.#ledger.unrecorded(asked.toolUseId);
      return { allowed: false, reason: UNRECORDED };
    }
  }

  /** The hook reports that a call has ended. Returns the breach if the call that ran was not allowed. */
  afterTool(call: AskedCall): Breach | undefined {
    const breach = this.#ledger.reported(call);
    return breach === undefined ? undefined : ranWithoutLeave(call.toolUseId, call.tool, breach);
  }

  /**
   * A call that is in the log, although it has neither asked nor ended. In a run that went well, Claude Code leaves none: somebody
   * may have kept it from asking, and have written the end of the run in its place. Call this when the whole log is read.
   */
  unjudged(): Breach | undefined {
    const call = this.#ledger.unjudged((parent) => this.#interrupted.has(parent));
    return call && ranWithoutLeave(call.toolUseId, call.tool, 'without asking, or was given up: it has no result');
  }

  async #judge(asked: ToolCall, askedAt: number | undefined): Promise<Verdict> {
    try {
      const off = whyOff(asked, this.#options.off ?? []);
      if (off !== undefined) return this.#deny(asked, 'policy', `Denied by policy: ${off}`);
      if (!this.#ratings.isReady) await this.#ratings.ready();
      const call = this.#ratings.rated(asked);
      const { decision, reason = '' } = this.#decide(call);
      // Whoever would be asked about the call gets the question itself.
      if (decision !== 'deny' && isQuestion(call.tool) && this.#options.questions !== 'terminal') {
        return await this.#passOn(call, askedAt);
      }
      if (decision === 'ask' && this.#ledger.isAllowed(call)) return { allowed: true };
      if (decision === 'ask') return await this.#ask(call, reason, askedAt);
      if (decision === 'deny') return this.#deny(call, 'policy', `Denied by policy: ${reason}`);
      this.#ledger.decided(call, { allowed: true });
      return { allowed: true };
    } catch {
      return this.#deny(asked, 'policy', 'Denied: the call could not be read.');
    }
  }

  /**
   * Returns what the log reports, with dangers rated and denied calls marked. If a call ran without permission, a breach is at
   * the end of the list. Call this when `ready` has resolved.
   *
   * @param enforced how far calls have to pass the guard, see `Enforced`
   */
  inspect(observations: readonly Observation[], enforced: Enforced): Observation[] {
    // Without hooks there is nothing to compare the log with, unless somebody asks all the same.
    const isCompared = enforced !== false || this.#wasAsked;
    const rated = this.#ratings.ofLine(observations, isCompared);
    const seen: Observation[] = [];
    for (const observation of observations) {
      const call = rated.get(observation);
      if (isCompared) this.#compare(observation, call, enforced, seen);
      else if (observation.kind !== 'tampered') seen.push(withDanger(observation, call));
    }
    if (enforced === true && this.#ledger.isFlooded && !this.#wasFlooded) {
      this.#wasFlooded = true;
      const reason = `The log reports more open tool calls than a run has. ${OPEN_CAUSE}`;
      seen.push(breachOf('unknown', 'unknown', reason));
    }
    return seen;
  }

  #compare(observation: Observation, call: ToolCall | undefined, enforced: Enforced, seen: Observation[]): void {
    this.#interrupted.observe(observation);
    switch (observation.kind) {
      case 'tampered':
        if (enforced === true) seen.push(breachOf('unknown', 'unknown', UNREADABLE_LOG));
        break;
      case 'tool':
        if (call) this.#logged(call, enforced, observation.parentToolUseId);
        seen.push(withDanger(observation, call));
        break;
      case 'error':
        if (this.#ledger.answerTo(observation.toolUseId)) break;
        if (!this.#ledger.isDenied(observation.toolUseId)) seen.push(observation);
        else seen.push({ ...observation, severity: 'warning', code: 'denied' });
        break;
      case 'tool-result':
        seen.push(...this.#ended(observation, enforced));
        break;
      default:
        seen.push(observation);
    }
  }

  #logged(call: ToolCall, enforced: Enforced, parent: string | undefined): void {
    this.#ledger.logged(call, this.#decide(call).decision === 'allow', parent);
    if (enforced === false || enforced === 'unasked') this.#ledger.exempt(call.toolUseId);
  }

  /** What the end of a call reports, compared with the decision about the call. */
  #ended(result: ToolResult, enforced: Enforced): Observation[] {
    const { verdict, breach, tool } = this.#ledger.ended(result);
    const ran = enforced === true || (enforced === 'ended' && result.outcome === 'ok');
    if (ran && breach !== undefined) {
      const found = ranWithoutLeave(result.toolUseId, tool ?? 'unknown', breach);
      return [result, this.#wasAsked ? found : { ...found, neverAsked: true }];
    }
    if (!verdict || verdict.allowed) return [result];
    if (verdict.answered) return [{ ...result, outcome: 'ok', output: verdict.reason }];
    return [{ ...result, outcome: 'denied' }];
  }

  async #ask(call: ToolCall, why: string, askedAt: number | undefined): Promise<Verdict> {
    if (isDeeperThan(call.input, MOST_SHOWN_DEPTH)) {
      return this.#deny(call, 'policy', 'Denied: it is nested too deeply for a person to check.');
    }
    if ((JSON.stringify(call.input) ?? '').length > MOST_SHOWN_LENGTH) {
      return this.#deny(call, 'policy', 'Denied: it is too long for a person to check; split it.');
    }
    this.#ledger.decided(call, undefined);
    const { decision, by, note } = await this.approvals.ask(call, askedAt);
    if (decision === 'allow') {
      this.#ledger.decided(call, { allowed: true });
      return { allowed: true };
    }
    const said = by === 'person' ? 'Denied by the user' : `Denied, as it needed the user's approval (${why})`;
    return this.#deny(call, by, note === undefined ? `${said}.` : `${said}: ${note}`);
  }

  /** Passes the agent's questions on to a person. The call does not run: the agent gets the answers as its result. */
  async #passOn(call: ToolCall, askedAt: number | undefined): Promise<Verdict> {
    const before = this.#ledger.answerTo(call.toolUseId);
    if (before) return before;
    this.#ledger.decided(call, undefined);
    const verdict = { allowed: false, answered: true, reason: await this.questions.ask(call, askedAt) } as const;
    this.#ledger.decided(call, verdict);
    return verdict;
  }

  #deny(call: ToolCall, by: Denial['by'], reason: string): Verdict {
    const verdict = { allowed: false, reason: reason.trim() } as const;
    this.#ledger.decided(call, verdict);
    const { record } = this.#options;
    record.dispatch({
      type: 'denied',
      at: record.clock.now(),
      denial: Object.freeze({ ...call, reason: verdict.reason, by }),
    });
    return verdict;
  }

  #decide(call: ToolCall): PolicyDecision {
    return decide(this.#options.policy, call);
  }
}

/** A tool call that bypassed the guard. */
export type Breach = Extract<Observation, { kind: 'breach' }>;

function ranWithoutLeave(id: string, tool: string, how: string): Breach {
  return breachOf(id, tool, `The call ${quote(tool)} (${quote(id)}) ran ${how}. ${OPEN_CAUSE}`);
}

/** Nobody can tell an agent that got past its hook from a Claude Code that did not run it. */
const OPEN_CAUSE =
  "Either the agent got around the guard's hook, or Claude Code did not run it: its own faults can look the same. " +
  'See what the call did. continue() goes on with a further run, which has new hooks.';

const UNREADABLE_LOG = `The log cannot be read where it may tell of a tool call, or transcripts are missing from it. ${OPEN_CAUSE}`;

function breachOf(id: string, name: string, reason: string): Breach {
  return { kind: 'breach', id, name, danger: { level: 'critical', rule: 'guard.bypassed', reason } };
}

function withDanger(observation: Observation, call: ToolCall | undefined): Observation {
  return observation.kind === 'tool' && call?.danger ? { ...observation, danger: call.danger } : observation;
}

function isDeeperThan(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return most === 0 || Object.values(value).some((inner) => isDeeperThan(inner, most - 1));
}
