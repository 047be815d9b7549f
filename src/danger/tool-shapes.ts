import { Analysis } from './analysis.js';
import type { Danger, DangerContext } from './danger.js';
import { Findings } from './findings.js';
import { levelled } from './levels.js';
import { Places } from './paths.js';
import type { codeRules } from './rules/code.js';
import type { deletionRules } from './rules/deletion.js';
import type { diskRules } from './rules/disks.js';
import { rateWrite } from './rules/files.js';
import { rateRead } from './rules/reading.js';
import { reporting } from './rules/rule.js';
import { rateSql } from './rules/sql.js';
import type { Budget } from './shell/budget.js';
import { isWithin, resolvePath } from './shell/path.js';
import { quoted } from './shell/quote.js';

const { critical } = reporting<typeof codeRules & typeof deletionRules & typeof diskRules>();

/** The names of a tool's fields tell what they hold: unknown tools use the same names as known ones. */
const COMMAND = /^(command|cmd|commands|command_?line|shell_?command|bash|exec|executable|program|argv)$/i;
const CODE = /^(code|script|source_?code|snippet|javascript|python|expression|function|program_?text)$/i;
const SQL = /^(sql|query|statement|statements)$/i;
const PATH =
  /(^|_|[a-z](?=[A-Z]))(path|paths|file|files|filename|file_?names?|filepath|dir|directory|folder|uri|source|destination|target)$/i;
/** Names of tools that change what their paths name. */
const CHANGES =
  /write|edit|creat|delet|remov|mov|renam|save|put|upload|append|replac|patch|truncat|mkdir|touch|copy|insert|^update|_update|chmod/i;

/** No honest tool nests its input deeper, or does more at once. */
const MOST_DEPTH = 40;
const MOST_RATED = 500;

/** These dangers only mean that a text is no shell code: it may be code of another language. */
const NOT_SHELL = /^shell\.(unparsable|unresolved|too-complex)/;

/** Rates a tool of any name by what it is given: commands, code, SQL and paths, also in lists and objects. */
export function rateByShape(
  tool: string,
  input: Record<string, unknown>,
  context: DangerContext,
  budget: Budget,
): Danger | undefined {
  const findings = new Findings();
  const shell = (command: string): Danger | undefined => new Analysis(context, budget).rate(command);
  const places = new Places(context);
  const changes = CHANGES.test(tool) || 'content' in input || 'contents' in input;
  let left = MOST_RATED;

  const text = (name: string, value: string): void => {
    if (![COMMAND, CODE, SQL, PATH].some((shape) => shape.test(name))) return;
    left -= 1;
    if (left < 0) tooMuch();
    else if (COMMAND.test(name)) findings.add(ratePowerShell(value) ?? shell(value));
    else if (CODE.test(name)) rateCode(value);
    else if (SQL.test(name)) findings.add(rateSql(value));
    if (PATH.test(name)) findings.add(ratePath(value));
  };

  const tooMuch = (): void =>
    findings.add(critical('tool.too-complex', `The call of ${tool} does more than can be checked; do less at once.`));

  const rateCode = (code: string): void => {
    const asShell = shell(code);
    if (asShell && !NOT_SHELL.test(asShell.rule)) findings.add(asShell);
    // Which language it is, is not known.
    for (const interpreter of ['node -e', 'python3 -c']) findings.add(shell(`${interpreter} ${quoted(code)}`));
    findings.add(ratePowerShell(code));
  };

  const ratePath = (value: string): Danger | undefined => {
    const name = value.startsWith('file://') ? value.slice('file://'.length) : value;
    if (name === '' || /^[a-z][a-z0-9+.-]*:\/\//i.test(name) || name.includes('\n')) return undefined;
    const path = resolvePath(name.replace(/^~(?=\/|$)/, places.home), places.cwd);
    const danger = changes ? rateWrite(path, places, 'replace') : undefined;
    const isOwn = danger?.rule === 'files.outside-workspace' && isWithin(path, `${places.home}/.claude`);
    const found = danger && !isOwn ? danger : rateRead(path, places);
    return found && levelled(found, context);
  };

  const walk = (name: string, value: unknown, depth: number): void => {
    if (findings.settled) return;
    if (depth > MOST_DEPTH) tooMuch();
    else if (typeof value === 'string') text(name, value);
    else if (Array.isArray(value)) list(name, value, depth);
    else if (typeof value === 'object' && value !== null) fields(value as Record<string, unknown>, depth);
  };

  const list = (name: string, values: readonly unknown[], depth: number): void => {
    // `["rm", "-rf", "src"]` is one command. If the list holds several commands, each of them is rated below.
    if (COMMAND.test(name) && isWords(values)) findings.add(shell(values.map(quoted).join(' ')));
    for (const value of values) walk(name, value, depth + 1);
  };

  const fields = (given: Record<string, unknown>, depth: number): void => {
    for (const [name, value] of Object.entries(given)) {
      const args = ARGUMENTS.map((key) => given[key]).find(Array.isArray) as unknown[] | undefined;
      if (COMMAND.test(name) && typeof value === 'string' && args && isWords(args))
        findings.add(shell([value, ...args].map(quoted).join(' ')));
      walk(name, value, depth + 1);
    }
  };

  fields(input, 0);
  return findings.worst;
}

/** Names of fields with the arguments of a program, whose name stands in another field. */
const ARGUMENTS = ['args', 'arguments', 'argv', 'params'];

function isWords(values: readonly unknown[]): values is readonly string[] {
  return values.length > 0 && values.every((value) => typeof value === 'string');
}

/** Dangerous commands of PowerShell. */
function ratePowerShell(text: string): Danger | undefined {
  if (/\b(Remove-Item|ri|rmdir|del|erase)\b[^;|\n]*\s-(r|re|rec\w*)\b/i.test(text))
    return critical('delete.recursive', 'Deletes a whole folder; name the files, or move them away.');
  if (/\b(Invoke-Expression|iex)\b/i.test(text))
    return critical(
      'shell.unresolved-code',
      'Runs code that is only known when the command runs; run the commands themselves.',
    );
  if (/\b(Clear-Disk|Format-Volume|Initialize-Disk|Remove-Partition|Clear-Content\s+\\\\\.\\)/i.test(text))
    return critical('disk.format', 'Destroys what is on a disk.');
  return undefined;
}
