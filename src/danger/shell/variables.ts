/** Variables whose value programs run as a command. Some are known by the end of their name. */
const COMMAND =
  /^(?:PROMPT_COMMAND|GIT_SSH|GIT_SEQUENCE_EDITOR|GIT_EXTERNAL_DIFF|GIT_PROXY_COMMAND|LESSOPEN|LESSCLOSE|FCEDIT|SVN_SSH|RUSTC_WRAPPER|RUSTC_WORKSPACE_WRAPPER|CARGO_BUILD_RUSTC_WRAPPER|FZF_(?:DEFAULT|CTRL_T|ALT_C)_COMMAND|npm_config_script_shell|npm_config_git|SUDO_ASKPASS|VISUAL|\w+_CREDENTIAL_HELPER)$|(?:^|_)(?:PAGER|EDITOR|ASKPASS|BROWSER|RSH|SSH_COMMAND|DIFFTOOL)$/;

/** Variables with code for one program: the program, and the option that takes the code. */
const CODE: Readonly<Record<string, readonly [program: string, option: string]>> = {
  LUA_INIT: ['lua', '-e'],
  PERL5DB: ['perl', '-e'],
  VIMINIT: ['vim', '-c'],
  EXINIT: ['ex', '-c'],
};

/** Variables with arguments that a program reads before its command line. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  TAR_OPTIONS: 'tar',
  MAKEFLAGS: 'make',
  GNUMAKEFLAGS: 'make',
  RSYNC_OPTIONS: 'rsync',
  FZF_DEFAULT_OPTS: 'fzf',
};

/** What a program runs because of a variable: a line for a shell, or the words of a command. */
export function ranBy(name: string, value: string): string | readonly string[] | undefined {
  if (value === '') return undefined;
  if (COMMAND.test(name)) return value;
  const code = Object.hasOwn(CODE, name) ? CODE[name] : undefined;
  if (code) return [...code, value];
  const program = Object.hasOwn(ARGUMENTS, name) ? ARGUMENTS[name] : undefined;
  if (program !== undefined) return `${program} ${value}`;
  const wrapper = name === 'GOFLAGS' ? /-toolexec[= ]'?([^']+)/.exec(value)?.[1] : undefined;
  return wrapper ?? undefined;
}
