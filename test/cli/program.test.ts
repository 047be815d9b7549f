import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { cli } from '../support/cli-machine.js';

describe('the command line', () => {
  it('--version prints the version of the package', async () => {
    expect(await cli(['--version'])).toMatchObject({ exitCode: 0, printed: packageJson.version });
  });

  it.each([
    [['--help'], /image .*doctor/s],
    [['image', '--help'], /build .*login/s],
    [['image', 'build', '--help'], /--base .*--claude-version .*--tag .*--platform .*--no-cache/s],
    [['image', 'login', '--help'], /--paste.*--from-stdin.*--file .*--command /s],
    [['doctor', '--help'], /--json.*--image .*--cwd /s],
  ])('%j describes the command', async (args, described) => {
    const { exitCode, printed } = await cli(args);
    expect(exitCode).toBe(0);
    expect(printed).toMatch(described);
  });

  it.each([
    [[], ''],
    [['image'], ''],
    [['images'], "unknown command 'images'"],
    [['doctor', '--jsno'], "unknown option '--jsno'"],
    [['image', 'build', '--tag'], "option '--tag <name>' argument missing"],
    [['image', 'login', '--from-stdin', '--paste'], 'cannot be used with'],
    [['image', 'login', '--command', 'x', '--file', 'y'], 'cannot be used with'],
    [['image', 'build', '--claude-version', 'newest'], "--claude-version is 'newest'"],
    [['image', 'build', '--platform', 'windows/amd64'], "--platform is 'windows/amd64'"],
    [['image', 'login'], 'image login needs a terminal'],
  ])('%j is refused with exit code 2', async (args, why) => {
    const { exitCode, said } = await cli(args);
    expect(exitCode).toBe(2);
    expect(said).toContain(why);
  });
});
