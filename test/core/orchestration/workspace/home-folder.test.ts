import { describe, expect, it } from 'vitest';
import { homeProblem } from '../../../../src/core/orchestration/workspace/home-folder.js';

describe.each(['HOME', 'CLAUDE_CONFIG_DIR'])('the folder of %s', (name) => {
  it.each(['/tmp/h', '/home/node/.cc', '/data/my claude', '/root', '/workspaces/x'])('may be %s', (folder) => {
    expect(homeProblem(name, folder)).toBeUndefined();
  });

  it.each([
    ['', 'absolute path'],
    ['home', 'absolute path'],
    ['/tmp/../etc', 'absolute path'],
    ['/tmp/', 'absolute path'],
    ['/a:b', 'absolute path'],
    ['/a\nb', 'absolute path'],
    ['/workspace', 'must not lie in /workspace'],
    ['/workspace/.claude', 'must not lie in /workspace'],
    ['/', 'would cover'],
    ['/usr', 'would cover /usr/bin'],
    ['/usr/local/bin', 'would cover /usr/local/bin'],
    ['/etc/claude-code', 'would cover /etc/claude-code'],
    ['/run/autonomous-orchestration/requests', 'would cover /run/autonomous-orchestration'],
    ['/proc/self', 'would cover /proc'],
  ])('must not be %j', (folder, words) => {
    expect(homeProblem(name, folder)).toContain(words);
  });
});

it('other variables may have any value', () => {
  expect(homeProblem('MY_HOME', '/workspace/../etc')).toBeUndefined();
});
