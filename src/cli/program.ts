import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_IMAGE } from '../core/orchestration/session/docker-options.js';
import { messageOf } from '../core/orchestration/util/errors.js';
import { withProgramPath } from '../core/orchestration/util/fs/program-path.js';
import { type DoctorOptions, doctor } from './doctor/doctor.js';
import { type BuildOptions, buildImage } from './image/build.js';
import { PINNED } from './image/claude-release.js';
import { type LoginOptions, login } from './image/login.js';
import { CliFailure, type Machine, USAGE } from './machine.js';
import { packageVersion } from './package-files.js';

/**
 * Runs a command line.
 *
 * @param args without the program and the script
 * @returns the exit code: 0, 1 if the command failed, 2 if the command line cannot be understood
 */
export async function runCli(args: readonly string[], given: Machine): Promise<number> {
  const machine = { ...given, env: withProgramPath(given.env, given.cwd) };
  let exitCode = 0;
  const program = programOf(machine, await packageVersion(), (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    // commander has already written its message.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    machine.say(`autonomous-orchestration: ${messageOf(error)}`);
    return error instanceof CliFailure ? error.exitCode : 1;
  }
}

function programOf(machine: Machine, version: string, exits: (code: number) => void): Command {
  const program = new Command('autonomous-orchestration')
    .description('Builds, logs in and checks what sessions of the library autonomous-orchestration need.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => machine.print(text.replace(/\n$/, '')),
      writeErr: (text) => machine.say(text.replace(/\n$/, '')),
    });
  const image = program.command('image').description('the image that sessions run in');
  image
    .command('build')
    .description("build the image: Claude Code, git, tmux and ripgrep on Node's official image")
    .option('--base <image>', 'a Debian or Ubuntu image to build on (default: the one that the Dockerfile names)')
    .option('--claude-version <version>', "a release of Claude Code, or 'latest'", PINNED)
    .option('--tag <name>', 'the name of the image', DEFAULT_IMAGE)
    .option('--platform <platform>', "linux/amd64 or linux/arm64 (default: the engine's)")
    .option('--network <mode>', "the network of the build, for example 'host' (default: the engine's)")
    .option('--no-cache', 'run every step again')
    .option('--replace', 'take the name away from an image that this command has not made', false)
    .action((options: BuildOptions) => buildImage(machine, options));
  image
    .command('login')
    .description("get a login with 'claude setup-token' and store it on this machine, outside of the image")
    .option('--image <name>', "the image in which 'claude setup-token' runs", DEFAULT_IMAGE)
    .addOption(
      new Option('--paste', 'ask for a token or an API key that you have already').conflicts(['fromStdin', 'command']),
    )
    .addOption(new Option('--from-stdin', 'read the token or the API key from standard input').conflicts('command'))
    .option('--file <path>', 'store it in this file instead of ~/.config/autonomous-orchestration/login.env')
    .addOption(
      new Option(
        '--command <command>',
        'store a shell command that prints the login, for example of a keychain',
      ).conflicts('file'),
    )
    .action((options: LoginOptions) => login(machine, options));
  program
    .command('doctor')
    .description('check the engine, the image, the login and the machine, and say what to do next')
    .option('--json', 'print an array of results', false)
    .option('--image <name>', 'the image that sessions run in', DEFAULT_IMAGE)
    .option('--cwd <folder>', 'the workspace of a session', '.')
    .option('--state-dir <folder>', 'the state folder of the manager (default: ~/.autonomous-orchestration)')
    .action(async (options: DoctorOptions) => exits(await doctor(machine, options)));
  return program;
}
