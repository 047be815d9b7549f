import type { QueueStatus } from '../session/queue-status.js';
import type { UnifiedSession } from '../session/record.js';

/** The positions of waiting sessions, as the owner of the queue has told them last. */
export class ToldPositions {
  readonly queue: QueueStatus;
  #positions: ReadonlyMap<string, number | undefined> | undefined;

  constructor(queue: QueueStatus) {
    this.queue = queue;
  }

  /** The owner names only the first sessions. Each of the others keeps the position that its record has. */
  of({ id, queuePosition }: UnifiedSession): number | undefined {
    const { items, blocked = [] } = this.queue;
    this.#positions ??= new Map([
      ...items.map(({ id, position }) => [id, position] as const),
      ...blocked.map(({ id }) => [id, undefined] as const),
    ]);
    return this.#positions.has(id) ? this.#positions.get(id) : queuePosition;
  }
}
