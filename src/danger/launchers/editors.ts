import type { Launcher, Shell, ShellCommand } from '../shell/command.js';
import { literal } from '../shell/value.js';

/** Editors, debuggers and database clients: each has a command that runs a shell. */
export const editors: readonly (readonly [string, Launcher])[] = [
  ...['vim', 'vi', 'nvim', 'view', 'ex', 'gvim', 'vimdiff', 'rvim'].map((name) => [name, runVim] as const),
  ...['gdb', 'lldb'].map((name) => [name, runMatches(/^\s*(?:!|shell\s+|platform shell\s+)(.*)$/gm)] as const),
  ...['psql', 'mysql', 'mariadb'].map((name) => [name, runMatches(/(?:\\!|^\s*system\s)\s*([^;\n]*)/gm)] as const),
  ['sqlite3', runMatches(/^\s*\.(?:shell|system)\s+(.*)$/gm)],
  ['sed', runSed],
  ['gsed', runSed],
  ['ed', runMatches(/^!(.*)$/gm)],
  ['expect', runMatches(/\b(?:spawn|exec|system)\s+(.*?)\s*[;\n\]]/g)],
  ['emacs', runMatches(/\((?:shell-command(?:-to-string)?|call-process|start-process)\s+"((?:[^"\\]|\\.)*)"/g)],
];

/** Languages whose code vim runs. */
const VIM_LANGUAGES: readonly (readonly [RegExp, string, string])[] = [
  [/^[\s:]*py(?:thon|x|3|thon3|thonx)?\s+(.*)$/s, 'python3', '-c'],
  [/^[\s:]*lua\s+(.*)$/s, 'lua', '-e'],
  [/^[\s:]*perl?\s+(.*)$/s, 'perl', '-e'],
  [/^[\s:]*ruby?\s+(.*)$/s, 'ruby', '-e'],
];

function runVim(command: ShellCommand, shell: Shell): undefined {
  const { args, stdin } = command;
  const lines = args.flatMap((arg, index) => {
    if (/^-[a-zA-Z]*c$/.test(arg) || arg === '--cmd') return [args[index + 1] ?? ''];
    if (arg.startsWith('+') && arg.length > 1) return [arg.slice(1)];
    return arg.startsWith('-c') ? [arg.slice(2)] : [];
  });
  for (const line of [...lines, ...(stdin?.text?.split('\n') ?? [])]) runVimLine(line, command, shell);
}

function runVimLine(line: string, command: ShellCommand, shell: Shell): void {
  const { scope } = command;
  for (const [pattern, program, option] of VIM_LANGUAGES) {
    const code = pattern.exec(line)?.[1];
    if (code?.trim()) shell.call([literal(program), literal(option), literal(code)], command);
  }
  const text = /^[\s:]*exe(?:cute)?\s+(['"])(.*)\1/.exec(line)?.[2] ?? line;
  for (const part of text.split('|')) {
    const code =
      /^[\s:]*(?:%|[\d,.$]+)?(?:silent!?\s+)?(?:norm(?:al)?!?\s+:)?(?:r(?:ead)?\s*|w(?:rite)?\s+)?!(.*)$/.exec(
        part,
      )?.[1] ?? /^[\s:]*(?:silent!?\s+)?term(?:inal)?!?\s+(?:\+\+\S+\s+)*(.*)$/.exec(part)?.[1];
    if (code?.trim()) shell.script(code, scope.fork());
  }
  for (const [, , code] of line.matchAll(
    /\b(?:system(?:list)?|job_start|jobstart|termopen|term_start)\(\s*(['"])(.*?)\1/g,
  ))
    if (code) shell.script(code, scope.fork());
  for (const [, , target, flags] of line.matchAll(/\bdelete\(\s*(['"])(.*?)\1\s*(?:,\s*['"](\w*)['"])?/g))
    if (target) shell.call([literal('rm'), literal(flags ? '-rf' : '-f'), literal('--'), literal(target)], command);
}

function runMatches(pattern: RegExp): Launcher {
  return ({ args, stdin, scope }, shell) => {
    for (const source of [...args, stdin?.text]) {
      for (const [, code] of source?.matchAll(pattern) ?? []) if (code?.trim()) shell.script(code, scope.fork());
    }
    return undefined;
  };
}

/** GNU sed runs the argument of its command `e`, and with the flag `e` the pattern space. */
function runSed({ args, scope }: ShellCommand, shell: Shell): undefined {
  for (const arg of args) {
    const code = /^(?:\d+|\$|\/[^/]*\/)?\s*e\s+(\S.*)$/.exec(arg)?.[1];
    if (code && !arg.startsWith('-')) shell.script(code, scope.fork());
    const [, replacement, flags] = /^s[^\w\s]/.test(arg) ? splitSed(arg) : [];
    if (replacement?.trim() && /^[gpiIm0-9]*e[gpiIm]*$/.test(flags ?? '')) shell.script(replacement, scope.fork());
  }
}

/** The parts of `s/a/b/e` between delimiters that are not escaped. */
function splitSed(code: string): readonly string[] {
  const delimiter = code[1] ?? '/';
  const parts: string[] = [];
  let part = '';
  for (let at = 2; at < code.length && parts.length < 3; at++) {
    const escapes = code[at] === '\\' && code[at + 1] === delimiter;
    if (escapes) at += 1;
    if (code[at] !== delimiter || escapes) part += code[at];
    else {
      parts.push(part);
      part = '';
    }
  }
  return [...parts, part];
}
