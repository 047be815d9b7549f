import { lstat } from 'node:fs/promises';
import { loginPlaces } from '../../core/orchestration/login/login-places.js';
import { StoredLogin } from '../../core/orchestration/login/stored-login.js';
import { messageOf } from '../../core/orchestration/util/errors.js';
import { CliFailure, type Machine, USAGE } from '../machine.js';
import { ask, show } from '../programs.js';
import { askSecret, readInput } from './read-secret.js';
import { requireLogin, storeSource, storeVariables } from './store-login.js';

export interface LoginOptions {
  /** The image in which `claude setup-token` runs. */
  readonly image: string;
  /** True if the person has a token or a key already. */
  readonly paste?: true;
  readonly fromStdin?: true;
  readonly file?: string;
  readonly command?: string;
}

/** Gets a login from the person and stores it, or where it is. @throws CliFailure */
export async function login(machine: Machine, options: LoginOptions): Promise<void> {
  const { command, fromStdin, file } = options;
  if (command !== undefined) return storeCommand(machine, command);
  const text = fromStdin ? await readInput(machine) : await askPerson(machine, options);
  const variables = requireLogin(text);
  const path = await storeVariables(machine, variables, file);
  machine.print(`Stored ${Object.keys(variables).join(', ')} in ${path} (mode 0600).`);
  await sayUnused(machine, path);
  machine.print('Sessions in Docker use it when their options give no other login.');
}

async function storeCommand(machine: Machine, command: string): Promise<void> {
  const { env, home } = machine;
  const found = await new StoredLogin({ source: { command }, env, home }).find().catch((cause: unknown) => {
    throw new CliFailure(messageOf(cause).replace("Option 'login.command'", '--command'), { cause });
  });
  const path = await storeSource(machine, { command });
  const names = Object.keys(found?.variables ?? {}).join(', ');
  machine.print(`The command gives ${names}. Stored the command, not what it prints, in ${path} (mode 0600).`);
  await sayUnused(machine, path);
  machine.print('Sessions in Docker use it when their options give no other login.');
}

/** Names the login that was stored before and is used no longer. It may be the only copy of a token, so it stays. */
async function sayUnused({ env, home, print }: Machine, stored: string): Promise<void> {
  const { envFile } = loginPlaces(env, home);
  const isThere = await lstat(envFile).then(
    () => true,
    () => false,
  );
  if (!isThere || envFile === stored) return;
  print(`An earlier login is still in ${envFile}. Sessions do not use it any more: remove it if you do not need it.`);
}

async function askPerson(machine: Machine, { image, paste }: LoginOptions): Promise<string> {
  if (machine.stdin.isTTY !== true) {
    throw new CliFailure(
      'image login needs a terminal. In a script, give the token or the API key on standard input with --from-stdin, or a command that prints it with --command.',
      { exitCode: USAGE },
    );
  }
  if (paste !== true) await setupToken(machine, image);
  return askSecret(machine, 'Paste the token or the API key and press Enter (what you paste is not shown):');
}

/** Claude shows the token in the terminal. It cannot be read from there, so the person pastes it afterwards. */
async function setupToken(machine: Machine, image: string): Promise<void> {
  const { code } = await ask(machine, 'docker', ['image', 'inspect', '--format', '{{.Id}}', '--', image]);
  if (code !== 0) {
    throw new CliFailure(
      `The engine has no image '${image}', or does not answer. Run 'npx autonomous-orchestration image build' first. If you have a token or an API key already, use --paste.`,
    );
  }
  machine.say(
    "Starting 'claude setup-token'. It shows a link. Log in there, and copy the token that it shows at the end.",
  );
  const run = ['run', '--rm', '--interactive', '--tty', '--env', 'DISABLE_FIREWALL=true', image];
  const ended = await show(machine, 'docker', [...run, 'claude', 'setup-token']);
  if (ended !== 0) {
    throw new CliFailure(
      `'claude setup-token' ended with exit code ${ended}. It needs a Claude subscription. With an API key, use --paste.`,
    );
  }
}
