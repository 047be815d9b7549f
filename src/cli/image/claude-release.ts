import versions from '../../core/orchestration/session/claude-versions.json' with { type: 'json' };
import { CliFailure, type Machine, USAGE } from '../machine.js';
import { ask } from '../programs.js';

/** The release of Claude Code in the image, if no other is asked for: the newest that the library is tested with. */
export const PINNED: string = versions.newest;
/** The oldest release that is published as a program for each platform. */
const OLDEST_PROGRAM = '2.1.110';

/** An architecture, as Docker calls it, and npm's package with Claude Code's program for Linux on it. */
const PACKAGES: Readonly<Record<string, string>> = {
  amd64: '@anthropic-ai/claude-code-linux-x64',
  arm64: '@anthropic-ai/claude-code-linux-arm64',
};
/** Other names of these architectures: of the kernel and of Node.js. */
const ALSO: Readonly<Record<string, string>> = { x86_64: 'amd64', x64: 'amd64', aarch64: 'arm64', 'arm64/v8': 'arm64' };

/** @param architecture as Docker, the kernel or Node.js calls it @throws CliFailure */
export function claudePackage(architecture: string): string {
  const name = PACKAGES[ALSO[architecture] ?? architecture];
  if (name !== undefined) return name;
  throw new CliFailure(
    `Claude Code is not published for Linux on '${architecture}', only for ${Object.keys(PACKAGES).join(' and ')}. Choose one with --platform linux/amd64 or linux/arm64.`,
  );
}

/** The architecture of a platform such as `linux/arm64`. @throws CliFailure */
export function architectureOf(platform: string): string {
  const [, architecture] = /^linux\/(.+)$/.exec(platform) ?? [];
  if (architecture !== undefined) return architecture;
  throw new CliFailure(`--platform is '${platform}', and must be linux/amd64 or linux/arm64.`, { exitCode: USAGE });
}

/** A release, or a name that npm has for one. */
const RELEASE = /^(\d+\.\d+\.\d+|latest|stable|next)$/;

/** @throws CliFailure for a release that has no program of its own */
export function requireRelease(version: string): void {
  if (!RELEASE.test(version)) {
    throw new CliFailure(`--claude-version is '${version}', and must read like '${PINNED}', or be 'latest'.`, {
      exitCode: USAGE,
    });
  }
  if (/^\d/.test(version) && isOlder(version, OLDEST_PROGRAM)) {
    throw new CliFailure(
      `Claude Code ${version} is not published as a program, so the image cannot have it. The oldest is ${OLDEST_PROGRAM}.`,
    );
  }
}

/** A warning about a release that the library was not tested with. Undefined if it was. */
export function untested(version: string): string | undefined {
  const { oldest, newest } = versions;
  if (!isOlder(version, oldest) && !isOlder(newest, version)) return undefined;
  return `Claude Code ${version} is not among the releases that this library is tested with (${oldest} to ${newest}).`;
}

/** Compares two releases of three numbers. */
export function isOlder(one: string, other: string): boolean {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  for (const index of [0, 1, 2]) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** npm packs a hundred megabytes, and a slow connection needs its time. */
const DOWNLOAD_MS = 30 * 60_000;

/**
 * Downloads Claude Code's program with npm, which checks its integrity and knows the proxies and registries of the user.
 *
 * @returns the path of the package and its release
 * @throws CliFailure
 */
export async function downloadClaude(
  machine: Machine,
  architecture: string,
  version: string,
  folder: string,
): Promise<{ path: string; version: string }> {
  const name = `${claudePackage(architecture)}@${version}`;
  machine.say(`Getting ${name} from npm …`);
  const args = ['pack', name, '--pack-destination', folder, '--json', '--silent', '--ignore-scripts'];
  const { code, stdout, stderr } = await ask(machine, 'npm', args, DOWNLOAD_MS);
  if (code !== 0) {
    const why = (stderr.trim() || stdout.trim()).split('\n').slice(-5).join('\n');
    throw new CliFailure(`npm cannot get ${name}:\n${why}\nCheck the release, the connection and npm's registry.`);
  }
  const packed: unknown = JSON.parse(stdout);
  // Newer releases of npm answer with an object by package, older ones with a list.
  const [first] = Object.values(packed as object) as { filename: string; version: string }[];
  if (!first) throw new CliFailure(`npm has packed nothing for ${name}.`);
  // Older releases of npm write the scope of the name into the file name in another form than into their answer.
  return { path: `${folder}/${first.filename.replace('@', '').replace('/', '-')}`, version: first.version };
}
