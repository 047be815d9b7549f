import { describe, expect, it } from 'vitest';
import { level, rate } from './rate.js';

describe('git checkout with a path', () => {
  it.each([
    'README.md',
    'src/app.ts',
    'src/',
    './src',
    '../other/a.c',
    'src/utils',
    'packages/web/index.html',
    '.gitignore',
    '.env.example',
    '.github/workflows',
    'Makefile',
    'docker/Dockerfile',
    'package-lock.json',
    'a/b/c.test.tsx',
    '"my file.txt"',
    "'*.js'",
    ':/src',
    '/workspace/a',
  ])('git checkout PATH is rated like git checkout -- PATH: %s', (path) => {
    const expected = rate(`git checkout -- ${path}`);
    expect(expected).toBeDefined();
    expect(rate(`git checkout ${path}`)).toEqual(expected);
    expect(rate(`git -C /workspace checkout -q ${path}`)).toEqual(expected);
    expect(rate(`bash <<'EOF'\ngit checkout ${path}\nEOF`)).toEqual(expected);
  });

  it.each([
    'main',
    'feature/next.js',
    'fix/README.md',
    'docs/guide',
    'test/fixtures',
    'release/2.0',
    'v1.2.3',
    'v2.0.0-rc.1',
    '1.x',
    'origin/main',
    'abc1234',
    'HEAD~1',
    'main^',
    '@{-1}',
    '-',
    'stash@{0}',
    '-b src/app.ts',
    '--track origin/x.y',
    '--detach main',
    'user-login',
    '123-fix-login',
  ])('git checkout BRANCH is harmless: %s', (branch) => {
    expect(level(`git checkout ${branch}`)).not.toBe('critical');
    expect(rate(`git checkout ${branch}`)?.rule).not.toBe('git.discard-changes');
  });
});

