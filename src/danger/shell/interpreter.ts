import {
  type ArithmeticExpression,
  type Command,
  type CommandNode,
  forEachChild,
  type ParsedScript,
  type PipelineNode,
  parse,
  type Script,
  type Statement,
  type SyntaxNode,
  type TestExpression,
  type Word,
} from 'unbash';
import { type NamedVariable, readAssignment, readRedirects } from './bindings.js';
import type { Budget } from './budget.js';
import { deferred, namesIn } from './deferred.js';
import { expandText, expandWord, type Substitution } from './expansion.js';
import { combinations, concatenated, loopVariable, redirectsOutput } from './lines.js';
import type { Scope } from './scope.js';
import type { CommandLine, ScriptReader } from './script-reader.js';
import { ANY, literal, SILENT, type Stream, UNKNOWN, type Value } from './value.js';

/** Copying a variable costs as much as reading this many characters. */
const FORK_COST = 10;
/** Expanding an argument costs as much as reading this many characters. */
const ARGUMENT_COST = 60;
/** A chain of variables that name other variables is followed for this many steps. */
const MAX_REFERENCES = 3;
const NO_VARIABLES: ReadonlyMap<string, Value> = new Map();

/**
 * Walks through a script in the order in which a shell would run it: both ways of every branch, and every loop once. Each command
 * line is handed over with what is known of its words.
 */
export class Interpreter implements Substitution {
  readonly budget: Budget;
  #concurrent = 0;

  constructor(private readonly reader: ScriptReader) {
    this.budget = reader.budget;
  }

  run(source: string, scope: Scope, stdin?: Stream): Stream {
    this.budget.read(source.length);
    return this.#script(parse(source), scope, stdin);
  }

  substitute(script: ParsedScript | undefined, scope: Scope, stdin?: Stream): Stream {
    if (!script) return UNKNOWN;
    this.budget.read(script.end - script.pos);
    const inner = this.#fork(scope);
    inner.captured = true;
    return this.#script(script, inner, stdin);
  }

  arithmetic(expression: ArithmeticExpression | undefined, scope: Scope): void {
    if (expression) this.#substitutionsIn(expression, scope);
  }

  expandLater(text: string, scope: Scope): void {
    const code = deferred(text);
    if (code !== undefined) this.budget.nested(() => this.substitute(parse(code), scope));
  }

  evaluate(text: string, scope: Scope, depth = 0): void {
    this.expandLater(text, scope);
    if (depth > MAX_REFERENCES) return;
    for (const name of namesIn(text)) {
      for (const { text: value } of scope.variables.get(name)?.values ?? []) {
        this.budget.read(value.length + 1);
        if (value !== text) this.evaluate(value, scope, depth + 1);
      }
    }
  }

  /** Runs a function's body. */
  body(node: SyntaxNode, scope: Scope, stdin: Stream | undefined): Stream {
    if (node.type === 'CompoundList') return this.#list(node.commands, scope, stdin);
    return this.#node(node as CommandNode, scope, stdin);
  }

  #script(script: Script & ParsedScript, scope: Scope, stdin: Stream | undefined): Stream {
    const [error] = script.errors ?? [];
    if (error) {
      this.reader.unparsable(error.message);
      return UNKNOWN;
    }
    return this.budget.nested(() => this.#list(script.commands, scope, stdin));
  }

  #list(statements: readonly Statement[], scope: Scope, stdin: Stream | undefined): Stream {
    const outputs: Stream[] = [];
    for (const { command, background } of statements) {
      if (this.reader.settled) break;
      if (background) outputs.push(this.#concurrently(() => this.#statement(command, this.#fork(scope), stdin)));
      else outputs.push(this.#statement(command, scope, stdin));
    }
    return concatenated(outputs);
  }

  #statement(node: Statement['command'], scope: Scope, stdin: Stream | undefined): Stream {
    if (node.type !== 'AndOr') return this.#node(node, scope, stdin);
    const outputs = node.commands.map((command, index) => {
      if (index === 0) return this.#node(command, scope, stdin);
      // It is not certain that the commands behind `&&` and `||` run.
      return this.#conditionally(scope, () => this.#node(command, scope, stdin));
    });
    return concatenated(outputs);
  }

  #node(node: PipelineNode, scope: Scope, stdin: Stream | undefined): Stream {
    if (this.reader.settled) return UNKNOWN;
    if (node.type === 'Command') return this.#command(node, scope, stdin);
    return this.budget.nested(() => this.#compound(node, scope, stdin));
  }

