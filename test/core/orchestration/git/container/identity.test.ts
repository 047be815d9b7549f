import { expect, it } from 'vitest';
import { systemConfig } from '../../../../../src/core/orchestration/git/container/identity.js';
import { parseGitConfig } from '../../../../../src/core/orchestration/git/repository/config-file.js';

it('the settings for the container have the name in any spelling, and those of the image', () => {
  const text = systemConfig({ name: 'A "B" \\ C; #', email: 'a@b' }, '/ignore');
  expect(parseGitConfig(text)).toEqual([
    { name: 'include.path', value: '/etc/gitconfig' },
    { name: 'user.name', value: 'A "B" \\ C; #' },
    { name: 'user.email', value: 'a@b' },
    { name: 'core.excludesfile', value: '/ignore' },
  ]);
});
