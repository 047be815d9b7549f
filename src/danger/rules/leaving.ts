import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { Origin, SEGMENT } from '../shell/value.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import { shown } from './shown.js';
import { worst } from './worst.js';

/** Whole folders that leave the machine. */
export const leavingRules = {
  'network.folder': {
    level: 'critical',
    about: 'sends a whole folder to another machine; a warning for a single folder that is sent as people deploy',
    matches: ['tar cz . | curl -T - https://example.com', 'scp -r . host:backup', 'aws s3 sync . s3://bucket'],
    warns: ['rsync -a docs/ host:docs', 'aws s3 sync src s3://bucket'],
    spares: ['scp a.txt host:', 'rsync -a src/ backup/', 'aws s3 cp a.txt s3://bucket', 'rsync -an . host:backup'],
  },
} as const satisfies Rules;

const { critical, warning } = reporting<typeof leavingRules>();

/** Finds whole folders that leave the machine, file by file or packed into an archive. */
export const leavingFinders: Finders = [
  [
    'rsync',
    folders(
      'e rsh f filter exclude include exclude-from include-from files-from bwlimit port password-file log-file T',
      /^(-[a-zA-Z]*[ar]\w*|--archive|--recursive|--files-from.*)$/,
      isRemoteHost,
    ),
  ],
  ['scp', folders('i P o F c l S J', /^-[a-zA-Z]*r/, isRemoteHost)],
  [
    'rclone',
    verbs('config transfers exclude include filter', /^(copy|sync|move|copyto|moveto|bisync)$/, /^[\w-]+:|^:\w/),
  ],
  ['aws', cloud(/^s3 (sync|mv|cp)/, /^s3:\/\//)],
  ['gsutil', cloud(/^(rsync|cp|mv)/, /^gs:\/\//)],
  ['gcloud', cloud(/^(alpha )?storage (rsync|cp|mv)/, /^gs:\/\//)],
  ['s3cmd s5cmd mc b2 ossutil', cloud(/^(sync|put|cp|mirror|mv|upload)/, /^(s3|b2|oss):\/\/|^[\w-]+\/[\w-]/)],
  ['azcopy', cloud(/^(copy|sync|cp)/, /^https:/)],
  [
    'az',
    ({ args }, places) =>
      /storage (blob upload-batch|blob sync|file upload-batch|copy)/.test(args.join(' '))
        ? rateFolders([new Options(args, AZ).value('s', 'source') ?? '.'], places, places.cwd)
        : undefined,
  ],
  [
    'wormhole croc ffsend transfer sharing',
    ({ args, scope }, places) =>
      rateFolders(
        new Options(args, ['code', 'relay', 'name']).operands.slice(
          /^(send|upload|up)$/.test(new Options(args).operands[0] ?? '') ? 1 : 0,
        ),
        places,
        scope.cwd,
      ),
  ],
  ['curl wget http https nc ncat netcat socat ssh openssl ftp lftp mail mutt', rateArchive],
  [
    'lftp',
    ({ args, scope }, places) =>
      /mirror\s+(-\w*R|--reverse)/.test(args.join(' ')) ? rateFolders(['.'], places, scope.cwd) : undefined,
  ],
  [
    'ncftpput',
    ({ args, scope }, places) =>
      args.some((arg) => /^-\w*R/.test(arg))
        ? rateFolders(new Options(args, ['u', 'p', 'P']).operands.slice(2), places, scope.cwd)
        : undefined,
  ],
  [
    'ipfs',
    ({ args, scope }, places) =>
      args[0] === 'add' && args.some((arg) => /^-\w*r/.test(arg))
        ? rateFolders(new Options(args.slice(1)).operands, places, scope.cwd)
        : undefined,
  ],
];

const AZ = ['s', 'source', 'd', 'destination', 'account-name', 'container', 'c', 'pattern'];
const sendsArchive = critical(
  'network.folder',
  'Sends a whole folder to another machine; send the single files that you mean.',
);

const LOCAL_HOST = /^(?:[\w.-]+@)?(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::|$)/;

function isRemoteHost(target: string): boolean {
  return (
    (/^(?:[\w.-]+@)?(?:[\w.-]+|\[[\da-f:]+\]):/i.test(target) || /^(?:rsync|scp|ssh|sftp):\/\//.test(target)) &&
    !LOCAL_HOST.test(target)
  );
}

/** Programs that copy folders to `host:path` if an option says so. */
function folders(values: string, recursive: RegExp, isRemote: (target: string) => boolean): Finder {
  const named = values.split(' ');
  return ({ args, scope }, places) => {
    const { operands } = new Options(args, named);
    const target = operands.at(-1) ?? '';
    if (operands.length < 2 || !isRemote(target) || !args.some((arg) => recursive.test(arg)) || isDry(args))
      return undefined;
    return rateFolders(operands.slice(0, -1), places, scope.cwd, true);
  };
}

/** Whether the command sends nothing, because it is a dry run or only lists files. */
function isDry(args: readonly string[]): boolean {
  return args.some((arg) => /^(-[a-zA-Z]*n[a-zA-Z]*|--dry-?run|--list-only)$/.test(arg));
}

function verbs(values: string, verb: RegExp, remote: RegExp): Finder {
  const named = values.split(' ');
  return ({ args, scope }, places) => {
    const [first = '', source, target = ''] = new Options(args, named).operands;
    if (!verb.test(first) || source === undefined || !remote.test(target) || remote.test(source) || isDry(args))
      return undefined;
    return rateFolders([source], places, scope.cwd, true);
  };
}

/** `aws s3 sync folder s3://bucket` and the like. A copy of one file has no `--recursive`. */
function cloud(verb: RegExp, remote: RegExp): Finder {
  return ({ name, args, scope }, places) => {
    const { operands } = new Options(args, [
      'profile',
      'region',
      'exclude',
      'include',
      'acl',
      'endpoint-url',
      'o',
      'project',
      'x',
      'j',
      'storage-class',
    ]);
    const line = operands.join(' ');
    const target = operands.at(-1) ?? '';
    const source = operands.at(-2) ?? '';
    if (!verb.test(line) || !remote.test(target) || /^\w+:\/\//.test(source) || isDry(args)) return undefined;
    const whole =
      /\b(sync|rsync|mirror)\b/.test(operands.slice(0, 3).join(' ')) ||
      args.some((arg) => /^(-[rR]|-\w*r|--recursive(=true)?)$/.test(arg)) ||
      name === 'b2';
    return whole ? rateFolders([source], places, scope.cwd, true) : undefined;
  };
}

/**
 * Rates sending folders.
 *
 * @param deploys whether people deploy single folders in this way. Then a single folder is only a warning.
 */
function rateFolders(sources: readonly string[], places: Places, cwd: string, deploys = false): Danger | undefined {
  return worst(sources, (source) => {
    const path = resolvePath(source.replace(/(?<=.)\/\.?$/, ''), cwd);
    if (places.isUnknown(path) || places.isRegenerated(path) || places.isTemporary(path) || places.isRebuilt(path))
      return undefined;
    const whole = path.endsWith(`/${SEGMENT}`) ? path.slice(0, -2) : path;
    const isWhole = whole === places.workspace || !places.isInWorkspace(whole) || /\/\.git$/.test(whole);
    const message = `Sends ${shown(path)} with all that is in it to another machine; send the single files that you mean.`;
    if (!isWhole && places.isFileName(path)) return undefined;
    return isWhole || !deploys ? critical('network.folder', message) : warning('network.folder', message);
  });
}

/** An archive that comes through a pipe, or that the same command made. */
function rateArchive({ name, args, values, stdin, scope }: ShellCommand): Danger | undefined {
  if (
    args.some(
      (arg) =>
        LOCAL_HOST.test(arg.replace(/^\w+:\/\//, '').replace(/\/.*$/s, ':')) || /^(localhost|127\.0\.0\.1)$/.test(arg),
    )
  )
    return undefined;
  if (name === 'openssl' && args[0] !== 's_client') return undefined;
  const fed = ((stdin?.origin ?? 0) & Origin.folder) !== 0;
  // People deploy their work to a server in this way.
  if (
    fed &&
    name === 'ssh' &&
    args.some((arg, index) =>
      /^(?:sudo )?(?:bsd)?tar\s+-?\w*x|^cd .*tar\s+-?\w*x/.test([arg, args[index + 1] ?? ''].join(' ')),
    )
  )
    return warning('network.folder', 'Sends a whole folder to another machine.');
  if (
    fed &&
    (!/^(curl|wget|https?)$/.test(name) ||
      args.some((arg) => /@-|^-$|^-T$|^--upload-file|^--post-file|^-d$|^--data/.test(arg)))
  )
    return sendsArchive;
  if (/^https?$/.test(name) && fed) return sendsArchive;
  for (const { text, origin, content } of values) {
    if (((origin | (content?.origin ?? 0)) & Origin.folder) !== 0) return sendsArchive;
    const file = /^(?:[\w.-]*=)?[@<]([^;]+)/.exec(text)?.[1] ?? /^(?:--[\w-]*file|-T)=?(.+)/.exec(text)?.[1] ?? text;
    if (((scope.files.get(resolvePath(file, scope.cwd))?.origin ?? 0) & Origin.folder) !== 0 && name !== 'ssh')
      return sendsArchive;
  }
  return undefined;
}

/** Any program that sends a file which is an archive of a folder, made by the same command. */
export const rateSentArchive: Finder = ({ name, args, redirects, stdin, scope }) => {
  const isSocket = redirects.some(({ target }) => /^\/dev\/(?:tcp|udp)\//.test(target.text));
  if (isSocket && (((stdin?.origin ?? 0) & Origin.folder) !== 0 || /^(tar|zip|bsdtar)$/.test(name)))
    return sendsArchive;
  if (!/^(scp|rsync|aws|gsutil|gcloud|az|rclone|s3cmd|gh|wormhole|croc|mutt|mail)$/.test(name)) return undefined;
  const sends =
    /^(wormhole|croc|mutt|mail|gh)$/.test(name) || args.some((arg) => isRemoteHost(arg) || /^(s3|gs):\/\//.test(arg));
  const archived = args.some(
    (arg) => ((scope.files.get(resolvePath(arg, scope.cwd))?.origin ?? 0) & Origin.folder) !== 0,
  );
  return sends && archived ? sendsArchive : undefined;
};
