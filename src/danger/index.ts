export type { Danger, DangerContext, DangerLevel, IgnoredPaths, RatedCall } from './danger.js';
export { rateDanger, rateDangers } from './rate-danger.js';
