/**
 * How many ended sessions stay in memory with everything that is known of them. A short session takes some ten kilobytes, and one
 * with long messages a hundred or more.
 */
export const MOST_ENDED_IN_MEMORY = 1_000;
