import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { messageOf, systemCode } from '../../core/orchestration/util/errors.js';
import { ifThere, requireOwnFolder } from '../../core/orchestration/util/fs/own-file.js';
import type { Machine } from '../machine.js';
import { ask } from '../programs.js';
import { failure, ok, type Report, warning } from './finding.js';

const GIGABYTE = 1024 ** 3;
const LITTLE = 2 * GIGABYTE;
const NONE = 0.2 * GIGABYTE;

/** @param owner the owner of the workspace */
export async function gitReport(machine: Machine, cwd: string): Promise<Report> {
  const version = await ask(machine, 'git', ['--version']).catch(() => undefined);
  if (version?.code !== 0)
    return warning('git is missing on this machine, so worktrees cannot be made', 'Install git.');
  const found = await ask(machine, 'git', ['-C', cwd, 'rev-parse', '--is-inside-work-tree']);
  const said = version.stdout.trim();
  if (found.code === 0) return ok(`${said}; the workspace is a repository`);
  if (/dubious ownership/.test(found.stderr)) {
    return warning(
      `${said}; git refuses the workspace, because it belongs to another user`,
      `git config --global --add safe.directory ${cwd}`,
    );
  }
  return ok(`${said}; the workspace is no repository`);
}

export async function tmuxReport(machine: Machine): Promise<Report> {
  const version = await ask(machine, 'tmux', ['-V']).catch(() => undefined);
  if (version?.code === 0) return ok(version.stdout.trim());
  return warning(
    "tmux is missing on this machine, so sessions of the mode 'interactive' cannot run",
    "Install it: Debian's package tmux, brew install tmux.",
  );
}

export async function clientReport(machine: Machine): Promise<Report> {
  const version = await ask(machine, 'docker', ['--version']).catch(messageOf);
  if (typeof version === 'string') return failure(version, 'Sessions are started with the docker command.');
  if (version.code === 0) return ok(version.stdout.trim());
  return failure(`'docker --version' ended with exit code ${version.code}`, 'Install the docker command again.');
}

/** @param engineFree the free bytes on the engine's disk, if they are known */
export async function diskReport(stateDir: string, engineFree: number | undefined): Promise<Report> {
  const { bavail, bsize } = await statfs(await existing(stateDir));
  const free = bavail * bsize;
  const words = [`${inGigabytes(free)} free for the state folder`];
  if (engineFree !== undefined) words.push(`${inGigabytes(engineFree)} for the engine`);
  const least = Math.min(free, engineFree ?? free);
  const next = "Make room: 'docker system df' shows what the engine keeps, 'keepEnded' limits ended sessions.";
  if (least < NONE) return failure(words.join(', '), next);
  return least < LITTLE ? warning(words.join(', '), next) : ok(words.join(', '));
}

const inGigabytes = (bytes: number): string => `${(bytes / GIGABYTE).toFixed(1)} GB`;

export async function stateReport(stateDir: string): Promise<Report> {
  try {
    let isThere = false;
    ifThere((path) => {
      requireOwnFolder(path);
      isThere = true;
    }, stateDir);
    if (isThere) return ok(`${stateDir} is this user's, and nobody else can write to it`);
    return ok(`${stateDir} does not exist yet; the first session makes it`);
  } catch (error) {
    return failure(
      `the state folder ${stateDir} cannot be used: ${messageOf(error)}`,
      'Correct its owner or mode (chmod 700), or choose another with stateDir.',
    );
  }
}

/** The nearest folder above a path that exists. */
async function existing(path: string): Promise<string> {
  try {
    await statfs(path);
    return path;
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' || dirname(path) === path) throw error;
    return existing(dirname(resolve(path)));
  }
}
