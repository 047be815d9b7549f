// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is shell code
import { describe, expect, it } from 'vitest';
import { level, rate } from './rate.js';

describe('mv', () => {
  it.each([
    'mv -t /dev/null a b',
    'mv -t/dev/null a',
    'mv --target-directory=/dev/null a',
    'mv --targ /dev/null a',
    'mv -vt /dev/null a',
    'find . -type f -exec mv -t /dev/null {} +',
    'ls | xargs mv -t /dev/null',
    'mv -t /tmp /etc/passwd',
    'mv -ft /tmp a /usr/bin/git',
    'mv --target-directory . /etc',
    'mv -t /etc evil.conf',
    'mv -t ~/.ssh authorized_keys',
    'mv ~/* /tmp/',
    'mv ~/.* /tmp/',
    'mv ~ /tmp/x',
    'mv "$HOME" .',
    'mv "$HOME"/* .',
    'mv -t /tmp ~/*',
    'cd ~ && mv * /tmp',
    'cd / && mv home /tmp',
    'mv /home /tmp/x',
    'mv /home/* /tmp/x',
    'mv ~/.bashrc x',
    'mv -t . ~/.gnupg',
    'mv ~/Documents .',
    'mv ../other .',
    'mv /srv/data /tmp/x',
    'mv * /tmp/x',
    'mv ./* ../',
    'mv -t /tmp/x ./*',
    'mv .git /tmp',
    'mv -t /tmp .git',
    "sudo sh -c 'mv /etc/hosts /tmp'",
    'find . -type f -exec mv {} /tmp/x \\;',
    "bash -c 'mv ~/* /tmp'",
    'timeout 5 env - mv -t /tmp ~/*',
  ])('a move is critical if something is lost: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each([
    'mv a b',
    'mv -t src a.ts b.ts',
    'mv -n a.txt b.txt',
    'mv * sub/',
    'mv ./*.md docs/',
    'mv src lib2',
    'mv -t /tmp/x a.txt',
    'mv /tmp/x/a.txt .',
    'mv /tmp/build/* .',
    'mv ~/notes.txt .',
    'mv --help',
    'for f in *.txt; do mv -- "$f" "${f%.txt}.md"; done',
    'mv package.json.new package.json',
  ])('a usual move is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});

describe('a folder that is moved onto a name that may be deleted', () => {
  it.each([
    'mv src dist',
    'mv src dist/',
    'mv -T src node_modules',
    'mv src build',
    'mv docs out',
    'mv src/* dist/',
    'mv -t dist src',
    'mv .github coverage',
    'mv server dist && rm -rf dist',
    'mv src build && rm -rf build',
    'mv src /tmp/x && rm -rf /tmp/x',
    'mv src /tmp/x && rm -rf /tmp/x/a',
    'mv src /tmp/x/y; rm -rf /tmp/x',
    'mv src node_modules/.cache/x && find node_modules -delete',
    '(mv src /tmp/x); rm -r /tmp/x',
    "sh -c 'mv src /tmp/x'; rimraf /tmp/x",
    'ln -s ~ dist && rm -rf dist/*',
    'ln -s ~ /tmp/x && rm -rf /tmp/x/',
    'ln -sfn /srv node_modules/x; find node_modules/x -delete',
  ])('moving a folder onto a name that may be deleted is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it('moving a folder to /tmp is a warning, unless the command deletes it there', () => {
    expect(rate('mv config /tmp/config.bak')).toMatchObject({ level: 'warning', rule: 'files.disposable' });
    expect(level('mv config /tmp/config.bak && rm -rf /tmp/other')).toBe('warning');
  });

  it.each([
    'mv build dist',
    'mv dist/* public/',
    'mv src/generated dist',
    'mv .next/standalone dist/',
    'mv target/release/app dist/',
    'mv app dist/',
    'mv *.js dist/',
    'mv dist/index.js dist/main.js',
    'mv node_modules /tmp/node_modules && rm -rf /tmp/node_modules',
    'mv src lib',
    'ln -s ../dist dist2 && rm -rf node_modules',
    'ln -s ~ /tmp/x && rm /tmp/x',
    'mkdir -p dist && mv a.txt dist/ && rm -rf dist',
  ])('moving what can be made again is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});

describe('permissions of what a search finds', () => {
  it.each([
    'find / -exec chmod 777 {} +',
    'find . -exec chmod 777 {} +',
    'find . -type d -exec chmod a+rwx {} \\;',
    'find . -print0 | xargs -0 chmod 777',
    'find / -type f | xargs chmod 000',
    "find / -name '*.sh' -exec chmod 755 {} +",
    'find ~ -exec chown root {} +',
    'find ~ -type f -execdir chgrp users {} \\;',
    "find /etc -name '*.conf' -exec chmod 600 {} +",
    'find /srv -exec sh -c \'chmod 777 "$1"\' _ {} \\;',
    'find ~ -type f | while read f; do chmod 777 "$f"; done',
    'for f in $(find / -type f); do chmod 777 $f; done',
    'find / | parallel chmod 777 {}',
    'fd . / -x chmod 777',
    'fd -t f . -x chmod 777',
    'fd -H . /srv -X chown nobody',
    'fdfind --search-path /srv . -x chmod 777 {}',
    'find / -exec chattr +i {} +',
    'find / -exec setfacl -m u:x:rwx {} +',
    'sudo find / -exec chmod -R 777 {} +',
    "bash -c 'find / -exec chown nobody {} +'",
  ])('changing permissions of a whole tree, file by file, is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each([
    'find . -type f -exec chmod 644 {} +',
    "find . -name '*.sh' -exec chmod +x {} +",
    'find . -type d -exec chmod 755 {} \\;',
    'find scripts -type f | xargs chmod 755',
    'find /tmp/x -exec chmod 777 {} +',
    'fd -e sh -x chmod +x',
    'fd . scripts -x chmod 755',
    'find / -exec stat {} +',
    'find . -perm 777',
    'chmod +x scripts/*.sh',
  ])('a usual change of permissions is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
