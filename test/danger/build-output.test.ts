import { describe, expect, it } from 'vitest';
import { levels } from './rate.js';

describe('the output of a build', () => {
  it.each([
    'rm -rf build',
    'rm -rf ./build',
    'rm -rf ./build/',
    'rm -rf build/*',
    'rm -rf out dist .next coverage target',
    'rm -rf packages/*/build',
    'rm -rf apps/web/out',
    'rm -rf android/app/build ios/build',
    'rm -rf build/classes build/libs',
    'rm -rf obj Api/obj',
    'rm -rf _build deps/x/_build',
    'rm -rf src/generated',
    'rm -rf **/__pycache__ .pytest_cache',
    'rm -rf /workspace/build',
    '(cd web && rm -rf build)',
    'find . -name build -type d -prune -exec rm -rf {} +',
    'find build -type f -delete',
    'parallel rm -rf {} ::: build dist node_modules',
    'cleanup() { rm -rf build; }; cleanup',
    'python3 -c "import shutil; shutil.rmtree(\'build\')"',
    'node -e "fs.rmSync(\'out\', {recursive: true})"',
    'npx rimraf build out',
    "find . -type d -name build -not -path './x/*' | xargs rm -rf",
    'rm -rf ~/.cache/pip',
    'rm -rf ios/Pods .coverage',
  ])('build output may be deleted: %s', (command) => {
    expect(levels(command)).toBe('none');
  });

  it.each(['rm -rf lib/esm', 'rm -rf lib/cjs lib/types', 'rm -rf bin/Debug', 'rm -rf vendor/bundle'])(
    'build output in a folder that may also have sources is a warning in a container: %s',
    (command) => {
      expect(levels(command)).toBe('warning/critical');
    },
  );
});

describe('a folder that is only named like build output', () => {
  it.each([
    'rm -rf lib',
    'rm -rf ./lib',
    'rm -rf bin',
    'rm -rf public',
    'rm -rf public/uploads',
    'rm -rf src/build',
    'rm -rf scripts/build',
    'rm -rf internal/out',
    'rm -rf pkg/build/x',
    'rm -rf build-tools',
    'rm -rf build*',
    'rm -rf builds',
    'rm -rf build src',
    'rm -rf build/../src',
    'rm -rf build/../../etc',
    'rm -rf /build',
    'rm -rf /home/node/build',
    'rm -rf ~/out',
    'find . -type d -not -name build | xargs rm -rf',
    'find . -name build -o -name src | xargs rm -rf',
    'find . \\( -name build -or -name src \\) -exec rm -rf {} +',
    'find . ! \\( -name build \\) -exec rm -rf {} +',
    'rm -rf ~/.config',
    'rm -rf ~/.cache/../.ssh',
    'rm -rf /root/.cache',
    'cd / && rm -rf build',
    'cd .. && rm -rf build',
    'ln -s /home build; rm -rf build/*',
    'ln -s /home build && cd build && rm -rf *',
    'ln -s .. dist; rm -rf dist/src',
    'ln -sf -t . /home/build; rm -rf build/x',
    'ln -s /home dist; find dist/ -delete',
  ])('a folder that is only named like build output is critical to delete: %s', (command) => {
    expect(levels(command)).toBe('critical');
  });
});
