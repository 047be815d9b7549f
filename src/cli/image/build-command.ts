import { DEFAULT_IMAGE } from '../../core/orchestration/session/docker-options.js';
import { quoted } from '../../core/orchestration/util/shell-quote.js';

/** The command with which a person builds an image of this package, in quotes. @param options more of the command line */
export function buildCommand(image: string, ...options: string[]): string {
  const name = /^[\w./:@-]+$/.test(image) ? image : quoted(image);
  const tag = image === DEFAULT_IMAGE ? [] : ['--tag', name];
  return `'${['npx autonomous-orchestration image build', ...tag, ...options].join(' ')}'`;
}
