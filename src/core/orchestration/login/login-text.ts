import { isLoginVariable } from '../session/login-variables.js';

/** Why a text is no login. The message never has a part of the text, which may be a secret. */
export class NoLogin extends Error {}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What is certainly a name. A key in base64 is of the form `NAME=`, too. */
const PLAIN_NAME = /^(?=.{1,40}$)[A-Z]+(_[A-Z0-9]+)+$/;
/** The token of `claude setup-token`. */
const OAUTH_TOKEN = /^sk-ant-oat[\w-]+$/;
const API_KEY = /^sk-ant-(?!oat)[\w-]+$/;
/** Anthropic's administration keys are no login for Claude Code, but look like one. */
const ADMIN_KEY = /^sk-ant-admin/;

const FORMS = "the token of 'claude setup-token' (sk-ant-oat…), an API key (sk-ant-api…), or lines NAME=value";

/**
 * Reads lines `NAME=value`, as an env file has them. Empty lines and lines that begin with `#` are skipped. Quotes around a value
 * and `export` before a name are left out.
 *
 * @throws NoLogin
 */
export function parseLoginLines(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const where = `line ${index + 1}`;
    const equals = line.indexOf('=');
    const name = line.slice(0, Math.max(equals, 0)).replace(/^export\s+/, '');
    if (!NAME.test(name)) throw new NoLogin(`${where} is not of the form NAME=value`);
    if (!isLoginVariable(name) || name === 'CLAUDE_CONFIG_DIR') {
      throw new NoLogin(`${where} sets ${shown(name)}, which is no variable of a login: set it in 'docker.env'`);
    }
    const value = line
      .slice(equals + 1)
      .trim()
      .replace(/^(["'])(.*)\1$/, '$2');
    if (value === '') throw new NoLogin(`${where} gives ${shown(name)} no value`);
    if (/\p{Cc}/u.test(value)) throw new NoLogin(`the value of ${shown(name)} in ${where} has control characters`);
    variables[name] = value;
  }
  if (Object.keys(variables).length === 0) throw new NoLogin('it has no login: it needs a line NAME=value');
  return variables;
}

function shown(name: string): string {
  return PLAIN_NAME.test(name) ? name : 'a variable';
}

/**
 * Reads what a person pastes or a command prints: a bare token or key, or lines `NAME=value`. Terminals break long tokens into
 * lines, so white space in a token is left out.
 *
 * @throws NoLogin
 */
export function parseLogin(text: string): Record<string, string> {
  const bare = text.replaceAll(/\s/g, '');
  if (bare === '') throw new NoLogin(`it is empty; needed is ${FORMS}`);
  if (ADMIN_KEY.test(bare)) throw new NoLogin('it is an administration key, with which Claude Code cannot log in');
  // `pass show` prints the secret in the first line, and may print notes after it.
  for (const secret of [bare, text.trim().split(/\r?\n/)[0]?.trim() ?? '']) {
    if (OAUTH_TOKEN.test(secret)) return { CLAUDE_CODE_OAUTH_TOKEN: secret };
    if (API_KEY.test(secret)) return { ANTHROPIC_API_KEY: secret };
  }
  if (text.includes('=')) return parseLoginLines(text);
  throw new NoLogin(`it is not of a known form; needed is ${FORMS}`);
}
