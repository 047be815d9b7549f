import type { Danger, DangerContext } from './danger.js';
import { Findings } from './findings.js';
import { launchers } from './launchers/launchers.js';
import { unwrap } from './launchers/wrappers.js';
import { levelled } from './levels.js';
import { Places } from './paths.js';
import type { codeRules } from './rules/code.js';
import { onlyTells } from './rules/dry-run.js';
import { EVERYWHERE, findersByName } from './rules/finders.js';
import { rateLoading } from './rules/loading.js';
import { rateCredentials } from './rules/reading.js';
import { reporting } from './rules/rule.js';
import { type Budget, TooComplex } from './shell/budget.js';
import { applyBuiltin, assignPrinted } from './shell/builtins.js';
import type { Shell, ShellCommand } from './shell/command.js';
import { deferred } from './shell/deferred.js';
import { Interpreter } from './shell/interpreter.js';
import { outputOf } from './shell/output.js';
import { baseName, resolvePath } from './shell/path.js';
import { quoted } from './shell/quote.js';
import { Scope } from './shell/scope.js';
import type { CommandLine, ScriptReader } from './shell/script-reader.js';
import { canonicalName, interpreterOf, isTooLarge } from './shell/source.js';
import { couldBe, isBlank, isKnown, literal, Origin, SILENT, type Stream, UNKNOWN, type Value } from './shell/value.js';
import { ranBy } from './shell/variables.js';

const { critical } = reporting<typeof codeRules>();

/** Programs that build a project and so make its output again. */
const BUILDERS = new Set(
  `npm pnpm yarn bun tsc vite webpack rollup esbuild tsup babel swc gulp grunt make cmake ninja meson cargo go gradle gradlew mvn
   mvnw dotnet poetry hatch mkdir`.split(/\s+/),
);

/** Looks at one shell command with everything that it starts. */
export class Analysis implements ScriptReader, Shell {
  readonly #findings = new Findings();
  readonly #interpreter: Interpreter;
  readonly #places: Places;
  /** A deletion of build output. It is only a warning if the same command builds the output again. */
  #rebuildable: Danger | undefined;
  /** Code that runs when the shell ends (`trap … EXIT`), with the scope that it runs in. */
  readonly #atExit: { readonly code: string; readonly scope: Scope }[] = [];
  /** True while such code is looked at for the first time. Values that are unknown now may be known when the code runs. */
  #early = false;
  /** The bodies of functions and the names of aliases that are being looked at, to notice recursion. */
  readonly #active = new Set<unknown>();

  constructor(
    private readonly context: DangerContext,
    readonly budget: Budget,
  ) {
    this.#places = new Places(context);
    this.#interpreter = new Interpreter(this);
  }

