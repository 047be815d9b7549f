import type { ToolPolicy } from 'autonomous-orchestration';
import { type ScriptedTurn, type SimulatedScript, scriptedRun } from 'autonomous-orchestration/testing';

/** A session of the demonstration, and what its agent does in a simulation. */
export interface DemoSession {
  readonly taskId: string;
  readonly prompt: string;
  readonly branch: string;
  readonly turns: readonly ScriptedTurn[];
  /** The `subtype` of Claude's final result. Default `success`. */
  readonly subtype?: string;
}

/** A person is asked about pushes and dangerous calls. */
export const DEMO_POLICY: ToolPolicy = {
  rules: [{ tool: 'Bash', matches: /\bgit push\b/, decision: 'ask', reason: 'A push leaves this machine.' }],
  dangerous: 'ask',
  approvalTimeoutMs: 3_600_000,
};

const read = (file_path: string, output = '1  export …', afterMs = 700): ScriptedTurn => ({
  tool: 'Read',
  input: { file_path },
  output,
  afterMs,
  takesMs: 80,
});
const edit = (file_path: string, old_string: string, new_string: string): ScriptedTurn => ({
  tool: 'Edit',
  input: { file_path, old_string, new_string },
  output: `The file ${file_path} has been updated.`,
  afterMs: 1_200,
  takesMs: 120,
});
const bash = (command: string, output: string, takesMs = 1_500, isError = false): ScriptedTurn => ({
  tool: 'Bash',
  input: { command },
  output,
  isError,
  afterMs: 900,
  takesMs,
});
const say = (text: string, afterMs = 800): ScriptedTurn => ({ text, afterMs });

/** Repeats a step that takes a while, for a session that a person can watch, pause and steer. */
const rounds = (count: number, step: (round: number) => readonly ScriptedTurn[]): ScriptedTurn[] =>
  Array.from({ length: count }, (_, index) => step(index + 1)).flat();

export const DEMO_SESSIONS: readonly DemoSession[] = [
  {
    taskId: 'Fix the flaky login test',
    prompt: 'Find out why the login test fails now and then, and mend it.',
    branch: 'fix/login-test',
    turns: [
      say('I run the login test until it fails.'),
      bash('npm test -- login --repeat 20', '20 runs, 3 failed\nExpected session, received undefined', 2_500, true),
      read('src/login.ts'),
      say('The session is read before the cookie is written. I wait for the cookie instead.'),
      edit('src/login.ts', 'const session = read();', 'const session = await written();'),
      bash('npm test -- login --repeat 20', '20 runs, 0 failed', 2_500),
      say('The login test waits for its cookie now: 20 runs, no failure.'),
    ],
  },
  {
    taskId: 'Release notes for 2.4',
    prompt: 'Write the release notes for 2.4 and push them.',
    branch: 'docs/release-2.4',
    turns: [
      bash('git log --oneline v2.3..HEAD', 'a1b2c3d Faster search\nd4e5f6a Dark mode', 400),
      edit('CHANGELOG.md', '## Unreleased', '## 2.4\n\n- Faster search\n- Dark mode'),
      bash('git commit -am "Release notes for 2.4"', '[docs/release-2.4 9f8e7d6] Release notes for 2.4', 300),
      say('The notes are committed. I push the branch.'),
      bash('git push --set-upstream origin docs/release-2.4', 'branch set up to track origin', 1_200),
      say('The release notes are on their branch.'),
    ],
  },
  {
    taskId: 'Speed up the parser',
    prompt: 'Make the parser twice as fast, and show it with a benchmark.',
    branch: 'perf/parser',
    turns: [
      say('I measure first.'),
      ...rounds(40, (round) => [
        bash('npm run bench -- parser', `parser: ${410 - round * 5} ms, baseline 410 ms`, 2_000),
        read('src/parser/scan.ts'),
        edit('src/parser/scan.ts', `scan(text, ${round})`, `scan(text, ${round}, cache)`),
        say(`Round ${round}: a little faster. I look at the next hot spot.`),
      ]),
      say('The parser is twice as fast.'),
    ],
  },
  {
    taskId: 'Upgrade the database driver',
    prompt: 'Upgrade the database driver to its next major version.',
    branch: 'deps/driver-9',
    turns: [
      bash('npm install driver@9', 'added 4 packages', 1_800),
      bash('npm test', '12 failed: connect() is not a function', 2_200, true),
      bash('cat MIGRATION.md', 'cat: MIGRATION.md: No such file or directory', 200, true),
      say(
        'The new driver has no connect(); every caller would have to change. I stop here, because that was not asked for.',
      ),
    ],
    subtype: 'error_during_execution',
  },
  {
    taskId: 'Translate the settings page',
    prompt: 'Translate the settings page to French.',
    branch: 'i18n/settings-fr',
    turns: [
      read('src/settings.tsx'),
      edit('locales/fr.json', '{}', '{ "settings": "Réglages" }'),
      say('All 34 texts of the settings page are in French.'),
    ],
  },
  {
    taskId: 'Remove the old importer',
    prompt: 'Remove the importer that nobody uses any more.',
    branch: 'chore/importer',
    turns: [
      bash('grep -rl importer src', 'src/importer/index.ts\nsrc/importer/csv.ts', 300),
      say('Nothing else uses it. I delete the folder.'),
      bash('rm -rf src/importer', '', 200),
      say('The importer is gone.'),
    ],
  },
];

/** Plays the session of the demonstration that has the same name. Other sessions, and continued ones, play a few fixed steps. */
export const demoScript: SimulatedScript = ({ session, feedback, conversationId }) => {
  const known = DEMO_SESSIONS.find(({ taskId }) => taskId === session.taskId);
  if (feedback !== undefined || !known) {
    const turns = [say('I look at what there is.'), bash('git status --short', '', 500), say('Done as you said.')];
    return scriptedRun(turns, { conversationId });
  }
  return scriptedRun(known.turns, { conversationId, ...(known.subtype && { subtype: known.subtype }) });
};
