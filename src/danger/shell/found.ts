import { baseName } from './path.js';
import { ANY, SEGMENT } from './value.js';

/** Tests of `find` that exclude some files. */
const FILTERS =
  /^-(i?name|i?path|i?wholename|i?regex|i?lname|mtime|mmin|atime|amin|ctime|cmin|newer\w*|size|empty|user|group|perm|inum|links|nouser|nogroup|samefile|uid|gid|executable|xtype)$/;
/** Programs that `find -exec` runs to decide about a file. */
const ASKS = /^(e?f?grep|test|\[|cmp|diff|rg)$/;

/** Where `find` starts. */
export function findRoots(args: readonly string[]): readonly string[] {
  const first = args.findIndex((arg) => /^[-(!]/.test(arg) && !/^-[HLPDO]/.test(arg));
  const roots = args.slice(0, first < 0 ? args.length : first).filter((arg) => !arg.startsWith('-'));
  return roots.length > 0 ? roots : ['.'];
}

/** The path of everything that `find` prints: below its start, and with the name that it looks for. */
export function foundPath(args: readonly string[]): string {
  const roots = findRoots(args);
  const root = roots.length > 1 ? ANY : (roots[0] ?? '.');
  const names = args.flatMap((arg, index) =>
    arg === '-name' && !/^(!|-not)$/.test(args[index - 1] ?? '') ? [args[index + 1] ?? ''] : [],
  );
  const name = names.length === 1 ? (names[0] ?? '').replace(/\*/g, SEGMENT).replace(/\?/g, SEGMENT) : undefined;
  // A name in a bracket or in an alternative does not apply to everything that is found.
  if (name === undefined || args.some((arg) => /^(-o|-or|,|\()$/.test(arg))) return `${root}/${ANY}`;
  return `${root}/${ANY}/${name}`;
}

/** Whether `find` finds all files. `! -name x` excludes only some, so that it counts as no limit. */
export function findsEverything(args: readonly string[]): boolean {
  const exec = args.findIndex((arg) => /^-(exec|execdir|ok|okdir)$/.test(arg));
  if (exec >= 0 && ASKS.test(args[exec + 1] ?? '')) return false;
  const tests = exec < 0 ? args : args.slice(0, exec);
  if (tests.some((arg, index) => arg === '-type' && /^[lps]$/.test(tests[index + 1] ?? ''))) return false;
  return !tests.some(
    (arg, index) =>
      FILTERS.test(arg) &&
      !/^(!|-not)$/.test(tests[index - 1] ?? '') &&
      tests[index + 1] !== '*' &&
      tests[index + 1] !== SEGMENT,
  );
}

/** Whether `find` looks for the repository itself. */
export function findsRepository(args: readonly string[]): boolean {
  return args.some(
    (arg, index) =>
      /^-(i?name|i?path|i?wholename|i?regex)$/.test(arg) &&
      !/^(!|-not)$/.test(args[index - 1] ?? '') &&
      /(^|[^\w])\.git($|[^\w.-])/.test(args[index + 1] ?? '') &&
      baseName(args[index + 1] ?? '') !== '.gitignore',
  );
}

/** Whether `fd` finds all files: it has no pattern and no option that excludes some. */
export function fdFindsEverything(args: readonly string[]): boolean {
  const exec = args.findIndex((arg) => /^(-x|-X|--exec|--exec-batch)$/.test(arg));
  const own = exec < 0 ? args : args.slice(0, exec);
  if (own.some((arg) => /^(-e|-E|-d|-S|--extension|--exclude|--size|--changed-\w+|-g|--glob|--max-depth)/.test(arg)))
    return false;
  const pattern = own.find((arg, index) => !arg.startsWith('-') && !/^(-t|--type)$/.test(own[index - 1] ?? ''));
  return pattern === undefined || pattern === '.' || pattern === SEGMENT;
}
