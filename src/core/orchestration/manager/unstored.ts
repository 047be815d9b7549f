import type { SessionSpec } from '../contract/session-spec.js';
import type { ResolvedManagerOptions } from '../options/resolve.js';
import type { StandardOutputSchema } from '../session/output-schema.js';
import type { ResolvedPolicy } from '../session/policy.js';
import type { LiveSession } from './live-sessions.js';

/** What a session was given that its files do not have: it may be secret, or it is a function. It stays in memory. */
export interface Unstored {
  readonly env?: Readonly<Record<string, string>>;
  readonly policy?: ResolvedPolicy;
  readonly acceptsOutput?: StandardOutputSchema;
}

/** Undefined if the files have everything. */
export function unstoredOf(
  { spec: { docker, policy }, acceptsOutput }: Pick<LiveSession, 'spec' | 'acceptsOutput'>,
  { docker: { env: defaults = {} } }: Pick<ResolvedManagerOptions, 'docker'>,
): Unstored | undefined {
  const all = docker === false ? {} : (docker.env ?? {});
  const env = Object.fromEntries(Object.entries(all).filter(([name, value]) => defaults[name] !== value));
  const hasFunction = policy.layers
    .slice(1)
    .some(({ rules }) => rules.some(({ matches }) => typeof matches === 'function'));
  const unstored = {
    ...(Object.keys(env).length > 0 && { env }),
    ...(hasFunction && { policy }),
    ...(acceptsOutput && { acceptsOutput }),
  };
  return Object.keys(unstored).length > 0 ? unstored : undefined;
}

/** A specification that was read from the disk, with what its file does not have. */
export function withUnstored(spec: SessionSpec, { policy }: Unstored = {}): SessionSpec {
  return policy ? { ...spec, policy } : spec;
}
