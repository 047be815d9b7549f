import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { resolvePath } from '../shell/path.js';
import { isKnown } from '../shell/value.js';
import { type Rules, reporting } from './rule.js';

/** Databases that are evidently for development. */
export const databaseTargetRules = {
  'database.development': {
    level: 'recoverable',
    about: 'drops, empties or resets a database that is for development by its name and its host',
    matches: ['dropdb app_test', 'psql -d app_dev -c "DROP TABLE users"', 'rails db:reset'],
    spares: ['dropdb app', 'dropdb -h db.example.com app_test', 'createdb app_test'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof databaseTargetRules>();

const DEVELOPMENT =
  /(^|[^a-z])(dev|devel|development|test|tests|testing|local|sandbox|scratch|tmp|temp|e2e|ci|demo|playground|fixtures?)([^a-z]|$)/i;
const PRODUCTION = /(^|[^a-z])(prod|production|prd|live|staging|stage|master|main)([^a-z]|$)/i;
const LOCAL_HOST = /^(localhost|127\.\d+\.\d+\.\d+|::1|\[::1\]|0\.0\.0\.0|\/.*|)$/;
const DATABASE_URL = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:?]*|\[[^\]]*\])(?::\d+)?(?:\/([^?]*))?/i;

/** Options of database clients that name a database, and those that name its host. */
const NAME_OPTIONS = ['d', 'dbname', 'D', 'database'];
const HOST_OPTIONS = ['h', 'host'];
const OTHER_VALUES =
  `c command e execute eval U u user username p port P f file v set variable cmd separator init S socket n password`.split(
    ' ',
  );
const NAME_VARIABLES = ['PGDATABASE', 'MYSQL_DATABASE', 'DB_NAME', 'DATABASE_URL'];
const HOST_VARIABLES = ['PGHOST', 'PGHOSTADDR', 'MYSQL_HOST', 'DB_HOST'];
/** Variables with the environment on which a framework works. */
const ENVIRONMENTS = [
  'RAILS_ENV',
  'RACK_ENV',
  'MIX_ENV',
  'NODE_ENV',
  'APP_ENV',
  'FLASK_ENV',
  'DJANGO_ENV',
  'DJANGO_SETTINGS_MODULE',
  'ENVIRONMENT',
];

/** Reports a loss in a database for development under a separate rule. */
export function forTarget(danger: Danger | undefined, isDevelopment: boolean): Danger | undefined {
  if (danger?.level !== 'critical' || !isDevelopment) return danger;
  return critical('database.development', `In a database for development: ${danger.reason}`);
}

/** Whether a client works on a database that is evidently for development: by its name, on this machine. */
export function isDevelopmentDatabase(
  command: ShellCommand,
  sources: readonly string[],
  places: Places,
  isFile = false,
): boolean {
  const { args, scope } = command;
  const options = new Options(args, [...NAME_OPTIONS, ...HOST_OPTIONS, ...OTHER_VALUES]);
  const given = [
    options.value(...NAME_OPTIONS),
    ...options.operands.slice(0, 1),
    ...variables(command, NAME_VARIABLES),
  ];
  const names = given.filter((name) => name !== undefined && name !== '' && !sources.includes(name)) as string[];
  const hosts = [options.value(...HOST_OPTIONS), ...variables(command, HOST_VARIABLES)];
  const urls = names.map((name) => DATABASE_URL.exec(name)).filter((url) => url !== null);
  for (const [, host] of urls) hosts.push(host);
  const targets = [...names.map((name) => DATABASE_URL.exec(name)?.[2] ?? name), ...sources.flatMap(droppedDatabases)];
  if (![...targets, ...hosts].every((text) => isKnown(text ?? ''))) return false;
  // A statement may go to another database than the one that is open.
  if ([...names, ...sources].some((text) => PRODUCTION.test(text))) return false;
  if (sources.some((source) => /\\c(onnect)?\b|^\s*(use|attach|\.open)\b/im.test(source))) return false;
  if (!hosts.every((host) => LOCAL_HOST.test(host ?? ''))) return false;
  const isEvident = (target: string): boolean =>
    isFile ? isScratchFile(target, resolvePath(target, scope.cwd), places) : DEVELOPMENT.test(target);
  return targets.length > 0 && targets.every(isEvident);
}

/** Whether a database that is a file is one for development. */
function isScratchFile(name: string, path: string, places: Places): boolean {
  if (name === ':memory:' || places.isTemporary(path)) return true;
  return places.isInWorkspace(path) && DEVELOPMENT.test(path.slice(places.workspace.length));
}

function droppedDatabases(sql: string): readonly string[] {
  return [...sql.matchAll(/\bdrop\s+(?:database|schema)\s+(?:if\s+exists\s+)?["`]?([\w-]+)/gi)].map(
    ([, name]) => name ?? '',
  );
}

/**
 * Whether a framework's task works on the environment for development.
 *
 * @param byDefault whether it does so if no environment is named
 */
export function isDevelopmentEnvironment(command: ShellCommand, byDefault: boolean): boolean {
  const named = variables(command, ENVIRONMENTS);
  const urls = variables(command, ['DATABASE_URL']);
  const remote = urls.some((url) => !LOCAL_HOST.test(DATABASE_URL.exec(url)?.[1] ?? '?') || PRODUCTION.test(url));
  if (remote || variables(command, ['DISABLE_DATABASE_ENVIRONMENT_CHECK']).length > 0) return false;
  if (named.some((name) => PRODUCTION.test(name) || !isKnown(name))) return false;
  return named.length > 0 ? named.every((name) => DEVELOPMENT.test(name)) : byDefault;
}

/** The values of the named variables, as the command or the script sets them. */
function variables({ env, scope }: ShellCommand, names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    const value = env.get(name)?.text;
    return value === undefined ? (scope.variables.get(name)?.values ?? []).map(({ text }) => text) : [value];
  });
}

const READ_ONLY = /default_transaction_read_only\s*(=|%3D)\s*(on|true|1|yes)\b/i;
/** Statements after which a connection can write again, or is open to another database. */
const WRITES_AGAIN = /read[_ ](write|only)|\.open\b|\\c(onnect)?\b|\breset\s+all\b/i;

/** Whether a client opens its database so that nothing can be written. */
export function isReadOnly({ name, args, env, scope }: ShellCommand, sources: readonly string[]): boolean {
  if (sources.some((source) => WRITES_AGAIN.test(source))) return false;
  if (/^(sqlite3?|duckdb)$/.test(name)) {
    const values = [
      'cmd',
      'separator',
      'nullvalue',
      'newline',
      'init',
      'vfs',
      'maxsize',
      'mmap',
      'escape',
      'storage-version',
      'c',
      's',
    ];
    const options = new Options(args, values);
    const flag = args.some(
      (arg, index) => /^--?readonly$/.test(arg) && !values.includes((args[index - 1] ?? '').replace(/^--?/, '')),
    );
    return flag || /^file:.*[?&](mode=ro|immutable=1)(&|$)/.test(options.operands[0] ?? '');
  }
  if (!/^(psql|pgcli)$/.test(name)) return false;
  const settings = env.get('PGOPTIONS') ?? scope.variables.get('PGOPTIONS')?.values[0];
  const connection = new Options(args, ['c', 'command', ...NAME_OPTIONS, ...HOST_OPTIONS, ...OTHER_VALUES]);
  return [settings?.text, connection.value('d', 'dbname'), connection.operands[0]].some((text) =>
    READ_ONLY.test(text ?? ''),
  );
}
