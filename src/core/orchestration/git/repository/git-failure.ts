import { systemCode } from '../../util/errors.js';
import { LinkFreePaths } from '../../util/fs/link-free-paths.js';
import { quoted } from '../../util/shell-quote.js';

/** A git on the machine that failed. `code` is its exit code, if it had one. */
export class GitFailure extends Error {
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** What git says of objects and refs that it cannot read. */
const DAMAGE = /inflate: |corrupt|unable to unpack|bad object|object file \S+ is empty|unexpected line in/;

/** How the error begins for a repository that git cannot read. Nothing that could make it worse is advised. */
export function damaged(root: string): string {
  return `the repository seems to be damaged (see: git -C ${quoted(root)} fsck)`;
}

/** How `execFile` fails. */
interface Failed {
  readonly code?: unknown;
  readonly killed?: boolean;
  readonly stderr?: string;
}

/** The failure of a git command, in words: not the whole command line with its many links. */
export function gitFailure(args: readonly string[], cause: unknown, timeoutMs: number): GitFailure {
  const { code, killed, stderr = '' } = cause as Failed;
  const exitCode = typeof code === 'number' ? code : undefined;
  return new GitFailure(`'git ${commandIn(args)}' ${why()}`, exitCode, cause);

  function why(): string {
    if (systemCode(cause) === 'ENOENT')
      return "cannot be run: the PATH has no 'git', or the repository's folder is gone";
    if (systemCode(cause) === 'EACCES') return 'cannot be run: the user of this process may not';
    if (systemCode(cause) === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return 'prints more than can be read';
    if (killed) return `takes longer than ${timeoutMs / 1000} seconds`;
    const lines = LinkFreePaths.plain(stderr).split('\n');
    const reason =
      lines.find((line) => /^fatal: /.test(line)) ??
      lines.find((line) => /^error: /.test(line)) ??
      lines.find((line) => line.trim() !== '');
    const hint = DAMAGE.test(stderr) ? ". The repository seems to be damaged; see what 'git fsck' says" : '';
    return `says: ${reason?.replace(/^(fatal|error): /, '').trim() ?? 'nothing, but it fails'}${hint}`;
  }
}

/** The command's name, which may stand behind settings. */
function commandIn(args: readonly string[]): string {
  let at = 0;
  while (args[at] === '-c') at += 2;
  return args[at] ?? '';
}
