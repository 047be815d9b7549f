import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { ANY, literal, Origin } from '../shell/value.js';
import { rateAttributes, rateChmod, rateChown } from './permissions.js';
import type { Finder, Finders } from './rule.js';

/** Changing the permissions of all files that a search finds is as bad as changing the whole tree. */
export const foundPermissionFinders: Finders = [
  ['chmod gchmod', asTree(rateChmod)],
  ['chown chgrp gchown', asTree(rateChown)],
  ['setfacl chattr', asTree(rateAttributes)],
];

function asTree(rate: Finder): Finder {
  return (command: ShellCommand, places: Places): Danger | undefined => {
    const found = command.values.some(
      ({ text, origin }) =>
        origin & Origin.everyFile || (text.includes(`/${ANY}`) && !places.isInWorkspace(text) && text.startsWith('/')),
    );
    if (!found) return undefined;
    const args = command.args.map((arg) =>
      arg.includes(`/${ANY}`) ? arg.slice(0, arg.indexOf(`/${ANY}`)) || '/' : arg === ANY ? '.' : arg,
    );
    return rate({ ...command, args: ['-R', ...args], values: ['-R', ...args].map(literal) }, places);
  };
}
