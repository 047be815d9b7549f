import versions from '../session/claude-versions.json' with { type: 'json' };
import type { Observation } from '../session/observation.js';

const TESTED = Object.values(versions);

/** A warning if the run was begun by a release of Claude Code with which this library was not tested. */
export function releaseWarning(observations: readonly Observation[]): Observation | undefined {
  const init = observations.find((observation) => observation.kind === 'init');
  const version = init?.claudeVersion;
  if (version === undefined || TESTED.includes(version)) return undefined;
  const message = `Claude Code ${version} was not tested with this library (tested: ${TESTED.join(', ')}). It may have tools whose work this library does not see.`;
  return { kind: 'error', severity: 'warning', code: 'untested_release', message };
}
