import { CliFailure, type Machine } from '../machine.js';
import { ask } from '../programs.js';

/** The label of the images that `image build` makes. */
const IMAGE_LABEL = 'autonomous-orchestration.image';

/**
 * Refuses to take a name away from an image that `image build` has not made. An image that was committed from one of ours inherits
 * its label, so the newest layer decides.
 *
 * @throws CliFailure
 */
export async function requireReplaceable(machine: Machine, tag: string): Promise<void> {
  const found = await ask(machine, 'docker', ['image', 'inspect', '--format', '{{.Id}}', '--', tag]);
  if (found.code !== 0) return;
  const args = ['history', '--no-trunc', '--format', '{{.CreatedBy}}', '--', tag];
  const { code, stdout } = await ask(machine, 'docker', args);
  const [newest = ''] = stdout.split('\n');
  if (code === 0 && newest.includes('LABEL') && newest.includes(IMAGE_LABEL)) return;
  throw new CliFailure(
    `The engine already has an image '${tag}' that this command has not made, for example ChannelCoder's, or one with a login. ` +
      'It goes on working. To keep it, build under another name with --tag <name> (and give that name in docker.image). ' +
      `To let the new image have the name, add --replace: the old image then has no name, and stays until it is pruned.`,
  );
}
