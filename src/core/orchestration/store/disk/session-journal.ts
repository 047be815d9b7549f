import type { SessionFolder } from '../../contract/session-folder.js';
import type { SessionSpec } from '../../contract/session-spec.js';
import type { ResolvedManagerOptions } from '../../options/resolve.js';
import type { SessionAction } from '../../session/actions.js';
import type { SessionMetadata } from '../../session/metadata.js';
import type { UnifiedSession } from '../../session/record.js';
import type { OrchestrationError } from '../../util/errors.js';
import { writeAtomically } from '../../util/fs/atomic-file.js';
import { notWritable } from '../../util/fs/not-writable.js';
import { limited } from '../../util/limited.js';
import { storedRecord } from './stored-record.js';
import { storedSpec } from './stored-spec.js';

interface Entry {
  readonly folder: SessionFolder;
  /** Determines which session came first to the queue. */
  ticket: number;
  /** The metadata from before the latest run began. Stored while a run is open, because its log is read again later. */
  beforeRun: SessionMetadata;
  /** The record that still has to be written. Absent if it is already on disk. */
  unsaved?: UnifiedSession;
  /** Resolves when everything is written, or when writing has failed. Never rejects. */
  saving?: Promise<void>;
  error?: unknown;
}

/** The actions after which the record is written. The effects of all other actions can be read from the log. */
const WRITTEN: ReadonlySet<SessionAction['type']> = new Set([
  'launching',
  'placed',
  'spawned',
  'running',
  'paused',
  'resumed',
  'resting',
  'woken',
  'stopping',
  'exited',
  'suspended',
  'ended',
  'continued',
  'worktree-removed',
]);

/** How many records are written at once. If one end ends thousands of sessions, no other file could be opened otherwise. */
const MOST_WRITES = 64;

/** Options that the manager gives to all sessions. They are not kept with each session. */
export type JournalDefaults = Pick<ResolvedManagerOptions, 'docker' | 'policy'>;

type FailureListener = (sessionId: string, error: OrchestrationError) => void;

/**
 * Keeps the records of all sessions on disk. A record is written in the background, after each action that `WRITTEN` lists. If
 * more actions follow before it is written, only the latest state is written.
 */
export class SessionJournal {
  readonly #defaults: JournalDefaults;
  readonly #failureListeners: FailureListener[] = [];
  readonly #entries = new Map<string, Entry>();
  readonly #limit = limited(MOST_WRITES);
  #lastTicket = 0;

  constructor(defaults: JournalDefaults) {
    this.#defaults = defaults;
  }

  /** Calls a listener when a record could not be written. The next change tries again. */
  onFailure(listener: FailureListener): void {
    this.#failureListeners.push(listener);
  }

  /**
   * Writes a new session to disk.
   *
   * @param record the record that the session will have when it is created
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async begin(folder: SessionFolder, spec: SessionSpec, record: UnifiedSession): Promise<void> {
    const ticket = ++this.#lastTicket;
    try {
      await writeAtomically(folder.spec, JSON.stringify(storedSpec(spec, record, this.#defaults)));
      await writeAtomically(folder.record, JSON.stringify(storedRecord(ticket, record, record.metadata)));
    } catch (cause) {
      throw notWritable(folder.path, cause);
    }
    this.#entries.set(record.id, { folder, ticket, beforeRun: record.metadata });
  }

  /** Takes note of a ticket that an earlier manager gave. New sessions get higher tickets. */
  seen(ticket: number): void {
    this.#lastTicket = Math.max(this.#lastTicket, ticket);
  }

  /** Continues with a session of an earlier manager. */
  restore(folder: SessionFolder, record: UnifiedSession, ticket: number): void {
    this.seen(ticket);
    this.#entries.set(record.id, { folder, ticket, beforeRun: record.metadata });
  }

  /** The ticket of a session. Undefined if there is no such session, or if not everything of it is on the disk. */
  savedTicket(id: string): number | undefined {
    const entry = this.#entries.get(id);
    return entry && !entry.unsaved && !entry.saving ? entry.ticket : undefined;
  }

  /** Forgets a session whose record is on the disk, until `restore` is called for it. */
  release(id: string): void {
    this.#entries.delete(id);
  }

  /** Called when a session has changed. */
  note(session: UnifiedSession, action: SessionAction): void {
    const entry = this.#entries.get(session.id);
    if (!entry) return;
    if (action.type === 'removed') this.#entries.delete(session.id);
    if (action.type === 'launching') entry.beforeRun = session.metadata;
    if (action.type === 'continued') entry.ticket = ++this.#lastTicket;
    if (!WRITTEN.has(action.type)) return;
    entry.unsaved = session;
    entry.saving ??= this.#save(session.id, entry);
  }

  /**
   * Resolves when the current state of a session is on disk.
   *
   * @throws OrchestrationError `STATE_NOT_WRITABLE`
   */
  async saved(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    while (entry?.saving !== undefined) await entry.saving;
    if (entry?.unsaved) throw notWritable(entry.folder.path, entry.error);
  }

  /** Resolves when no writes are under way any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ saving }) => saving));
  }

  async #save(id: string, entry: Entry): Promise<void> {
    // Several changes in the same turn of the event loop are written once.
    await Promise.resolve();
    while (entry.unsaved) {
      try {
        await this.#limit(() => this.#write(entry));
      } catch (error) {
        entry.error = error;
        delete entry.saving;
        for (const listener of this.#failureListeners) listener(id, notWritable(entry.folder.path, error));
        return;
      }
    }
    delete entry.saving;
  }

  /** Writes the latest state. Its text is made only now, because thousands of records may wait to be written. */
  async #write(entry: Entry): Promise<void> {
    const { folder, ticket, beforeRun, unsaved } = entry;
    if (!unsaved) return;
    await writeAtomically(folder.record, JSON.stringify(storedRecord(ticket, unsaved, beforeRun)));
    if (entry.unsaved === unsaved) delete entry.unsaved;
  }
}
