import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';

/** Judges one command; what it starts is judged by itself. */
export type Rule = (command: ShellCommand, places: Places) => Danger | undefined;

/** Rules of one subject, each with the programs that it is for. */
export type RuleList = readonly (readonly [names: string, rule: Rule])[];
