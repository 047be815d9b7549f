/** The module `channelcoder`. */
export type ChannelCoder = typeof import('channelcoder');

/**
 * Loads ChannelCoder, which takes as long as the rest of the package together. A program that only imports the package need not
 * wait for it. It is asked about a run when a run starts. The module system keeps it, so further calls cost nothing.
 */
export function loadChannelCoder(): Promise<ChannelCoder> {
  return import('channelcoder');
}
