import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import type { Scope } from '../shell/scope.js';
import { isKnown } from '../shell/value.js';
import { type Rules, reporting } from './rule.js';

/** Settings of git. */
export const gitConfigRules = {
  'git.config-code': {
    level: 'critical',
    about: 'sets what git runs by itself later',
    matches: [
      "git config core.pager 'sh x.sh'",
      "git config alias.x '!rm -rf src'",
      'git config --global core.hooksPath /tmp/hooks',
    ],
    spares: ['git config user.name x', 'git config core.pager less', 'git config core.hooksPath .husky'],
  },
  'git.config': {
    level: 'warning',
    about: 'changes where git fetches from and pushes to',
    matches: ['git config url.https://example.com/.insteadOf git@github.com:'],
    spares: ['git config --get remote.origin.url'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof gitConfigRules>();

/** Settings that git runs as commands. */
export const CODE_SETTING =
  /^(core\.(pager|editor|sshcommand|fsmonitor|gitproxy|askpass|alternaterefscommand)|sequence\.editor|diff\.external|credential(\..*)?\.helper|pager\.[\w-]+|gpg\.program|gpg\.\w+\.(program|defaultkeycommand)|(diff|merge)(tool)?\..*\.(command|textconv|driver|cmd|path)|filter\..*\.(clean|smudge|process)|uploadpack\.packobjectshook|(browser|man|guitool)\..*\.(cmd|path)|interactive\.difffilter|remote\..*\.(uploadpack|receivepack|vcs)|trailer\..*\.(cmd|command)|sendemail\.(.*\.)?(sendmailcmd|tocmd|cccmd|headercmd|smtpserver)|imap\.tunnel|instaweb\.(httpd|browser)|tar\..*\.command|hook\..*\.command|lfs\.customtransfer\..*\.path|lfs\.extension\..*\.(clean|smudge)|protocol\.ext\.allow)$/i;
/** Settings that are commands if they begin with an exclamation mark. */
const CODE_AFTER_MARK = /^(alias\..*|submodule\..*\.update)$/i;
/** Settings that name files or folders with commands in them. */
export const CODE_PATH = /^(core\.hookspath|init\.templatedir|include\.path|includeif\..*\.path)$/i;

/** Usual names of a project's folder with hooks. */
const HOOKS_FOLDER = /\/[\w.-]*(?:hooks?|husky)(?:\/_)?$/i;

/** Programs that people usually name in git's settings. */
const USUAL =
  /^(true|false|cat|less|more|most|bat|delta|diff-so-fancy|diff-highlight|vi|vim|nvim|vimdiff|nvimdiff|nano|emacs|emacsclient|code|cursor|subl|micro|hx|helix|idea|meld|kdiff3|difft|opendiff|bcomp|ssh|plink|gpg|gpg2|ssh-keygen|git|git-lfs|gh|glab|aws|gcloud|gcloud.cmd|cache|store|manager|manager-core|osxkeychain|libsecret|wincred|netrc|oauth|rs-git-fsmonitor|watchman|nbstripout|git-crypt|exiftool|pdftotext|jq|sort|head|column|cut|wc|echo|grep|xargs|tput|mergiraf|notepad|code-insiders|never|user|checkout|merge|rebase|none)$/;

/** Rates `git config`: some settings make git run something from then on. */
export function rateConfig(args: readonly string[], places: Places, scope: Scope): Danger | undefined {
  const options = new Options(args, ['f', 'file', 'type', 'default', 'blob', 'comment']);
  if (options.has('unset', 'unset-all', 'get', 'get-all', 'list', 'l', 'get-regexp')) return undefined;
  const [key, value] = options.operands.filter((word, index) => index > 0 || word !== 'set');
  if (key === undefined || value === undefined || value === '') return undefined;
  const isWide = options.has('global', 'system');
  if (CODE_PATH.test(key)) {
    const path = resolvePath(value, scope.cwd);
    const isHooks = !/hookspath$/i.test(key) || HOOKS_FOLDER.test(path);
    const isOwn = places.isInWorkspace(path) && !isWide && isHooks;
    return isOwn || path === '/dev/null' ? undefined : plants(key);
  }
  if (CODE_AFTER_MARK.test(key) ? value.startsWith('!') : CODE_SETTING.test(key)) {
    return isUsual(value) || isServer(key, value) ? undefined : plants(key);
  }
  if (/^url\.ext::/i.test(key)) return plants(key);
  return /^url\..*\.(push)?insteadof$/i.test(key)
    ? warning('git.config', 'Changes where git fetches from and pushes to.')
    : undefined;
}

/** Rates `git -c key=value` for settings that name files. Commands in settings are rated where git runs them. */
export function rateSettings(args: readonly string[], places: Places, scope: Scope): Danger | undefined {
  for (const [index, arg] of args.entries()) {
    const [key = '', value = ''] = args[index - 1] === '-c' ? arg.split('=', 2) : [];
    const danger = CODE_PATH.test(key) ? rateConfig([key, value], places, scope) : undefined;
    if (danger) return danger;
  }
  return undefined;
}

function plants(key: string): Danger {
  return critical('git.config-code', `Makes git run code by itself later (${key}); run the command itself instead.`);
}

/** Whether a setting runs known programs only. Their arguments are rated elsewhere, as code that git runs. */
function isUsual(value: string): boolean {
  if (!isKnown(value) || /[`<>\n]|\$\(/.test(value)) return false;
  return value
    .replace(/^!/, '')
    .split(/[|;&]+/)
    .filter((part) => part.trim() !== '')
    .every((part) =>
      USUAL.test((/^\s*(\S*)/.exec(part)?.[1] ?? '').replace(/^(?:\/usr(?:\/local)?|\/opt\/homebrew)?\/bin\//, '')),
    );
}

/** Whether the setting names a mail server, and not a program with a path. */
function isServer(key: string, value: string): boolean {
  return /smtpserver$/i.test(key) && /^[\w.-]+(:\d+)?$/.test(value);
}
