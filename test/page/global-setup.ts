import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureChromium } from './chromium.mjs';

/** Builds the page as the package has it, and makes sure of a browser. */
export default async function setup(): Promise<void> {
  await ensureChromium({ log: (message) => console.error(`browser: ${message}`) });
  await promisify(execFile)('npm', ['run', '--silent', 'build:dashboard']);
}
