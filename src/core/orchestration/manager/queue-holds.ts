import { join } from 'node:path';
import type { QueueEvent } from '../session/events.js';
import { LOG_IN_AGAIN } from '../session/log-in-again.js';
import type { OverageChoice } from '../session/overage.js';
import type { QueueHold } from '../session/queue-hold.js';
import { callAt } from '../util/call-at.js';
import type { Clock } from '../util/clock.js';
import { messageOf, OrchestrationError, quote } from '../util/errors.js';
import { writeAtomically } from '../util/fs/atomic-file.js';
import { notWritable } from '../util/fs/not-writable.js';
import { readOwnFile } from '../util/fs/own-file.js';
import { serialized } from '../util/serialized.js';
import { stripControl, truncate } from '../util/text.js';
import { lazily } from '../util/zod.js';

/** More accounts than a manager has. The file is not read if it has more. */
const MOST_HOLDS = 1_000;
const MOST_FILE_BYTES = 4 * 1024 * 1024;
const ERROR_LENGTH = 500;
/** How many accounts an error names. */
const MOST_NAMED = 10;
/** The key of the hold that concerns all sessions. No account has an empty name. */
const ALL = '';

const NEXT_STEPS = {
  auth: `${LOG_IN_AGAIN} Then release the queue, and continue what failed.`,
  spend_limit: 'Raise the limit, or add credits. Then release the queue, and continue what failed.',
  usage_limit: 'The sessions go on by themselves then.',
  overage: 'Sessions that may not pay extra usage go on by themselves then.',
} as const;
/** The worst first. A hold is never replaced by a better one. */
const WORST = ['spend_limit', 'auth', 'usage_limit', 'overage'];
/** These end by themselves, and a session that has waited for that may start. */
const PASSING = ['usage_limit', 'overage'];

export type AccountFailure = Pick<QueueHold, 'until'> & { reason: keyof typeof NEXT_STEPS; error: string };

export interface QueueHoldsOptions {
  stateDir: string;
  clock: Clock;
  /** Reports a change to the listeners. */
  tell: (event: QueueEvent) => void;
  /** Called when sessions may start, or may not start any more. `isHeld`: no session may. */
  onChange: (isHeld: boolean, cause: string) => void;
}

/**
 * Keeps sessions from starting while they could only fail: those of an account whose login is refused, or that has no money or no
 * requests left, or all sessions if a person says so. Sessions that run are not touched. Holds are on disk, so the next manager
 * holds as well.
 */
export class QueueHolds {
  readonly #options: QueueHoldsOptions;
  /** By account. */
  readonly #holds = new Map<string, QueueHold>();
  readonly #timers = new Map<string, () => void>();
  /** The account of each session that waits or runs, also before the session is on record. */
  readonly #accounts = new Map<string, string>();
  /** Each account only once in memory, because thousands of sessions may have it. */
  readonly #names = new Map<string, string>();
  /** Sessions that do not go on where extra usage is paid. They are few. */
  readonly #notPaying = new Set<string>();
  /** Sessions that may start although their account is at a usage limit, and the latest end of such a limit. */
  readonly #exempt = new Map<string, number>();
  readonly #write = serialized();

  constructor(options: QueueHoldsOptions) {
    this.#options = options;
  }

  /** All holds, the oldest first. */
  get all(): readonly QueueHold[] {
    return [...this.#holds.values()];
  }

  /** Called before a session enters the queue. */
  enter(id: string, account: string, onOverage: OverageChoice = 'continue'): void {
    this.#accounts.set(id, this.#nameOf(account));
    if (onOverage === 'continue') this.#notPaying.delete(id);
    else this.#notPaying.add(id);
  }

  /** Called when it is known better whose login a session has. Returns true if that changes something. */
  relabel(id: string, account: string): boolean {
    const isNew = this.#accounts.get(id) !== account;
    this.#accounts.set(id, this.#nameOf(account));
    return isNew;
  }

  #nameOf(account: string): string {
    const known = this.#names.get(account);
    if (known === undefined) this.#names.set(account, account);
    return known ?? account;
  }

  /** Called when a session is forgotten. */
  leave(id: string): void {
    this.#accounts.delete(id);
    this.#exempt.delete(id);
    this.#notPaying.delete(id);
  }

  accountOf(id: string): string | undefined {
    return this.#accounts.get(id);
  }