  rate(source: string): Danger | undefined {
    const { home, workspace, cwd } = this.#places;
    if (isTooLarge(source)) {
      return critical('shell.too-complex', 'The command is too large to be checked; put the data into a file.');
    }
    try {
      this.#interpreter.run(source, new Scope(home, workspace, cwd));
      for (const { code, scope } of [...this.#atExit]) this.script(code, scope.fork());
    } catch (error) {
      // Whatever went wrong, the code was not followed to its end and may do anything.
      const why = error instanceof TooComplex || error instanceof RangeError ? 'is nested or repeated' : 'is built';
      this.report(
        critical('shell.too-complex', `The command ${why} in a way that cannot be checked; write it more simply.`),
      );
    }
    this.#findings.add(this.#rebuildable);
    return this.#findings.worst;
  }

  get settled(): boolean {
    return this.#findings.settled;
  }

  report(found: Danger | undefined, scope?: Scope): void {
    if (!found || (this.#early && found.rule.includes('.unresolved'))) return;
    const danger = levelled(found, scope?.elsewhere ? { ...this.context, container: false } : this.context);
    if (danger.rule.startsWith('delete.build-')) this.#rebuildable = danger;
    else this.#findings.add(danger);
  }

  unparsable(message: string): void {
    this.report(
      critical('shell.unparsable', `The command cannot be parsed (${message}), so nobody can tell what it does.`),
    );
  }

  script(code: string, scope: Scope, stdin?: Stream): Stream {
    if (isBlank(code.trim())) {
      this.report(
        critical(
          'shell.unresolved-code',
          'Runs code that is only known when the command runs; run the commands themselves.',
        ),
      );
      return UNKNOWN;
    }
    return this.budget.nested(() => this.#interpreter.run(code, scope, stdin));
  }

  later(code: string, scope: Scope): void {
    this.#atExit.push({ code, scope });
    const early = this.#early;
    this.#early = true;
    try {
      this.script(code, scope.fork());
    } finally {
      this.#early = early;
    }
  }

  execute(line: CommandLine): Stream {
    const { values, env, assignments, scope } = line;
    for (const [name, value] of env) this.#codeVariable(name, value, scope);
    for (const { name, variable } of assignments) {
      for (const value of variable.values) this.#codeVariable(name, value, scope);
    }
    if (values.length === 0) {
      for (const { name, variable } of assignments) scope.assign(name, variable);
      this.#rate({ ...line, name: '', args: [] });
      return this.#written(line, line.stdin ?? SILENT);
    }
    const output = this.#call(values, line, line.assignments);
    this.budget.read(output.text?.length ?? 0);
    return this.#written(line, output);
  }

  call(values: readonly Value[], from: ShellCommand): Stream {
    this.budget.command();
    this.budget.read(values.reduce((length, { text }) => length + text.length, 0));
    return this.budget.nested(() => this.#program(values, { ...from, redirects: [] }, []));
  }

  /** Looks for a function or an alias first, and for a program after that, as the shell does. */
  #call(
    values: readonly Value[],
    from: Omit<ShellCommand, 'name' | 'args'>,
    assignments: CommandLine['assignments'],
  ): Stream {
    const [head, ...rest] = values;
    const called = head && (this.#callFunction(head.text, rest, from) ?? this.#expandAlias(head.text, rest, from));
    return called ?? this.#program(values, from, assignments);
  }

  #program(
    values: readonly Value[],
    from: Omit<ShellCommand, 'name' | 'args'>,
    assignments: CommandLine['assignments'],
  ): Stream {
    const [head, ...given] = values;
    if (!head || this.settled) return UNKNOWN;
    const name = canonicalName(baseName(head.text));
    // `env $(cat .env) program`
    const rest = name === 'env' ? given.filter((value) => !isEnvironmentFile(value)) : given;
    const command: ShellCommand = { ...from, name, values: rest, args: rest.map(({ text }) => text) };
    if (!isKnown(name) && !this.#isHarmlessName(name)) {
      const reason = 'Which program runs is only known when the command runs; name the program itself.';
      this.report(critical('shell.unresolved-command', reason));
      return UNKNOWN;
    }
    const script = head.text.includes('/') ? from.scope.files.get(resolvePath(head.text, from.scope.cwd)) : undefined;
    if (script) return this.#program([literal(interpreterOf(script)), ...values], from, []);
    if (BUILDERS.has(name) && this.#rebuildable) {
      this.#findings.add({ ...this.#rebuildable, level: 'warning' });
      this.#rebuildable = undefined;
    }
    if (applyBuiltin(command, assignments)) {
      this.#rate(command);
      launchers.get(name)?.(command, this);
      return name === 'export' || name === 'declare' || name === 'set' ? outputOf(command) : SILENT;
    }
    const read = this.#rate(command);
    const launched = launchers.get(name)?.(command, this);
    const inner = unwrap(name, command.args);
    if (inner) {
      const env = new Map(command.env);
      for (const assignment of inner.assignments) {
        const equals = assignment.indexOf('=');
        const value = literal(assignment.slice(equals + 1));
        env.set(assignment.slice(0, equals), value);
        this.#codeVariable(assignment.slice(0, equals), value, command.scope);
      }
      return this.call(rest.slice(inner.start), { ...command, env });
    }
    const printed = launched ?? outputOf(command);
    // Text that is printed from a file with passwords is a secret as well.
    const isSecret = read?.rule === 'credentials.read';
    const output = isSecret ? { ...printed, origin: printed.origin | Origin.credentials } : printed;
    if (name === 'printf') assignPrinted(command, output.text);
    return output;
  }

  /** Reports what is dangerous about a command itself. @returns the danger of the files that it reads */
  #rate(command: ShellCommand): Danger | undefined {
    const read = rateCredentials(command, this.#places);
    this.report(read, command.scope);
    for (const find of EVERYWHERE) this.report(find(command, this.#places), command.scope);
    if (onlyTells(command)) return read;
    for (const find of findersByName.get(command.name) ?? []) this.report(find(command, this.#places), command.scope);
    return read;
  }

  /** `undefined` if there is no such function, or if it is only defined on some ways through the script. */
  #callFunction(
    name: string,
    args: readonly Value[],
    command: Omit<ShellCommand, 'name' | 'args'>,
  ): Stream | undefined {
    const { scope } = command;
    const found = scope.functions.get(name);
    if (!found) return undefined;
    if (this.#active.has(found.body)) {
      if (command.concurrent) {
        this.report(
          critical('process.fork-bomb', 'A function that starts itself over and over takes the machine down.'),
        );
      }
      return UNKNOWN;
    }
    const { positional } = scope;
    this.#active.add(found.body);
    scope.positional = args;
    try {
      const output = this.budget.nested(() => this.#interpreter.body(found.body, scope, command.stdin));
      return found.conditional ? undefined : output;
    } finally {
      scope.positional = positional;
      this.#active.delete(found.body);
    }
  }

  /** Only interactive shells expand aliases. So the program with the alias's name is looked at as well. */
  #expandAlias(name: string, args: readonly Value[], { scope, stdin }: Omit<ShellCommand, 'name' | 'args'>): undefined {
    const alias = scope.aliases.get(name);
    const key = `alias ${name}`;
    if (alias === undefined || this.#active.has(key)) return;
    this.#active.add(key);
    this.script([alias, ...args.map(({ text }) => quoted(text))].join(' '), scope, stdin);
    this.#active.delete(key);
  }

  #isHarmlessName(name: string): boolean {
    if (isBlank(name)) return false;
    for (const known of [findersByName, launchers]) {
      for (const dangerous of known.keys()) if (couldBe(name, dangerous)) return false;
    }
    return true;
  }

  #codeVariable(name: string, { text }: Value, scope: Scope): void {
    const prompt = /^PS[0124]$/.test(name) ? deferred(text) : undefined;
    if (prompt !== undefined) this.script(prompt, scope.fork());
    this.report(rateLoading(name, text, scope.cwd, this.#places), scope);
    const code = isKnown(text) ? ranBy(name, text) : undefined;
    if (typeof code === 'string') this.script(code, scope.fork());
    else if (code) this.call(code.map(literal), bare(scope));
  }

  /** Remembers what was written into files, in case the same command runs them. */
  #written({ redirects, scope }: CommandLine, output: Stream): Stream {
    for (const { operator, target } of redirects) {
      if (!operator.includes('>')) continue;
      const path = resolvePath(target.text, scope.cwd);
      if (!path.startsWith('/dev/')) scope.files.set(path, output);
    }
    return output;
  }
}

/** An empty command for code that is in no line of the script, for example in a variable. */
function bare(scope: Scope): ShellCommand {
  return {
    name: '',
    args: [],
    values: [],
    env: new Map(),
    redirects: [],
    stdin: undefined,
    scope: scope.fork(),
    concurrent: false,
  };
}

/** Whether a value is unknown, but was read from a file with passwords. */
function isEnvironmentFile({ text, origin }: Value): boolean {
  return isBlank(text) && (origin & Origin.credentials) !== 0;
}
