import { ANY, CHARACTER, couldBe, isKnown, SEGMENT } from './shell/value.js';
/** Whether a segment is a name, or a pattern that was made to look like it: `id_*`, but not `*`. */
export function couldBeName(segment: string, name: string): boolean {
  if (segment === name) return true;
  if (isKnown(segment)) return false;
  return knownCharacters(segment) >= 2 && couldBe(segment, name);
}

/** Without lists of characters: this is asked for every name on the list, for every argument. */
function knownCharacters(segment: string): number {
  let known = 0;
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at];
    if (character !== ANY && character !== SEGMENT && character !== CHARACTER) known++;
  }
  return known;
}
