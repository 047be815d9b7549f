import type { Function as FunctionNode } from 'unbash';
import { ANY, literal, Origin, SEGMENT, type Stream, type Value } from './value.js';

export interface Variable {
  /** The values that the variable may have: one for each way through the script. */
  readonly values: readonly Value[];
  /** The elements of an array. */
  readonly elements?: readonly Value[];
}

interface ShellFunction {
  readonly body: FunctionNode['body'];
  /** True if only some ways through the script define the function: a call may start the program of that name instead. */
  readonly conditional: boolean;
}

/** Variables that usually hold the name of a program, with that name. */
const PROGRAM_VARIABLES: Readonly<Record<string, string>> = {
  PYTHON: 'python3', PYTHON3: 'python3', NODE: 'node', RUBY: 'ruby', PERL: 'perl', CC: 'cc', CXX: 'c++', LD: 'ld', AR: 'ar', MAKE: 'make',
  CMAKE: 'cmake', PIP: 'pip', NPM: 'npm', CARGO: 'cargo', GO: 'go', JAVA: 'java', GIT: 'git', DOCKER: 'docker', KUBECTL: 'kubectl',
  CURL: 'curl', SED: 'sed', GREP: 'grep', AWK: 'awk',
}; // biome-ignore format: a table

const MAX_ALTERNATIVES = 8;
const SECRET_NAME = /secret|token|passw(or)?d|api_?key|private_?key|access_?key|credential/i;

/** What a shell knows at one point of a script. */
export class Scope {
  readonly variables = new Map<string, Variable>();
  readonly functions = new Map<string, ShellFunction>();
  readonly aliases = new Map<string, string>();
  /** `declare -n name=target` */
  readonly references = new Map<string, string>();
  positional: readonly Value[] = [];
  previousCwd: string;
  readonly folders: string[] = [];
  /** True inside a substitution: what is printed goes to the shell. */
  captured = false;
  /** True on another machine: nothing there belongs to the agent. */
  elsewhere = false;
  /** Above zero while it is not certain that the code runs. */
  conditional = 0;

  constructor(
    readonly home: string,
    readonly workspace: string,
    public cwd: string,
    /** What the command has written into files, by absolute path. Subshells share this map. */
    readonly files: Map<string, Stream> = new Map(),
    /** Symbolic links that the command has made, with their targets. */
    readonly links: Map<string, string> = new Map(),
    /** Files that the command has moved: the new path, and the old one. */
    readonly moved: Map<string, string> = new Map(),
  ) {
    this.previousCwd = cwd;
  }

  /** The scope of a subshell: it sees everything, and its changes stay its own. */
  fork(): Scope {
    const fork = new Scope(this.home, this.workspace, this.cwd, this.files, this.links, this.moved);
    for (const [name, variable] of this.variables) fork.variables.set(name, variable);
    for (const [name, body] of this.functions) fork.functions.set(name, body);
    for (const [name, value] of this.aliases) fork.aliases.set(name, value);
    for (const [name, target] of this.references) fork.references.set(name, target);
    fork.captured = this.captured;
    fork.positional = this.positional;
    fork.previousCwd = this.previousCwd;
    fork.folders.push(...this.folders);
    fork.conditional = this.conditional;
    fork.elsewhere = this.elsewhere;
    return fork;
  }

  /** The scope of a shell on another machine. */
  forkElsewhere(): Scope {
    const fork = this.fork();
    fork.elsewhere = true;
    fork.cwd = ANY;
    return fork;
  }

  /** How much work a fork is. */
  get size(): number {
    return this.variables.size + this.functions.size + this.aliases.size + this.references.size;
  }

  assign(reference: string, variable: Variable): void {
    const name = this.#target(reference);
    const before = this.conditional > 0 ? this.variables.get(name) : undefined;
    this.variables.set(name, before ? either(before, variable) : variable);
  }

  /** The path behind the links that the command has made. A link at the end of the path is not followed. */
  followed(path: string): string {
    if (this.links.size === 0) return path;
    let found = path;
    for (let follows = 0; follows <= this.links.size; follows++) {
      const link = [...this.links].find(([place]) => found.startsWith(`${place}/`));
      if (!link) return found;
      found = link[1] + found.slice(link[0].length);
    }
    return ANY;
  }

  /** `undefined` for a variable that neither the script nor every environment sets. */
  lookup(reference: string): Variable | undefined {
    const name = this.references.size === 0 ? reference : this.#target(reference);
    return this.variables.get(name) ?? this.#fromEnvironment(name);
  }

  /** Whether a variable that the script does not set is likely to hold a secret. */
  originOf(name: string): number {
    return SECRET_NAME.test(name) ? Origin.secretVariable : Origin.none;
  }

  /** The variable behind a name reference. */
  #target(reference: string): string {
    let name = reference;
    for (let depth = 0; depth < MAX_ALTERNATIVES; depth++) name = this.references.get(name) ?? name;
    return name;
  }

  #fromEnvironment(name: string): Variable | undefined {
    switch (name) {
      case 'HOME':
        return one(this.home);
      case 'PWD':
        return one(this.cwd);
      case 'OLDPWD':
        return one(this.previousCwd);
      case 'CLAUDE_PROJECT_DIR':
        return one(this.workspace);
      case 'TMPDIR':
      case 'TMP':
      case 'TEMP':
        return one('/tmp');
      case 'SHELL':
      case 'BASH':
        return one('/bin/bash');
      case 'IFS':
        return one(' \t\n');
      case 'EDITOR':
      case 'VISUAL':
        return one('vi');
      case 'PAGER':
        return one('less');
      case '0':
        return one('bash');
      case '#':
      case '?':
      case '$':
      case '!':
      case '-':
      case 'USER':
      case 'LOGNAME':
      case 'UID':
      case 'EUID':
      case 'PPID':
      case 'BASHPID':
      case 'RANDOM':
      case 'SECONDS':
      case 'LINENO':
      case 'HOSTNAME':
      case 'EPOCHSECONDS':
        return one(SEGMENT);
      default:
        return Object.hasOwn(PROGRAM_VARIABLES, name) ? one(PROGRAM_VARIABLES[name] ?? '') : undefined;
    }
  }
}

function one(text: string): Variable {
  return { values: [literal(text)] };
}

function either(a: Variable, b: Variable): Variable {
  const values = [...a.values];
  for (const value of b.values) if (!values.some(({ text }) => text === value.text)) values.push(value);
  const elements = a.elements || b.elements ? { elements: [...(a.elements ?? []), ...(b.elements ?? [])] } : {};
  return { values: values.slice(-MAX_ALTERNATIVES), ...elements };
}
