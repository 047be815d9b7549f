import type { ClaudeOptions } from 'channelcoder';

/** What `session()` of a {@link ChannelCoderModule} returns. */
export interface ChannelCoderSession {
  /**
   * Starts a run.
   *
   * @param prompt the prompt of the session, or the path of its prompt file, as it was given to `create()`
   * @param options ChannelCoder's own options, among them `logFile`, `cwd`, `resume` and `docker`
   * @returns nothing, or an object with `pid`, `containerId` and `logFile` (or with these in `data`, as ChannelCoder does).
   * `{ success: false, error }` fails the session
   */
  detached(prompt: string, options: ClaudeOptions): unknown;
}

/**
 * What a manager needs of the module `channelcoder`, if one is given to it. The module itself has this shape. A fake for unit
 * tests needs these two functions and nothing else.
 *
 * @example
 * ```ts
 * const channelCoder: ChannelCoderModule = {
 *   session: () => ({ detached: async () => ({ success: true }) }),
 *   monitorLog(logFile, onEvent) {
 *     onEvent({ type: 'assistant', message: { content: [{ type: 'text', text: 'Hello.' }] } });
 *     onEvent({ type: 'result', subtype: 'success', result: 'Done.' });
 *     return () => {};
 *   },
 * };
 * const manager = new UnifiedSessionManager({ channelCoder });
 * ```
 */
export interface ChannelCoderModule {
  /** Called once for each run. */
  session(options?: { autoSave?: boolean }): ChannelCoderSession;
  /**
   * Reports the events of Claude's stream-json. The event `result` ends the run.
   *
   * @param logFile as `detached()` returned it, or else as it was given to `detached()`
   * @returns a function that ends the reporting
   */
  monitorLog(logFile: string, onEvent: (event: object) => void, options?: object): unknown;
}
