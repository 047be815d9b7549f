import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PINNED } from '../../../src/cli/image/claude-release.js';
import { ask } from '../../../src/cli/programs.js';
import versions from '../../../src/core/orchestration/session/claude-versions.json' with { type: 'json' };
import { cli } from '../../support/cli-machine.js';
import { tempFolder } from '../../support/temp-folder.js';

/** Packs an empty file under the name that npm gives it. */
const NPM = `
name=\${2%@*}; version=\${2##*@}; [ "$version" = latest ] && version=9.9.9
file=$(echo "$name" | tr -d @ | tr / -)-$version.tgz
: >"$4/$file"
echo "[{\\"filename\\": \\"$file\\", \\"version\\": \\"$version\\"}]"`;

/** An engine that has the image only after the build, unless the script's variable says otherwise. */
const docker = ({
  architecture = 'amd64',
  before = false,
  history = '',
  build = 'exit 0',
  after = true,
} = {}): string => `
here=$(dirname "$0")
case "$1 $2" in
  "version "*) echo ${architecture} ;;
  "image inspect") if [ -e "$here/built" ]; then exit ${after ? 0 : 1}; else exit ${before ? 0 : 1}; fi ;;
  "history "*) printf '%s\\n' '${history}' 'RUN something' ;;
  "build "*) : >"$here/built"; for last; do :; done; [ -z "$KEEP" ] || cp -r "$last" "$KEEP"; ${build} ;;
esac`;

const OWN = 'LABEL autonomous-orchestration.image=0.1.0';

