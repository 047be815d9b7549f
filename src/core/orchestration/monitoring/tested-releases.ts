import versions from '../session/claude-versions.json' with { type: 'json' };
import type { Observation } from '../session/observation.js';

const TESTED = Object.values(versions);

/** What there is to say of the release of Claude Code that began a run: nothing where the library was tested with it. */
export function releaseWarning(observation: Observation): Observation[] {
  if (observation.kind !== 'init' || observation.claudeVersion === undefined) return [];
  const version = observation.claudeVersion;
  if (TESTED.includes(version)) return [];
  const message = `Claude Code ${version} was not tested with this library (tested: ${TESTED.join(', ')}). It may have tools whose work nobody sees.`;
  return [{ kind: 'error', severity: 'warning', code: 'untested_release', message }];
}