describe('an option of git', () => {
  it.each([
    ['git reset --ha', 'git reset --hard'],
    ['git reset --har HEAD~3', 'git reset --hard HEAD~3'],
    ['git -c a.b=c reset --h', 'git reset --hard'],
    ['git reset --mer', 'git reset --merge'],
    ['git clean -fd', 'git clean --force -d'],
    ['git clean -xdff', 'git clean --force -d'],
    ['git clean -dqf .', 'git clean --force -d'],
    ['git clean --fo -d', 'git clean --force -d'],
    ['git push --for', 'git push --force'],
    ['git push --forc origin main', 'git push --force origin main'],
    ['git push -uf origin main', 'git push --force origin main'],
    ['git push -qfu origin main', 'git push --force origin main'],
    ['git push --mirr origin', 'git push --mirror origin'],
    ['git push --de origin x', 'git push --delete origin x'],
    ['git push --force-w origin x', 'git push --force-with-lease origin x'],
    ['git branch -fD x', 'git branch -D x'],
    ['git branch --del --fo x', 'git branch -D x'],
    ['git branch -qD x', 'git branch -D x'],
    ['git tag --del v1', 'git tag -d v1'],
    ['git checkout -qf main', 'git checkout --force main'],
    ['git checkout --fo main', 'git checkout --force main'],
    ['git switch --disc main', 'git switch --discard-changes main'],
    ['git switch -qf main', 'git switch --discard-changes main'],
    ['git switch --forc main', 'git switch --force main'],
    ['git stash drop -q', 'git stash drop'],
    ['git worktree remove --fo x', 'git worktree remove --force x'],
    ['git worktree remove -ff x', 'git worktree remove --force x'],
    ['git rm -rqf src', 'git rm -r --force src'],
    ['git rm -r --fo src', 'git rm -r --force src'],
    ['git update-ref --del refs/heads/x', 'git update-ref -d refs/heads/x'],
    ['git gc --pru=now', 'git gc --prune=now'],
    ['git restore --sta --work .', 'git restore --staged --worktree .'],
    ['git submodule deinit --al --fo', 'git submodule deinit --all --force'],
    ['git checkout-index --al --fo', 'git checkout-index --all --force'],
    ['git read-tree --res HEAD', 'git read-tree --reset HEAD'],
    ['git commit --am', 'git commit --amend'],
  ])('an abbreviated option of git is rated like the full option: %s', (short, long) => {
    expect(rate(long)).toBeDefined();
    expect(rate(short)).toEqual(rate(long));
    expect(rate(`timeout 5 env - ${short}`)).toEqual(rate(long));
  });

  it.each([
    'git reset --soft HEAD~1',
    'git reset --so HEAD~1',
    'git reset --mix',
    'git push --dry -f origin x',
    'git push --fol origin x',
    'git clean --dry -fd',
    'git clean -nfd',
    'git branch --li',
    'git branch -vv',
    'git restore --sta .',
    'git rm --cach -r src',
    'git tag --li',
    'git gc --agg',
    'git commit -m --amend',
  ])('an option of git that means something else is harmless: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});

const REMOVES = 'rm -rf /home';

describe('a command that git runs', () => {
  it.each([
    `git grep -O'${REMOVES}' x`,
    `git grep -inO'${REMOVES}' x`,
    `git grep --open-files-in-pager='${REMOVES}' x`,
    `git grep --open='${REMOVES}' x`,
    `git clone -u '${REMOVES}' a b`,
    `git clone --upload-p='${REMOVES}' a`,
    `git clone 'ext::sh -c "${REMOVES}"' x`,
    `git remote add x 'ext::sh -c "${REMOVES}"'`,
    `git fetch 'ext::${REMOVES}'`,
    `git clone -c core.pager='${REMOVES}' x`,
    `git clone --config core.sshCommand='${REMOVES}' x`,
    `git fetch --upload-pack '${REMOVES}'`,
    `git ls-remote --upload-pack='${REMOVES}' x`,
    `git push --receive-pack='${REMOVES}' origin x`,
    `git push --exec='${REMOVES}' origin x`,
    `git archive --remote=x --exec='${REMOVES}' HEAD`,
    `git rebase --exe='${REMOVES}' main`,
    `git rebase -x'${REMOVES}' main`,
    `git difftool --extc='${REMOVES}'`,
    `git send-email --sendmail-cmd='${REMOVES}' x`,
    `git submodule -q foreach --recursive '${REMOVES}'`,
    `git submodule --quiet foreach '${REMOVES}'`,
    'git for-each-repo --config=x reset --hard',
    `GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0='${REMOVES}' git log`,
    `export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=alias.x 'GIT_CONFIG_VALUE_0=!${REMOVES}'; git x`,
    `GIT_CONFIG_PARAMETERS="'core.pager=${REMOVES}'" git log`,
    `X='${REMOVES}' git --config-env=core.pager=X log`,
    `git -c pager.log='${REMOVES}' log`,
    `git -c trailer.x.command='${REMOVES}' commit`,
    `git -c sendemail.sendmailcmd='${REMOVES}' send-email x`,
    `git -c protocol.ext.allow=always -c remote.x.uploadpack='${REMOVES}' fetch x`,
  ])('a dangerous command that git runs is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each([
    'core.hooksPath /tmp/evil',
    'core.hooksPath ./evil',
    'core.hooksPath node_modules/x',
    '--global core.hooksPath .husky',
    'core.sshCommand ./evil.sh',
    'core.fsmonitor ./evil.sh',
    'core.pager ./evil.sh',
    'core.gitProxy ./evil.sh',
    'diff.x.textconv ./evil.sh',
    'difftool.x.path /tmp/evil',
    'mergetool.x.cmd ./evil.sh',
    'man.x.path /tmp/evil',
    'gpg.ssh.defaultKeyCommand ./evil.sh',
    'gpg.ssh.program ./evil.sh',
    'remote.origin.uploadpack ./evil.sh',
    'remote.origin.receivepack ./evil.sh',
    'remote.origin.vcs evil',
    'trailer.x.cmd ./evil.sh',
    'sendemail.smtpServer /tmp/evil',
    'sendemail.toCmd ./evil.sh',
    'imap.tunnel ./evil.sh',
    'instaweb.httpd ./evil.sh',
    'guitool.x.cmd ./evil.sh',
    "submodule.x.update '!./evil.sh'",
    'tar.x.command ./evil.sh',
    'hook.x.command ./evil.sh',
    'lfs.customtransfer.x.path ./evil.sh',
    'protocol.ext.allow always',
    'include.path /tmp/evil',
    "'url.ext::sh -c x.insteadOf' https://",
  ])('a setting by which git runs code is critical: git config %s', (setting) => {
    expect(level(`git config ${setting}`)).toBe('critical');
    expect(level(`git config --add ${setting}`)).toBe('critical');
    expect(level(`xargs git -C . config set ${setting}`)).toBe('critical');
  });

  it.each([
    'git init --template=/tmp/evil',
    'git clone --template=/tmp/evil x',
    'git -c core.hooksPath=/tmp/evil commit',
    'GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.hooksPath GIT_CONFIG_VALUE_0=/tmp/evil git commit',
  ])('a change of the hooks is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each([
    'git grep -O x',
    'git grep -n "rm -rf /home"',
    'git push -u origin main',
    'git clone -c core.autocrlf=false https://example.com/x',
    'git clone --template= x',
    'git config core.hooksPath .husky/_',
    'git config core.hooksPath .githooks',
    'git config core.hooksPath tools/git-hooks',
    'git config difftool.meld.path /usr/bin/meld',
    'git config sendemail.smtpServer smtp.example.com',
    'git config submodule.x.update rebase',
    'git config protocol.file.allow user',
    'git config core.sshCommand "ssh -i ~/.ssh/deploy"',
    'git config trailer.sign.where end',
    'git submodule foreach git status',
    'GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.pager GIT_CONFIG_VALUE_0=less git log',
  ])('a harmless command that git runs is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});

describe('a credentials file in the history', () => {
  it.each([
    'git show HEAD:.env',
    'git show HEAD~3:config/.env.production',
    'git show :0:.env',
    'git show main:./id_rsa',
    'git --no-pager show abc1234:.aws/credentials',
    'git cat-file -p HEAD:.env',
    'git cat-file blob main:.npmrc/../id_ed25519',
    'git archive HEAD .env',
    'git archive --format=tar HEAD:config master.key',
    'git log -p -- .env',
    'git log --patch --all -- .env',
    'git log -L1,5:.env',
    'git blame .env',
    'git annotate id_rsa',
    'git diff HEAD~5 -- .env',
    'git diff main .env',
    'git grep KEY HEAD~1 -- .env',
    'git format-patch --stdout HEAD~3 -- .env',
    'git rev-list --all | xargs -I{} git show {}:.env',
    'for r in $(git rev-list --all); do git show "$r:.env"; done',
    "bash -c 'git show HEAD:.env'",
  ])('showing a credentials file from the history is critical: %s', (command) => {
    expect(level(command)).toBe('critical');
  });

  it.each([
    'git show HEAD',
    'git show HEAD:.env.example',
    'git show HEAD:src/env.ts',
    'git show --stat HEAD -- .env',
    'git show --name-only HEAD',
    'git log --oneline -- .env',
    'git log --format=%h --follow -- .env',
    'git ls-files .env',
    'git check-ignore .env',
    'git cat-file -e HEAD:.env',
    'git cat-file -t HEAD:.env',
    'git diff --stat HEAD~1 -- .env',
    'git diff .env',
    'git grep -l KEY -- .env',
    'git rm --cached .env',
    'git archive HEAD -o release.tar',
    'git blame src/credentials.ts',
  ])('a git command that shows no content of a credentials file is not critical: %s', (command) => {
    expect(level(command)).not.toBe('critical');
  });
});