describe('image build', () => {
  it("builds the image with the pinned release for the engine's architecture", async () => {
    const { exitCode, calls, printed } = await cli(['image', 'build'], { programs: { docker: docker(), npm: NPM } });
    expect(exitCode).toBe(0);
    expect(PINNED).toBe(versions.newest);
    expect(calls.find((call) => call.startsWith('npm'))).toContain(`@anthropic-ai/claude-code-linux-x64@${PINNED} `);
    const build = calls.find((call) => call.startsWith('docker build')) ?? '';
    expect(build).toMatch(/--tag my-claude:authenticated --build-arg RELEASE=\d+\.\d+\.\d+ -- \//);
    expect(build).not.toMatch(/BASE=|--platform|--network|--no-cache/);
    expect(printed).toContain(`Built my-claude:authenticated with Claude Code ${PINNED}.`);
    expect(printed).toContain('npx autonomous-orchestration image login');
  });

  it.each(['BAD NAME', 'Mine', '-f', 'mine:', 'mine@sha256:0', 'a//b', ''])(
    'refuses %j as the name of an image, before anything is asked or downloaded',
    async (tag) => {
      const { exitCode, said, calls } = await cli(['image', 'build', `--tag=${tag}`], {
        programs: { docker: docker(), npm: NPM },
      });
      expect(exitCode).toBe(2);
      expect(said).toContain(`--tag is '${tag}'`);
      expect(calls).toEqual([]);
    },
  );

  it.each(['mine', 'my-claude:Tools_1.0', 'registry.example:5000/team/my__claude', 'HOST/a.b'])(
    'takes %s as the name of an image',
    async (tag) => {
      const { exitCode } = await cli(['image', 'build', '--tag', tag], { programs: { docker: docker(), npm: NPM } });
      expect(exitCode).toBe(0);
    },
  );

  it('passes its options on to docker build', async () => {
    const options = ['--base', 'debian:bookworm', '--tag', 'mine:1', '--platform', 'linux/arm64', '--network', 'host'];
    const { exitCode, calls } = await cli(['image', 'build', ...options, '--no-cache'], {
      programs: { docker: docker(), npm: NPM },
    });
    expect(exitCode).toBe(0);
    const build = calls.find((call) => call.startsWith('docker build'));
    expect(build).toMatch(
      /--tag mine:1 --build-arg RELEASE=\S+ --build-arg BASE=debian:bookworm --platform linux\/arm64 --network host --no-cache -- /,
    );
    expect(calls.find((call) => call.startsWith('npm'))).toContain('@anthropic-ai/claude-code-linux-arm64@');
  });

  it.each([
    ['amd64', 'linux-x64'],
    ['arm64', 'linux-arm64'],
    ['aarch64', 'linux-arm64'],
    ['x86_64', 'linux-x64'],
  ])("an engine of architecture %s gets Claude Code's package %s", async (architecture, name) => {
    const { calls } = await cli(['image', 'build'], { programs: { docker: docker({ architecture }), npm: NPM } });
    expect(calls.find((call) => call.startsWith('npm'))).toContain(`@anthropic-ai/claude-code-${name}@`);
  });

  it('an architecture without Claude Code is refused before anything is downloaded', async () => {
    const { exitCode, said, calls } = await cli(['image', 'build'], {
      programs: { docker: docker({ architecture: 'riscv64' }), npm: NPM },
    });
    expect(exitCode).toBe(1);
    expect(said).toContain("not published for Linux on 'riscv64'");
    expect(calls.filter((call) => call.startsWith('npm'))).toEqual([]);
  });

  it('a release without a program is refused, and an untested one is built with a warning', async () => {
    const old = await cli(['image', 'build', '--claude-version', '2.1.98'], {
      programs: { docker: docker(), npm: NPM },
    });
    expect(old).toMatchObject({ exitCode: 1, calls: [] });
    expect(old.said).toContain('The oldest is 2.1.110.');
    const latest = await cli(['image', 'build', '--claude-version', 'latest'], {
      programs: { docker: docker(), npm: NPM },
    });
    expect(latest.exitCode).toBe(0);
    expect(latest.said).toContain('Warning: Claude Code 9.9.9 is not among the releases');
    expect(latest.printed).toContain('with Claude Code 9.9.9.');
  });

  it('an image that somebody else has made keeps its name', async () => {
    const programs = { docker: docker({ before: true, history: 'CMD ["claude"]' }), npm: NPM };
    const refused = await cli(['image', 'build'], { programs });
    expect(refused.exitCode).toBe(1);
    expect(refused.said).toMatch(/already has an image 'my-claude:authenticated'.*--tag.*--replace/s);
    expect(refused.calls.filter((call) => /^(npm|docker build)/.test(call))).toEqual([]);
    expect(await cli(['image', 'build', '--replace'], { programs })).toMatchObject({ exitCode: 0 });
  });

  it('an image that this command has made is built again, but not one that was committed from it', async () => {
    const own = { docker: docker({ before: true, history: OWN }), npm: NPM };
    expect(await cli(['image', 'build'], { programs: own })).toMatchObject({ exitCode: 0 });
    const committed = { docker: docker({ before: true, history: 'claude' }), npm: NPM };
    expect(await cli(['image', 'build'], { programs: committed })).toMatchObject({ exitCode: 1 });
  });

  it('the build context has the Dockerfile, its scripts and the program of Claude Code, and is removed', async () => {
    const kept = join(tempFolder(), 'context');
    const { calls } = await cli(['image', 'build'], { programs: { docker: docker(), npm: NPM }, env: { KEEP: kept } });
    for (const name of ['Dockerfile', 'setup.sh', 'entrypoint.sh', 'claude-code.tgz']) {
      expect(() => readFileSync(join(kept, name))).not.toThrow();
    }
    const context = calls.find((call) => call.startsWith('docker build'))?.split(' -- ')[1] ?? '';
    expect(() => readFileSync(join(context, 'Dockerfile'))).toThrow('ENOENT');
  });

  it.each([
    [
      'no engine',
      { docker: 'echo "Cannot connect to the Docker daemon" >&2; exit 1' },
      'No Docker engine answers: Cannot',
    ],
    ['no such release', { docker: docker(), npm: 'echo E404 >&2; exit 1' }, 'npm cannot get @anthropic-ai/claude-code'],
    ['a build that fails', { docker: docker({ build: 'exit 7' }), npm: NPM }, 'ended with exit code 7'],
    ['a builder that keeps the image', { docker: docker({ after: false }), npm: NPM }, 'docker buildx use default'],
  ])('%s ends with exit code 1 and the next step', async (_, programs, why) => {
    const { exitCode, said } = await cli(['image', 'build'], { programs });
    expect(exitCode).toBe(1);
    expect(said).toContain(why);
  });
});

it.each([
  ['docker', 'Install Docker'],
  ['npm', 'Install Node.js with npm'],
])('a machine without %s is told what to install', async (program, next) => {
  await expect(ask({ env: { PATH: '/nonexistent' }, cwd: '/' }, program, [])).rejects.toThrow(
    new RegExp(`'${program}' is not on the PATH. ${next}`),
  );
});

describe('the Dockerfile', () => {
  const text = readFileSync(join(import.meta.dirname, '../../../image/Dockerfile'), 'utf8');

  it('builds on a supported official image of Node.js, which can be chosen', () => {
    expect(text).toMatch(/^ARG BASE=node:24-\w+-slim\nFROM \$\{BASE\}$/m);
  });

  it('its last instruction is the label by which image build recognizes its images', () => {
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^LABEL autonomous-orchestration\.image=/);
  });

  it('starts as uid 1000, does not update itself and takes no secret', () => {
    expect(text).toMatch(/^USER 1000$/m);
    expect(text).toMatch(/^ENV DISABLE_AUTOUPDATER=1/m);
    expect(text).not.toMatch(/TOKEN|KEY|--secret|--mount/i);
  });
});
