import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { askSecret } from '../../../src/cli/image/read-secret.js';
import { cli } from '../../support/cli-machine.js';
import { tempFolder } from '../../support/temp-folder.js';

const TOKEN = 'sk-ant-oat01-abcDEF_123-xyz';
const KEY = 'sk-ant-api03-abcDEF_123-xyz';
const PLACE = '.config/autonomous-orchestration';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

describe('image login --from-stdin', () => {
  it.each([
    ['a token', `${TOKEN}\n`, `CLAUDE_CODE_OAUTH_TOKEN=${TOKEN}`],
    [
      'a token that a terminal has broken',
      `${TOKEN.slice(0, 15)}\n${TOKEN.slice(15)}\n`,
      `CLAUDE_CODE_OAUTH_TOKEN=${TOKEN}`,
    ],
    ['an API key', KEY, `ANTHROPIC_API_KEY=${KEY}`],
    [
      'the variables of a gateway',
      'ANTHROPIC_BASE_URL=https://gateway.example\nANTHROPIC_AUTH_TOKEN="abc"\n',
      'ANTHROPIC_BASE_URL=https://gateway.example\nANTHROPIC_AUTH_TOKEN=abc',
    ],
  ])('stores %s in a file that only its owner may read', async (_, input, lines) => {
    const { exitCode, printed, said, home } = await cli(['image', 'login', '--from-stdin'], { input });
    expect(exitCode).toBe(0);
    const path = join(home, PLACE, 'login.env');
    expect(readFileSync(path, 'utf8')).toMatch(
      /^# Stored by autonomous-orchestration image login on \d{4}-\d\d-\d\d\n/,
    );
    expect(readFileSync(path, 'utf8')).toContain(`\n${lines}\n`);
    expect(modeOf(path)).toBe('600');
    expect(modeOf(join(home, PLACE))).toBe('700');
    expect(printed).toContain(path);
    expect(printed + said).not.toMatch(/abcDEF|abc\b/);
  });

  it.each([
    ['nothing', '', 'it is empty'],
    ['a password', 'correct horse', 'not of a known form'],
    ['an administration key', 'sk-ant-admin01-abcDEF', 'administration key'],
    ['another variable', 'MY_SECRET=abcDEF', 'MY_SECRET, which is no variable of a login'],
    ['a configuration folder', 'CLAUDE_CONFIG_DIR=/abcDEF', 'CLAUDE_CONFIG_DIR, which is no variable of a login'],
    ['a variable without a value', 'ANTHROPIC_API_KEY=', 'no value'],
    ['half a line', `ANTHROPIC_API_KEY=${KEY}\nabcDEF`, 'line 2 is not of the form'],
  ])('refuses %s, shows nothing of it and stores nothing', async (_, input, why) => {
    const { exitCode, printed, said, home } = await cli(['image', 'login', '--from-stdin'], { input });
    expect(exitCode).toBe(1);
    expect(said).toContain(why);
    expect(printed + said).not.toMatch(/abcDEF|horse/);
    expect(() => readFileSync(join(home, PLACE, 'login.env'))).toThrow('ENOENT');
  });

  it('XDG_CONFIG_HOME moves the folder', async () => {
    const config = tempFolder();
    await cli(['image', 'login', '--from-stdin'], { input: TOKEN, env: { XDG_CONFIG_HOME: config } });
    expect(readFileSync(join(config, 'autonomous-orchestration/login.env'), 'utf8')).toContain(TOKEN);
  });

  it('--file stores it elsewhere, and says so where managers look', async () => {
    const path = join(tempFolder(), 'claude.env');
    const { home } = await cli(['image', 'login', '--from-stdin', '--file', path], { input: TOKEN });
    expect(readFileSync(path, 'utf8')).toContain(TOKEN);
    expect(modeOf(path)).toBe('600');
    const source = readFileSync(join(home, PLACE, 'login.json'), 'utf8');
    expect(JSON.parse(source)).toEqual({ envFile: path });
  });

  it('a file that others could read before is closed to them', async () => {
    const home = tempFolder();
    mkdirSync(join(home, PLACE), { recursive: true });
    writeFileSync(join(home, PLACE, 'login.env'), 'ANTHROPIC_API_KEY=old\n', { mode: 0o644 });
    await cli(['image', 'login', '--from-stdin'], { input: KEY, home });
    expect(modeOf(join(home, PLACE, 'login.env'))).toBe('600');
  });
});

