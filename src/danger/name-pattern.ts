import { ANY, CHARACTER, couldBe, isKnown, SEGMENT } from './shell/value.js';
/** Whether a segment of a path is a name, or a pattern that matches it and looks like it: `id_*`, but not `*`. */
export function couldBeName(segment: string, name: string): boolean {
  if (segment === name) return true;
  if (isKnown(segment)) return false;
  return knownCharacters(segment) >= 2 && couldBe(segment, name);
}

/** A loop instead of `filter` for speed: this runs for every argument and every name on the lists. */
function knownCharacters(segment: string): number {
  let known = 0;
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at];
    if (character !== ANY && character !== SEGMENT && character !== CHARACTER) known++;
  }
  return known;
}
