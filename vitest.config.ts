import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** How long something may take to become so: a machine may be busy. */
const POLL = { timeout: 60_000 };

/**
 * Much longer than others, or as long as others and short to read: Vitest begins with the largest files. Begun last, such a file
 * would be the only one at the end, with one worker.
 */
const LONGEST = new RegExp(
  `/(?:${[
    ...['matrix', 'interactive', 'examples', 'past-the-guard', 'recover', 'orchestration', 'log-flood', 'users-own'],
    ...['users', 'networks', 'limits', 'organization-settings', 'recovery', 'docs', 'many-sessions', 'accessibility'],
  ].join('|')})\\.test\\.ts$`,
);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification): boolean => LONGEST.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  // Tests and examples import the package by its name, and get the sources.
  resolve: {
    alias: {
      'autonomous-orchestration/danger': source('src/danger/index.ts'),
      'autonomous-orchestration/handlers': source('src/handlers/index.ts'),
      'autonomous-orchestration/testing': source('src/testing/index.ts'),
      'autonomous-orchestration': source('src/index.ts'),
    },
  },
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          expect: { poll: POLL },
          // Many times what the slowest takes: a machine may be busy.
          testTimeout: 180_000,
          hookTimeout: 60_000,
          // The tests wait for processes, files and time limits, and some of them for seconds. Vitest would leave one core free.
          maxWorkers: availableParallelism() + 1,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**', 'test/page/**'],
          typecheck: { enabled: true, include: ['test/**/*.test-d.ts'] },
        },
      },
      {
        extends: true,
        test: {
          name: 'page',
          expect: { poll: POLL },
          include: ['test/page/**/*.test.ts'],
          globalSetup: 'test/page/global-setup.ts',
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          expect: { poll: POLL },
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/global-setup.ts', 'test/page/global-setup.ts'],
          // Many times what the slowest takes: a machine may be busy.
          testTimeout: 240_000,
          hookTimeout: 120_000,
          // The sessions wait for each other and for the engine most of the time, also where there are only two cores.
          maxWorkers: 3,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          expect: { poll: POLL },
          include: ['test/faults/**/*.test.ts'],
          globalSetup: 'test/e2e/global-setup.ts',
          testTimeout: 240_000,
          hookTimeout: 240_000,
          // A third of the time they wait for engines and containers that start and end.
          maxWorkers: 3,
        },
      },
    ],
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'html'] },
  },
});