  /** True if a session may get a slot. */
  mayStart(id: string): boolean {
    if (this.#holds.has(ALL)) return false;
    const held = this.#holds.get(this.#accounts.get(id) ?? ALL);
    if (!held || (held.reason === 'overage' && !this.#notPaying.has(id))) return true;
    if (!PASSING.includes(held.reason)) return false;
    return (held.until ?? 0) <= (this.#exempt.get(id) ?? Number.NEGATIVE_INFINITY);
  }

  /** Called when a run of the session is over. */
  ran(id: string): void {
    this.#exempt.delete(id);
  }

  /**
   * Lets the next run of a session start, even if its account is at its usage limit.
   *
   * @param until only if the limit ends until then, because the session has waited for that. Default: whenever it ends
   */
  exempt(id: string, until = Number.POSITIVE_INFINITY): void {
    this.#exempt.set(id, until);
  }

  /** Called when the run of a session has shown that no session of its account can work. */
  accountFailed(id: string, { reason, error, until }: AccountFailure): void {
    const account = this.#accounts.get(id);
    if (account === undefined) return;
    const before = this.#holds.get(account);
    const isWorse = before !== undefined && WORST.indexOf(reason) < WORST.indexOf(before.reason);
    const isLater = before?.reason === reason && PASSING.includes(reason) && (before.until ?? 0) < (until ?? 0);
    if (before && !isWorse && !isLater) return;
    const message = `${truncate(stripControl(error), ERROR_LENGTH)} No session of the account ${quote(account)} starts. ${NEXT_STEPS[reason]}`;
    const since = before && !isWorse ? before.since : this.#options.clock.now();
    this.#hold({ reason, message, account, since, sessionId: id, ...(until !== undefined && { until }) });
    // If the disk refuses, only the next manager does not know of the hold. It will see the same failure.
    this.#save().catch((failure: unknown) => process.emitWarning(messageOf(failure), 'QueueHoldNotSaved'));
  }

  /** Holds all sessions, until a person releases them. @throws OrchestrationError `STATE_NOT_WRITABLE` */
  async holdAll(reason: string): Promise<void> {
    const before = this.#holds.get(ALL);
    if (before?.reason !== reason) {
      const message = `No session starts, because somebody held the queue: ${reason}`;
      this.#hold({ reason, message, since: before?.since ?? this.#options.clock.now() });
    }
    await this.#save();
  }

  /**
   * Ends the holds of an account, or all holds.
   *
   * @throws OrchestrationError `INVALID_OPTIONS` if no session has the account, `STATE_NOT_WRITABLE`
   */
  async release(account?: string): Promise<void> {
    if (account !== undefined) this.#requireAccount(account);
    const keys = account === undefined ? [...this.#holds.keys()] : [account];
    for (const key of keys) this.#release(key);
    await this.#save();
  }

  /** Reads what an earlier manager held. */
  async load(): Promise<void> {
    const text = await readOwnFile(this.#file, { most: MOST_FILE_BYTES }).catch(() => undefined);
    if (text === undefined) return;
    for (const hold of storedHolds(text)) {
      const key = hold.account ?? ALL;
      if (!this.#holds.has(key)) this.#keep(key, hold);
    }
    if (this.#holds.size > 0) this.#options.onChange(this.#holds.has(ALL), ALL);
  }

  /** Ends all timers. */
  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  get #file(): string {
    return join(this.#options.stateDir, 'queue-holds.json');
  }

  #hold(hold: QueueHold): void {
    this.#keep(hold.account ?? ALL, hold);
    this.#changed('queue:held', hold);
  }

  #keep(key: string, hold: QueueHold): void {
    this.#holds.set(key, Object.freeze(hold));
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    const { until } = hold;
    if (until === undefined) return;
    const { clock } = this.#options;
    this.#timers.set(
      key,
      callAt(
        until,
        () => clock.now(),
        () => {
          this.#release(key);
          void this.#save().catch(() => {});
        },
      ),
    );
  }

  /** A hold may have ended a moment ago. But an account that nobody has is a mistake. */
  #requireAccount(account: string): void {
    if (this.#holds.has(account) || [...this.#accounts.values()].includes(account)) return;
    const held = [...this.#holds.keys()].filter((key) => key !== ALL).map((key) => quote(key));
    const which = held.length > 0 ? `Held are: ${held.slice(0, MOST_NAMED).join(', ')}.` : 'No account is held.';
    throw new OrchestrationError('INVALID_OPTIONS', `'account' (${quote(account)}): no session has it. ${which}`);
  }

  #release(key: string): void {
    const hold = this.#holds.get(key);
    if (!hold) return;
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    this.#holds.delete(key);
    this.#changed('queue:released', hold);
  }

  #changed(type: 'queue:held' | 'queue:released', { sessionId = '', ...hold }: QueueHold): void {
    const { tell, onChange, clock } = this.#options;
    tell({ type, sessionId, at: clock.now(), ...hold });
    onChange(this.#holds.has(ALL), sessionId);
  }

  #save(): Promise<void> {
    return this.#write(async () => {
      try {
        await writeAtomically(this.#file, JSON.stringify({ version: 1, holds: this.all }));
      } catch (cause) {
        throw notWritable(this.#file, cause);
      }
    });
  }
}

const holdSchema = lazily((z) =>
  z.object({
    reason: z.string(),
    message: z.string(),
    account: z.string().min(1).optional(),
    since: z.number(),
    until: z.number().optional(),
    sessionId: z.string().optional(),
  }),
);
const fileSchema = lazily((z) => z.object({ version: z.literal(1), holds: z.array(holdSchema()).max(MOST_HOLDS) }));

function storedHolds(text: string): QueueHold[] {
  try {
    return fileSchema().parse(JSON.parse(text)).holds as QueueHold[];
  } catch {
    return [];
  }
}
