import { describe, expect, it } from 'vitest';
import { pathOutside, withProgramPath } from '../../../../../src/core/orchestration/util/fs/program-path.js';

const HOME = '/home/me';

describe('the PATH on which programs of the machine are found', () => {
  it.each([
    ['the programs of packages, in this folder and above it', '/repo/node_modules/.bin:/repo/a/node_modules/.bin/'],
    ['the programs of packages that npx has fetched', '/home/me/.npm/_npx/1/node_modules/.bin'],
    ['folders in this folder', '/repo/a/bin:/repo/a'],
    ['folders in this folder that are written in another way', '/repo/b/../a/bin:/repo/a/'],
    ['folders that depend on this folder', 'bin:.::../bin'],
  ])('it does not have %s', (_, parts) => {
    expect(withProgramPath({ HOME, PATH: `${parts}:/usr/bin`, KEY: 'value' }, '/repo/a')).toEqual({
      HOME,
      PATH: '/usr/bin',
      KEY: 'value',
    });
  });

  it('it has the programs of a user who works in the home folder', () => {
    const PATH = '/home/me/.nvm/bin:/home/me/node_modules/.bin:/usr/bin';
    for (const cwd of [HOME, '/']) {
      expect(withProgramPath({ HOME, PATH }, cwd).PATH).toBe('/home/me/.nvm/bin:/usr/bin');
    }
    expect(withProgramPath({ HOME }, HOME)).toEqual({ HOME });
  });

  it('for git it has nothing in a checkout, however that is written', () => {
    expect(pathOutside('/repo/bin:/x/../repo/bin:/repo/:bin:/repository/bin:/usr/bin', '/repo')).toBe(
      '/repository/bin:/usr/bin',
    );
  });
});