describe('image login --command', () => {
  it('stores the command and not what it prints, after it has tried it', async () => {
    const programs = { keychain: `echo ${TOKEN}` };
    const { exitCode, printed, calls, home } = await cli(['image', 'login', '--command', 'keychain show claude'], {
      programs,
    });
    expect(exitCode).toBe(0);
    expect(calls).toEqual(['keychain show claude']);
    expect(printed).toContain('The command gives CLAUDE_CODE_OAUTH_TOKEN');
    const stored = readFileSync(join(home, PLACE, 'login.json'), 'utf8');
    expect(JSON.parse(stored)).toEqual({ command: 'keychain show claude' });
    expect(modeOf(join(home, PLACE, 'login.json'))).toBe('600');
    expect(printed + stored).not.toContain('abcDEF');
  });

  it.each([
    ['fails', 'echo sk-ant-oat01-abcDEF >&2; exit 3', 'exit code 3'],
    ['prints no login', 'echo abcDEF', 'what it prints is no login'],
  ])('a command that %s is refused and not stored', async (_, keychain, why) => {
    const { exitCode, printed, said, home } = await cli(['image', 'login', '--command', 'keychain abcDEF'], {
      programs: { keychain },
    });
    expect(exitCode).toBe(1);
    expect(said).toContain('--command ("keychain …")');
    expect(said).toContain(why);
    expect(printed + said).not.toContain('abcDEF');
    expect(() => readFileSync(join(home, PLACE, 'login.json'))).toThrow('ENOENT');
  });

  it('a login that is stored later takes the place of the command', async () => {
    const home = tempFolder();
    await cli(['image', 'login', '--command', 'keychain'], { home, programs: { keychain: `echo ${KEY}` } });
    await cli(['image', 'login', '--from-stdin'], { home, input: TOKEN });
    expect(() => readFileSync(join(home, PLACE, 'login.json'))).toThrow('ENOENT');
  });

  it.each([
    ['a command', ['--command', 'keychain']],
    ['another file', ['--from-stdin', '--file', 'other.env']],
  ])('the stored token that %s takes the place of stays, and the person is told where', async (_, options) => {
    const home = tempFolder();
    await cli(['image', 'login', '--from-stdin'], { home, input: TOKEN });
    const programs = { keychain: `echo ${KEY}` };
    const { printed } = await cli(['image', 'login', ...options], { home, input: TOKEN, programs });
    const before = join(home, PLACE, 'login.env');
    expect(printed).toContain(`An earlier login is still in ${before}`);
    expect(readFileSync(before, 'utf8')).toContain(TOKEN);
  });
});

describe('a secret that a person pastes', () => {
  const asked = async (...typed: string[]): Promise<string> => {
    const stdin = new PassThrough();
    const answer = askSecret({ stdin, say: () => {} }, 'Paste:');
    for (const text of typed) stdin.write(text);
    return answer;
  };

  it('is the first line that is not empty', async () => {
    expect(await asked('\n', `${TOKEN}\n`)).toBe(TOKEN);
  });

  it('is all lines that arrive at once', async () => {
    expect(await asked(`${TOKEN.slice(0, 15)}\r${TOKEN.slice(15)}\r`)).toBe(
      `${TOKEN.slice(0, 15)}\n${TOKEN.slice(15)}`,
    );
  });

  it('an end without a line is reported', async () => {
    await expect(asked('\u0003')).rejects.toThrow('nothing was stored');
  });
});
