import type { Danger, RatedCall } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';

/** Looks for dangers in one command. A command that it starts is looked at separately. */
export type Finder = (command: ShellCommand, places: Places) => Danger | undefined;

/** The finders of one subject, each with the names of the programs that it looks at. */
export type Finders = readonly (readonly [programs: string, find: Finder])[];

/** A shell command, or a call of another tool. */
export type Example = string | RatedCall;

/** The description of a rule. The rule's name is public: records and people's policies contain it. */
export interface Rule {
  /** `recoverable`: critical on the machine itself; only a warning in a container, because the loss can be undone there. */
  readonly level: 'critical' | 'recoverable' | 'warning';
  /** A text for people: what the calls do that this rule finds. Begins with a verb and ends without a full stop. */
  readonly about: string;
  /** Calls that this rule finds, with its level. */
  readonly matches: readonly Example[];
  /** Calls for which a critical rule only warns, because less can be lost. */
  readonly warns?: readonly Example[];
  /** Calls that look alike and that this rule does not find. */
  readonly spares: readonly Example[];
}

/**
 * The rules that one file finds, by name. The built package does not contain them: its code only takes their types, by
 * `reporting`. The test of the rules and the documentation read them.
 */
export type Rules = Readonly<Record<string, Rule>>;

type Critical<All> = { [Name in keyof All]: All[Name] extends { level: 'warning' } ? never : Name }[keyof All];
type Warning<All> = {
  [Name in keyof All]: All[Name] extends { level: 'warning' } | { warns: readonly Example[] } ? Name : never;
}[keyof All];

interface Reporting<All> {
  critical(rule: Critical<All> & string, reason: string): Danger;
  warning(rule: Warning<All> & string, reason: string): Danger;
}

const REPORTING = {
  critical: (rule: string, reason: string): Danger => ({ level: 'critical', rule, reason }),
  warning: (rule: string, reason: string): Danger => ({ level: 'warning', rule, reason }),
};

/** How the finders of a file report its rules: the compiler refuses any other name, and a level that the rule does not have. */
export function reporting<All extends Rules>(): Reporting<All> {
  return REPORTING;
}
