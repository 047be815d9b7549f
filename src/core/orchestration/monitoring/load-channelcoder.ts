import { once } from '../util/once.js';

/** The module `channelcoder`. */
export type ChannelCoder = typeof import('channelcoder');

/**
 * Loads ChannelCoder, which takes as long as the rest of the package together. A program that only imports the package need not
 * wait for it. It is needed when a run starts.
 *
 * It is imported once. While Vitest makes a mocked module, a second import would get the real one, and a test would start a real
 * session.
 */
export const loadChannelCoder: () => Promise<ChannelCoder> = once(() => import('channelcoder'));
