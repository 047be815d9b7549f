import type { Danger } from '../danger.js';
import { MOST_SEVERE, severity } from '../levels.js';

/** The worst danger of several targets. */
export function worst<T>(targets: readonly T[], rate: (target: T) => Danger | undefined): Danger | undefined {
  let found: Danger | undefined;
  for (const target of targets) {
    const danger = rate(target);
    if (danger && severity(danger) > (found ? severity(found) : 0)) found = danger;
    if (found && severity(found) === MOST_SEVERE) break;
  }
  return found;
}
