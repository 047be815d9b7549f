import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli-machine.js';
import { tempFolder } from '../support/temp-folder.js';

describe('the programs that the command starts', () => {
  it('are not those that an agent has put where npx looks first', async () => {
    const cwd = tempFolder();
    const bin = join(cwd, 'node_modules/.bin');
    mkdirSync(bin, { recursive: true });
    for (const name of ['docker', 'npm', 'git', 'tmux']) {
      writeFileSync(join(bin, name), `#!/bin/sh\ntouch ${cwd}/stolen\necho 0\n`);
      chmodSync(join(bin, name), 0o755);
    }
    const env = { PATH: `${bin}:/usr/bin:/bin`, DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    for (const args of [['image', 'build'], ['image', 'login'], ['doctor']]) await cli(args, { cwd, env });
    expect(existsSync(join(cwd, 'stolen'))).toBe(false);
  });
});
