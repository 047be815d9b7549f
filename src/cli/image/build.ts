import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CliFailure, type Machine, USAGE } from '../machine.js';
import { imageFolder, packageVersion } from '../package-files.js';
import { ask, show } from '../programs.js';
import { architectureOf, claudePackage, downloadClaude, requireRelease, untested } from './claude-release.js';
import { requireReplaceable } from './replaceable.js';

export interface BuildOptions {
  /** The image to build on. Undefined: that of the Dockerfile. */
  readonly base?: string;
  readonly claudeVersion: string;
  /** The name of the image. */
  readonly tag: string;
  /** For example `linux/arm64`. Undefined: the engine's own. */
  readonly platform?: string;
  /** The network of the build, as `docker build` takes it. */
  readonly network?: string;
  /** False if every step is run again. */
  readonly cache: boolean;
  /** True if the name may be taken away from another image. */
  readonly replace: boolean;
}

/** Builds the image of this package with the docker command. @throws CliFailure */
export async function buildImage(machine: Machine, options: BuildOptions): Promise<void> {
  const { claudeVersion, tag, platform, replace } = options;
  requireRelease(claudeVersion);
  requireTag(tag);
  const asked = platform === undefined ? undefined : architectureOf(platform);
  const architecture = asked ?? (await engineArchitecture(machine));
  claudePackage(architecture); // Refuses an architecture before anything is downloaded.
  if (asked !== undefined) await engineArchitecture(machine); // An engine that does not answer is reported as such, too.
  if (!replace) await requireReplaceable(machine, tag);
  const release = await packageVersion();
  const folder = await mkdtemp(join(tmpdir(), 'autonomous-orchestration-image-'));
  try {
    const { path, version } = await downloadClaude(machine, architecture, claudeVersion, folder);
    const context = join(folder, 'context');
    await cp(await imageFolder(), context, { recursive: true });
    await rename(path, join(context, 'claude-code.tgz'));
    const warning = untested(version);
    if (warning !== undefined) machine.say(`Warning: ${warning}`);
    machine.say(`Building ${tag} with Claude Code ${version} …`);
    await build(machine, { ...options, context, release });
    machine.print(`Built ${tag} with Claude Code ${version}.`);
    machine.print("Next: 'npx autonomous-orchestration image login', then 'npx autonomous-orchestration doctor'.");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The names that an engine takes for images: a registry, a path in small letters, and a tag. */
const NAME = /^([A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?\/)?PART(\/PART)*(:\w[\w.-]{0,127})?$/;
const TAG = new RegExp(NAME.source.replaceAll('PART', '[a-z0-9]+((\\.|__?|-+)[a-z0-9]+)*'));

/** Refuses a name that the engine would refuse after minutes. @throws CliFailure */
function requireTag(tag: string): void {
  if (TAG.test(tag)) return;
  throw new CliFailure(
    `--tag is '${tag}', which is no name for an image. Use small letters, digits and ._-, and a colon before the version: my-claude:tools.`,
    { exitCode: USAGE },
  );
}

/** The architecture of the engine. @throws CliFailure if it does not answer */
async function engineArchitecture(machine: Machine): Promise<string> {
  const { code, stdout, stderr } = await ask(machine, 'docker', ['version', '--format', '{{.Server.Arch}}']);
  const architecture = stdout.trim();
  if (code === 0 && architecture !== '' && architecture !== '<no value>') return architecture;
  throw new CliFailure(
    `No Docker engine answers: ${stderr.trim() || 'docker version shows no server'}\nStart it, or set DOCKER_HOST to one that runs. ` +
      "If permission is denied, add your user to the group 'docker' and log in again. 'npx autonomous-orchestration doctor' says more.",
  );
}

async function build(
  machine: Machine,
  { base, tag, platform, network, cache, context, release }: BuildOptions & { context: string; release: string },
): Promise<void> {
  const code = await show(machine, 'docker', [
    'build',
    '--tag',
    tag,
    '--build-arg',
    `RELEASE=${release}`,
    ...(base === undefined ? [] : ['--build-arg', `BASE=${base}`]),
    ...(platform === undefined ? [] : ['--platform', platform]),
    ...(network === undefined ? [] : ['--network', network]),
    ...(cache ? [] : ['--no-cache']),
    '--',
    context,
  ]);
  if (code !== 0) {
    throw new CliFailure(
      `docker build ended with exit code ${code}, see above. If it cannot reach a package server, try --network host. If the base ` +
        'image cannot be pulled, give one that the engine has with --base.',
    );
  }
  const built = await ask(machine, 'docker', ['image', 'inspect', '--format', '{{.Id}}', '--', tag]);
  if (built.code === 0) return;
  throw new CliFailure(
    `docker build has built the image, but the engine does not have it. The builder in use keeps images to itself: 'docker buildx use default', then try again.`,
  );
}