  #compound(node: Exclude<PipelineNode, Command>, scope: Scope, stdin: Stream | undefined): Stream {
    switch (node.type) {
      case 'Pipeline':
        return this.#pipeline(node.commands, scope, stdin);
      case 'Redirected': {
        const { redirects, input, silent } = readRedirects(node.redirects, scope, stdin, this);
        const output = this.#node(node.command, scope, input);
        if (redirects.length > 0)
          this.#execute({ values: [], env: NO_VARIABLES, assignments: [], redirects, stdin: output, scope });
        return silent ? SILENT : output;
      }
      case 'Subshell':
        return this.#list(node.body.commands, this.#fork(scope), stdin);
      case 'BraceGroup':
        return this.#list(node.body.commands, scope, stdin);
      case 'If': {
        const outputs = [this.#list(node.clause.commands, scope, stdin)];
        for (const list of [node.then, ...node.elif.flatMap((elif) => [elif.clause, elif.then]), node.else]) {
          if (list) outputs.push(this.#branch(list.commands, scope, stdin));
        }
        return { ...concatenated(outputs), text: undefined };
      }
      case 'While':
        this.#list(node.clause.commands, scope, stdin);
        return this.#loop(node.body.commands, scope, stdin);
      case 'For':
      case 'Select': {
        const words = node.wordlist?.flatMap((word) => expandWord(word, scope, this).flat()) ?? scope.positional;
        scope.assign(node.name.value, loopVariable(words));
        return this.#loop(node.body.commands, scope, stdin);
      }
      case 'ArithmeticFor':
        for (const part of [node.initialize, node.test, node.update]) this.arithmetic(part, scope);
        return this.#loop(node.body.commands, scope, stdin);
      case 'Case': {
        expandText(node.word, scope, this);
        const outputs = node.items.map(({ pattern, body }) => {
          for (const word of pattern) expandText(word, scope, this);
          return this.#branch(body.commands, scope, stdin);
        });
        return { ...concatenated(outputs), text: undefined };
      }
      case 'Function':
        // The shell calls this function by itself.
        if (/^command_not_found_handler?$/.test(node.name.value)) this.body(node.body, this.#fork(scope), UNKNOWN);
        scope.functions.set(node.name.value, { body: node.body, conditional: scope.conditional > 0 });
        return SILENT;
      case 'Coproc':
        return this.#concurrently(() => this.body(node.body, this.#fork(scope), UNKNOWN));
      case 'TestCommand':
        this.#substitutionsIn(node.expression, scope);
        return SILENT;
      case 'ArithmeticCommand':
        this.arithmetic(node.expression, scope);
        return SILENT;
    }
  }

  #pipeline(commands: readonly CommandNode[], scope: Scope, stdin: Stream | undefined): Stream {
    const [only] = commands;
    if (commands.length === 1 && only) return this.#node(only, scope, stdin);
    let stream = stdin;
    for (const command of commands) {
      const input = stream;
      stream = this.#concurrently(() => this.#node(command, this.#fork(scope), input));
    }
    return stream ?? UNKNOWN;
  }

  #command(node: Command, scope: Scope, stdin: Stream | undefined): Stream {
    this.budget.command();
    const assignments: NamedVariable[] = [];
    for (const part of node.prefix) if (part.type === 'Assignment') assignments.push(readAssignment(part, scope, this));
    const words: (readonly (readonly Value[])[])[] = [];
    if (node.name) words.push(expandWord(node.name, scope, this));
    const declared: NamedVariable[] = [];
    this.budget.read(node.args.length * ARGUMENT_COST);
    for (const part of node.args) {
      if (part.type === 'Word') words.push(expandWord(part, scope, this));
      else {
        const assignment = readAssignment(part, scope, this);
        declared.push(assignment);
        words.push(assignment.variable.values.map((value) => [{ ...value, text: `${part.name}=${value.text}` }]));
      }
    }
    const { redirects, input } = readRedirects(node.redirects, scope, stdin, this);
    const line = {
      env: new Map(assignments.map(({ name, variable }) => [name, variable.values[0] ?? literal('')])),
      assignments: node.name ? declared : assignments,
      redirects,
      stdin: input,
      scope,
    };
    let output: Stream = SILENT;
    for (const values of combinations(words)) output = this.#execute({ ...line, values });
    return redirectsOutput(node.redirects) ? SILENT : output;
  }

  #execute(line: Omit<CommandLine, 'concurrent'>): Stream {
    return this.reader.execute({ ...line, concurrent: this.#concurrent > 0 });
  }

  #branch(statements: readonly Statement[], scope: Scope, stdin: Stream | undefined): Stream {
    const { cwd } = scope;
    const output = this.#conditionally(scope, () => this.#list(statements, scope, stdin));
    if (scope.cwd !== cwd) scope.cwd = ANY;
    return output;
  }

  #loop(statements: readonly Statement[], scope: Scope, stdin: Stream | undefined): Stream {
    return { ...this.#branch(statements, scope, stdin), text: undefined };
  }

  #conditionally<T>(scope: Scope, body: () => T): T {
    scope.conditional += 1;
    try {
      return body();
    } finally {
      scope.conditional -= 1;
    }
  }

  #concurrently<T>(body: () => T): T {
    this.#concurrent += 1;
    try {
      return body();
    } finally {
      this.#concurrent -= 1;
    }
  }

  #fork(scope: Scope): Scope {
    this.budget.read(scope.size * FORK_COST);
    return scope.fork();
  }

  /** Tests and arithmetic run nothing themselves, but substitutions in them run commands. */
  #substitutionsIn(node: ArithmeticExpression | TestExpression, scope: Scope): void {
    if (node.type === 'ArithmeticWord') this.evaluate(node.value, scope);
    const isArithmetic =
      (node.type === 'TestBinary' || node.type === 'TestUnary') && /^-(?:eq|ne|lt|le|gt|ge|v)$/.test(node.operator);
    this.budget.nested(() => {
      forEachChild(node, (child) => {
        if (child.type === 'Word') {
          for (const { text } of expandText(child as Word, scope, this)) if (isArithmetic) this.evaluate(text, scope);
        } else if (child.type === 'CommandExpansion') this.substitute(child.script, scope);
        else this.#substitutionsIn(child as ArithmeticExpression, scope);
      });
    });
    if (node.type === 'ArithmeticCommandExpansion') this.substitute(node.script, scope);
  }
}
