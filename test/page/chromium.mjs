import { existsSync } from 'node:fs';
import { installPackages } from '../e2e/engine/packages.mjs';

const CHROMIUM = '/usr/bin/chromium';
const NEEDED = [
  { file: CHROMIUM, debianPackage: 'chromium' },
  { file: '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf', debianPackage: 'fonts-dejavu-core' },
];

/**
 * Makes sure that there is a browser for the tests of the page: Debian's Chromium, installed where it is missing.
 *
 * @param {{ log?: (message: string) => void }} [options] `log` is told of each slow step.
 * @returns {Promise<string>} the path of its executable
 * @throws {Error} Saying what is missing.
 */
export async function ensureChromium({ log = () => {} } = {}) {
  if (!existsSync(CHROMIUM) && process.getuid?.() !== 0) {
    throw new Error(`the tests of the page need ${CHROMIUM}: install Debian's package chromium, or run as root`);
  }
  await installPackages(NEEDED, log);
  return CHROMIUM;
}
