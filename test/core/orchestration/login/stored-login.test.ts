import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { StoredLogin } from '../../../../src/core/orchestration/login/stored-login.js';
import type { LoginSource } from '../../../../src/core/orchestration/session/login-source.js';
import { errorOf } from '../../../support/errors.js';
import { tempFolder } from '../../../support/temp-folder.js';

const TOKEN = 'sk-ant-oat01-abcDEF';
const KEY = 'sk-ant-api03-abcDEF';
const IMAGE = { image: 'image' };

function stored(source: LoginSource | false | undefined, home = tempFolder()): StoredLogin {
  return new StoredLogin({ source, env: { ...process.env, XDG_CONFIG_HOME: undefined }, home });
}

function written(path: string, text: string, mode = 0o600): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const inHome = (home: string, name: string): string => join(home, '.config/autonomous-orchestration', name);

describe('the login of the sessions', () => {
  it('without a stored login there is none', async () => {
    expect(await stored(undefined).find()).toBeUndefined();
    expect(await stored(undefined).variablesFor(IMAGE)).toEqual({});
  });

  it('by default it is what image login has stored, and a later login counts from then on', async () => {
    const home = tempFolder();
    const login = stored(undefined, home);
    expect(await login.variablesFor(IMAGE)).toEqual({});
    written(inHome(home, 'login.env'), `# a comment\n\nexport CLAUDE_CODE_OAUTH_TOKEN='${TOKEN}'\n`);
    expect(await login.variablesFor(IMAGE)).toEqual({ CLAUDE_CODE_OAUTH_TOKEN: TOKEN });
    const elsewhere = written(join(tempFolder(), 'x.env'), `ANTHROPIC_API_KEY=${KEY}`);
    written(inHome(home, 'login.json'), JSON.stringify({ envFile: elsewhere }));
    expect(await login.variablesFor(IMAGE)).toEqual({ ANTHROPIC_API_KEY: KEY });
  });

  it('the option counts before what is stored, and false means none', async () => {
    const home = tempFolder();
    written(inHome(home, 'login.env'), `CLAUDE_CODE_OAUTH_TOKEN=${TOKEN}`);
    const envFile = written(join(tempFolder(), 'x.env'), `ANTHROPIC_API_KEY=${KEY}`);
    expect(await stored({ envFile }, home).variablesFor(IMAGE)).toEqual({ ANTHROPIC_API_KEY: KEY });
    expect(await stored(false, home).variablesFor(IMAGE)).toEqual({});
  });

  it.each([
    ['a key', { env: { ANTHROPIC_API_KEY: 'own' } }],
    ['another provider', { env: { CLAUDE_CODE_USE_BEDROCK: '1' } }],
    ['a gateway, which must not get the token', { env: { ANTHROPIC_BASE_URL: 'https://gateway.example' } }],
    ['a mounted login', { mounts: ['/x/.claude:/home/node/.claude'] }],
    ['a mounted configuration', { env: { CLAUDE_CONFIG_DIR: '/cfg/' }, mounts: [{ source: '/x', target: '/cfg' }] }],
  ])('no part of it is used for a session whose options have %s', async (_, options) => {
    const envFile = written(join(tempFolder(), 'x.env'), `CLAUDE_CODE_OAUTH_TOKEN=${TOKEN}`);
    expect(await stored({ envFile }).variablesFor({ ...IMAGE, ...options })).toEqual({});
    const other = { ...IMAGE, env: { OTHER: '1', CLAUDE_CONFIG_DIR: '/cfg' }, mounts: ['/x:/data'] };
    expect(await stored({ envFile }).variablesFor(other)).toEqual({ CLAUDE_CODE_OAUTH_TOKEN: TOKEN });
  });

  it.each<[string, (folder: string) => LoginSource, string]>([
    ['is missing', (folder) => ({ envFile: join(folder, 'none.env') }), 'ENOENT'],
    [
      'others may read',
      (folder) => ({ envFile: written(join(folder, 'a'), `ANTHROPIC_API_KEY=${KEY}`, 0o644) }),
      'mode 644',
    ],
    [
      'others may write',
      (folder) => ({ envFile: written(join(folder, 'a'), `ANTHROPIC_API_KEY=${KEY}`, 0o620) }),
      'mode 620',
    ],
    ['has no login', (folder) => ({ envFile: written(join(folder, 'a'), '# abcDEF') }), 'it has no login'],
    [
      'is a bare token',
      (folder) => ({ envFile: written(join(folder, 'a'), TOKEN) }),
      'line 1 is not of the form NAME=value',
    ],
    [
      'is a key in base64',
      (folder) => ({ envFile: written(join(folder, 'a'), 'abcDEFabcDEF==') }),
      'line 1 sets a variable, which is no variable of a login',
    ],
    [
      'is a long key of capitals',
      (folder) => ({ envFile: written(join(folder, 'a'), `${'ABC_'.repeat(11)}abcDEF=`) }),
      'line 1 sets a variable, which',
    ],
    [
      'has a key behind the name of a variable',
      (folder) => ({ envFile: written(join(folder, 'a'), 'CLAUDE_CODE_OAUTH_abcDEF=') }),
      'line 1 gives a variable no value',
    ],
    [
      'has a variable of something else',
      (folder) => ({ envFile: written(join(folder, 'a'), 'DATABASE_URL=abcDEF') }),
      'line 1 sets DATABASE_URL, which',
    ],
    ['is huge', (folder) => ({ envFile: written(join(folder, 'a'), '#'.repeat(70_000)) }), 'longer than'],
    ['is a folder', (folder) => ({ envFile: folder }), 'gives no login'],
    [
      'is a link',
      (folder) => {
        symlinkSync(written(join(folder, 'a'), `ANTHROPIC_API_KEY=${KEY}`), join(folder, 'b'));
        return { envFile: join(folder, 'b') };
      },
      'it is a link',
    ],
  ])('an env file that %s is refused without its content', async (_, sourceIn, why) => {
    const source = sourceIn(tempFolder());
    const error = await errorOf(stored(source).variablesFor(IMAGE), 'INVALID_OPTIONS');
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS', message: expect.stringContaining(why) });
    expect(error.message).toContain("Option 'login.envFile'");
    expect(error.message).not.toContain('abcDEF');
  });

  it('a stored login that cannot be used is refused, not skipped', async () => {
    const home = tempFolder();
    written(inHome(home, 'login.env'), `ANTHROPIC_API_KEY=${KEY}`, 0o640);
    expect(await errorOf(stored(undefined, home).find(), 'INVALID_OPTIONS')).toMatchObject({
      message: expect.stringContaining('chmod 600'),
    });
    written(inHome(home, 'login.json'), '{"command": 1}');
    expect(await errorOf(stored(undefined, home).find(), 'INVALID_OPTIONS')).toMatchObject({
      message: expect.stringContaining('damaged'),
    });
    written(inHome(home, 'login.json'), JSON.stringify({ envFile: '/nowhere/x.env' }));
    expect(await errorOf(stored(undefined, home).find(), 'INVALID_OPTIONS')).toMatchObject({ code: 'INVALID_OPTIONS' });
  });
});

