/** A tool call as a log holds it. */
export interface LoggedCall {
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What agents run most of the time. None of it is dangerous within the workspace. */
const COMMANDS: readonly ((file: string) => string)[] = [
  (file) => `npx vitest run test/${file}.test.ts --reporter=dot 2>&1 | tail -40`,
  () => 'git status --short && git diff --stat',
  (file) => `grep -rn "import .*${file}" src --include='*.ts' | head -20`,
  (file) => `sed -n '1,120p' src/${file}.ts`,
  () => 'npx tsc --noEmit -p . 2>&1 | head -30',
  () => 'for f in src/*.ts; do echo "$f: $(wc -l < "$f")"; done | sort -t: -k2 -rn | head',
  (file) => `npx biome check --write src/${file}.ts test/${file}.test.ts`,
  () => 'ls -la src test && cat package.json | head -40',
  (file) => `git log --oneline -10 -- src/${file}.ts`,
  () => `find . -name '*.test.ts' -not -path './node_modules/*' -print0 | xargs -0 grep -l 'describe(' | wc -l`,
  (file) => `git add -A && git commit -m "Read ${file} in slices" && git show --stat HEAD`,
  () => 'cd /workspace && npm run build 2>&1 | tail -5 && ls -la dist',
  (file) => `diff <(node dist/index.js --json) test/fixtures/${file}.json && echo same`,
  () => `node -e "console.log(Object.keys(require('./package.json').scripts).join('\\n'))"`,
  (file) => `mkdir -p docs && wc -w docs/*.md && tail -n +20 docs/${file}.md | head -60`,
  () => 'timeout 120 npm test -- --run 2>&1 | grep -E "(FAIL|passed|failed)" | tail -20',
];
const TOOLS = ['Bash', 'Read', 'Bash', 'Edit', 'Grep', 'Bash', 'Write', 'Glob'] as const;

/**
 * The call of a turn, in the workspace `/workspace` of a container: commands, reads, edits.
 *
 * @param prose makes a text of the line's size, for what an agent writes into a file
 */
export function callOf(turn: number, prose: () => string): LoggedCall {
  const file = `part-${turn % 97}`;
  const path = `/workspace/src/${file}.ts`;
  const name = TOOLS[turn % TOOLS.length] ?? 'Bash';
  switch (name) {
    case 'Bash': {
      const command = COMMANDS[Math.floor(turn / TOOLS.length + turn) % COMMANDS.length]?.(file) ?? 'ls';
      return { name, input: { command, description: 'Runs a command' } };
    }
    case 'Read':
      return { name, input: { file_path: path, offset: turn % 200, limit: 200 } };
    case 'Edit': {
      const text = prose();
      const half = text.length >> 1;
      return { name, input: { file_path: path, old_string: text.slice(0, half), new_string: text.slice(half) } };
    }
    case 'Write':
      return { name, input: { file_path: path, content: prose() } };
    case 'Grep':
      return {
        name,
        input: { pattern: `function ${file}`, path: '/workspace/src', output_mode: 'content', '-n': true },
      };
    case 'Glob':
      return { name, input: { pattern: `src/**/${file}*.ts` } };
  }
}
