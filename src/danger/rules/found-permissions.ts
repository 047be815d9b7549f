import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { ANY, literal, Origin } from '../shell/value.js';
import { rateAttributes, rateChmod, rateChown } from './permissions.js';
import type { Rule, RuleList } from './rule.js';

/** Files that a search finds, one by one: no better than the tree in which they lie. */
export const foundPermissionRules: RuleList = [
  ['chmod gchmod', asTree(rateChmod)],
  ['chown chgrp gchown', asTree(rateChown)],
  ['setfacl chattr', asTree(rateAttributes)],
];

function asTree(rate: Rule): Rule {
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