describe('a command that prints the login', () => {
  it.each([
    ['a token', `echo ${TOKEN}`, { CLAUDE_CODE_OAUTH_TOKEN: TOKEN }],
    ['a key with notes below it', `printf '%s\\nuser: me\\n' ${KEY}`, { ANTHROPIC_API_KEY: KEY }],
    ['lines of variables', 'echo ANTHROPIC_AUTH_TOKEN=x; echo ANTHROPIC_BASE_URL=https://g.example', expect.anything()],
  ])('may print %s', async (_, command, variables) => {
    expect(await stored({ command }).variablesFor(IMAGE)).toEqual(variables);
  });

  it('is asked once for what is needed at the same time, and again after a failure', async () => {
    const folder = tempFolder();
    const login = stored({ command: `echo x >>${folder}/calls; cat ${folder}/token` });
    expect(await errorOf(login.find(), 'INVALID_OPTIONS')).toMatchObject({
      message: expect.stringContaining('exit code 1'),
    });
    writeFileSync(join(folder, 'token'), TOKEN);
    await Promise.all([login.find(), login.find()]);
    expect(await login.variablesFor(IMAGE)).toEqual({ CLAUDE_CODE_OAUTH_TOKEN: TOKEN });
    expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe('x\nx\n');
  });

  it('does not find programs where npx looks first, because an agent may have put them there', async () => {
    const bin = join(tempFolder(), 'node_modules/.bin');
    written(join(bin, 'print-the-login'), `#!/bin/sh\necho ${TOKEN}\n`, 0o755);
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const asked = new StoredLogin({ source: { command: 'print-the-login' }, env, home: tempFolder() });
    expect((await errorOf(asked.find(), 'INVALID_OPTIONS')).message).toContain('exit code 127');
  });

  it.each([
    ['fails', 'echo abcDEF; echo abcDEF >&2; exit 44', 'exit code 44'],
    ['prints no login', 'echo abcDEF', 'is no login'],
    ['prints without end', 'yes abcDEF', 'prints more than'],
    ['ends itself', 'kill -9 $$', 'SIGKILL'],
  ])('a command that %s is refused without its output', async (_, command, why) => {
    const error = await errorOf(stored({ command }).variablesFor(IMAGE), 'INVALID_OPTIONS');
    expect(error).toMatchObject({ code: 'INVALID_OPTIONS', message: expect.stringContaining(why) });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('abcDEF');
  });
});
