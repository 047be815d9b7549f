import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type { z } from 'zod';
import type { DockerOptions } from '../session/docker-options.js';
import type { LoginSource } from '../session/login-source.js';
import { givesLogin } from '../session/login-variables.js';
import { messageOf, OrchestrationError, quote, systemCode } from '../util/errors.js';
import { openOwnFile } from '../util/fs/own-file.js';
import { withProgramPath } from '../util/fs/program-path.js';
import { readHandle } from '../util/fs/regular-file.js';
import { lazily, zod } from '../util/zod.js';
import { loginPlaces } from './login-places.js';
import { NoLogin, parseLogin, parseLoginLines } from './login-text.js';

const MOST_BYTES = 64 * 1024;
const COMMAND_MS = 30_000;
/** `create()` and the launch soon after it ask the command once. */
const REMEMBERED_MS = 60_000;

const run = promisify(execFile);
const sourceSchema = lazily<z.ZodType<LoginSource>>((z) =>
  z.union([z.strictObject({ envFile: z.string().min(1) }), z.strictObject({ command: z.string().min(1) })]),
);

/** Where a login was found, for people. */
export interface FoundLogin {
  readonly source: LoginSource;
  readonly variables: Readonly<Record<string, string>>;
}

export interface StoredLoginOptions {
  /** The manager's option `login`. Undefined: the login of `image login`, if there is one. */
  source: LoginSource | false | undefined;
  /** The environment of this process. */
  env: NodeJS.ProcessEnv;
  /** The home folder of the user of this process. */
  home: string;
}

/**
 * The login that sessions get if their options give none. Its values are read when they are needed. They are in no options, so
 * they get into no record and no file of the state folder.
 */
export class StoredLogin {
  readonly #options: StoredLoginOptions;
  #printed: { readonly at: number; readonly text: Promise<string> } | undefined;

  constructor(options: StoredLoginOptions) {
    this.#options = options;
  }

  /**
   * The variables for a session's container. Empty if the session's options give a variable or a mount of a login: one part of a
   * login never meets a part of another, because a token must not get to the provider of the other.
   *
   * @throws OrchestrationError `INVALID_OPTIONS` if there is a login that cannot be used
   */
  async variablesFor(docker: Readonly<DockerOptions>): Promise<Readonly<Record<string, string>>> {
    if (givesLogin(docker)) return {};
    return (await this.find())?.variables ?? {};
  }

  /** @throws OrchestrationError `INVALID_OPTIONS` if there is a login that cannot be used */
  async find(): Promise<FoundLogin | undefined> {
    const { source, env, home } = this.#options;
    if (source === false) return undefined;
    if (source !== undefined) return this.#read(source, 'login');
    const { envFile, sourceFile } = loginPlaces(env, home);
    const stored = await readSource(sourceFile);
    if (stored !== undefined) return this.#read(stored, sourceFile);
    return ifExists(() => this.#read({ envFile }, 'login'));
  }

  async #read(source: LoginSource, option: string): Promise<FoundLogin> {
    if ('envFile' in source) return { source, variables: await readEnvFile(source.envFile, option) };
    try {
      return { source, variables: parseLogin(await this.#print(source.command)) };
    } catch (error) {
      const why = error instanceof NoLogin ? `what it prints is no login: ${error.message}` : failureOf(error);
      throw unusable(option, source, `the command failed: ${why}. Run it in a shell to see why`, error);
    }
  }

  async #print(command: string): Promise<string> {
    const now = performance.now();
    if (this.#printed !== undefined && now - this.#printed.at < REMEMBERED_MS) return this.#printed.text;
    const env = withProgramPath(this.#options.env, process.cwd());
    const options = { env, timeout: COMMAND_MS, maxBuffer: MOST_BYTES };
    const asked = run('/bin/sh', ['-c', command], options).then(({ stdout }) => stdout);
    const printed = { at: now, text: asked };
    this.#printed = printed;
    // A failure is not remembered.
    asked.catch(() => {
      if (this.#printed === printed) this.#printed = undefined;
    });
    return asked;
  }
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
async function readEnvFile(given: string, option: string): Promise<Record<string, string>> {
  const path = resolve(given);
  try {
    return parseLoginLines(await readSecret(path));
  } catch (error) {
    const next = `Correct it, or store the login again with 'npx autonomous-orchestration image login'`;
    throw unusable(option, { envFile: given }, `${messageOf(error).replace(/\.$/, '')}. ${next}`, error);
  }
}

async function readSource(path: string): Promise<LoginSource | undefined> {
  return ifExists(async () => {
    try {
      return sourceSchema().parse(JSON.parse(await readSecret(path)));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') throw error;
      const why = error instanceof zod().ZodError || error instanceof SyntaxError ? 'it is damaged' : messageOf(error);
      throw new OrchestrationError(
        'INVALID_OPTIONS',
        `The login of the sessions is told in ${quote(path)}, which cannot be used: ${why}. Store the login again with 'npx autonomous-orchestration image login', or remove the file.`,
        { cause: error },
      );
    }
  });
}

/** Reads a file that nobody but its owner may read or write. */
async function readSecret(path: string): Promise<string> {
  const file = await openOwnFile(path);
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new Error(`others may read it (mode ${(mode & 0o777).toString(8)}): 'chmod 600 ${path}'`);
    }
    return (await readHandle(file, { most: MOST_BYTES })).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Undefined if the file does not exist. */
async function ifExists<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const cause = error instanceof OrchestrationError ? error.cause : error;
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Why a command failed, without its output, which may have a part of a secret. */
function failureOf(error: unknown): string {
  const { code, signal, killed } = error as { code?: unknown; signal?: unknown; killed?: boolean };
  if (code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') return `it prints more than ${MOST_BYTES} bytes`;
  if (killed) return `it did not end within ${COMMAND_MS} ms`;
  return typeof code === 'number' ? `it ended with exit code ${code}` : `it ended with ${String(signal ?? code)}`;
}

function unusable(option: string, source: LoginSource, why: string, error: unknown): OrchestrationError {
  // Of a command, only the program is shown, because a person may have written a secret into it.
  const [kind, value] =
    'envFile' in source ? ['envFile', source.envFile] : ['command', `${source.command.trim().split(/\s/)[0]} …`];
  const where =
    option === 'login' ? `Option 'login.${kind}' (${quote(value)})` : `The ${kind} ${quote(value)} of ${option}`;
  // The output of a failed command is in its error, and may have a secret.
  const cause = kind === 'command' ? undefined : error;
  return new OrchestrationError(
    'INVALID_OPTIONS',
    `${where} gives no login: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}
