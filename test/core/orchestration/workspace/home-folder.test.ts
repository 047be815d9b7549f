import { describe, expect, it } from 'vitest';
import { resolveDocker } from '../../../../src/core/orchestration/options/asked-docker.js';
import { homeFolder, homeProblem } from '../../../../src/core/orchestration/workspace/home-folder.js';

describe.each(['HOME', 'CLAUDE_CONFIG_DIR'])('the folder of %s', (name) => {
  it.each(['/tmp/h', '/home/node/.cc', '/data/my claude', '/root', '/workspaces/x', '/tmp/h/'])(
    'may be %s',
    (folder) => {
      expect(homeProblem(name, folder)).toBeUndefined();
    },
  );

  it.each([
    ['', 'absolute path'],
    ['home', 'absolute path'],
    ['/tmp/../etc', 'absolute path'],
    ['/a:b', 'absolute path'],
    ['/a\nb', 'absolute path'],
    ['/workspace', 'must not lie in /workspace'],
    ['/workspace/.claude', 'must not lie in /workspace'],
    ['/', 'must not be "/"'],
    ['/usr', 'must not be'],
    ['/usr/local/bin', 'must not be'],
    ['/etc/claude-code', 'must not be'],
    ['/run/autonomous-orchestration/requests', 'must not be'],
    ['/proc/self', 'must not be'],
    ['/etc/passwd', 'must not be "/etc/passwd", which the container needs'],
    ['//workspace/', 'must not lie in /workspace'],
  ])('must not be %j', (folder, words) => {
    expect(homeProblem(name, folder)).toContain(words);
  });
});

it('is used in its shortest form', () => {
  expect(homeFolder('HOME', '/tmp//h/')).toBe('/tmp/h');
  expect(homeFolder('OTHER', '/tmp//h/')).toBe('/tmp//h/');
  const docker = resolveDocker({}, { env: { HOME: '/tmp/h/', CLAUDE_CONFIG_DIR: '/c//d', OTHER: 'a/' } });
  expect(docker).toMatchObject({ env: { HOME: '/tmp/h', CLAUDE_CONFIG_DIR: '/c/d', OTHER: 'a/' } });
});

it('other variables may have any value', () => {
  expect(homeProblem('MY_HOME', '/workspace/../etc')).toBeUndefined();
});
