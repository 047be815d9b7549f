import { createHash } from 'node:crypto';

/**
 * The id of the conversation of an `interactive` session. It is computed from the session's id, so every process knows it even
 * before the conversation begins.
 */
export function terminalConversation(sessionId: string): string {
  const hex = createHash('sha256').update(`conversation ${sessionId}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
