import versions from '../session/claude-versions.json' with { type: 'json' };
import type { Observation } from '../session/observation.js';

const { oldest, newest } = versions;

/**
 * A warning if the run was begun by a release of Claude Code that is older or newer than those with which this library was tested. A
 * release between them has no tool that both lack.
 */
export function releaseWarning(observations: readonly Observation[]): Observation | undefined {
  const init = observations.find((observation) => observation.kind === 'init');
  const version = init?.claudeVersion;
  if (version === undefined || isBetween(version)) return undefined;
  const message = `Claude Code ${version} was not tested with this library (tested: ${oldest} to ${newest}). It may have tools whose work this library does not see.`;
  return { kind: 'error', severity: 'warning', code: 'untested_release', message };
}

/** A version that is not just three numbers was not tested. */
function isBetween(version: string): boolean {
  if (!/^\d{1,6}\.\d{1,6}\.\d{1,6}$/.test(version)) return false;
  const place = numberOf(version);
  return numberOf(oldest) <= place && place <= numberOf(newest);
}

function numberOf(version: string): number {
  return version.split('.').reduce((sum, part) => sum * 1_000_000 + Number(part), 0);
}
