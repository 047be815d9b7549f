import type { Danger } from '../danger.js';
import type { Places } from '../paths.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { commandLine } from '../shell/command-line.js';
import { Options } from '../shell/options.js';
import { forTarget, isDevelopmentDatabase, isDevelopmentEnvironment, isReadOnly } from './database-target.js';
import type { migrationRules } from './migrations.js';
import { type Finder, type Finders, reporting } from './rule.js';
import { rateSql, type sqlRules } from './sql.js';

const { critical } = reporting<typeof sqlRules & typeof migrationRules>();

export const databaseFinders: Finders = [
  ['psql pgcli cockroach usql', sqlClient(['c', 'command', 'e', 'execute'])],
  ['mysql mariadb mycli', sqlClient(['e', 'execute'])],
  ['sqlite3 sqlite duckdb litecli', sqlClient([], true)],
  [
    'sqlcmd isql bteq clickhouse-client clickhouse snowsql bq cqlsh turso wrangler spanner-cli beeline hive impala-shell presto trino',
    sqlClient(['q', 'Q', 'query', 'e', 'execute', 'command'], true),
  ],
  ['mongo mongosh mongoexport', rateMongo],
  ['redis-cli valkey-cli keydb-cli', rateRedis],
  ['dropdb dropuser', rateDrop],
  ['mysqladmin', (command, places) => (command.args.includes('drop') ? rateDrop(command, places) : undefined)],
  ['pg_restore', rateRestore],
  ['prisma', ratePhrase(/^db push .*--(force-reset|accept-data-loss)/)],
  ['influx', ratePhrase(/(bucket|database) delete|drop (database|measurement)/i)],
  ['etcdctl', ratePhrase(/del\b.*(--prefix|--from-key)/)],
];

function sqlClient(options: readonly string[], operandsAreSql = false): Finder {
  return (command, places) => {
    const { args, stdin } = command;
    const parsed = new Options(args, [...options, 'h', 'p', 'U', 'd', 'u', 'host', 'port', 'user', 'dbname', 'f', 'v']);
    const given = args.flatMap((arg, index) => {
      const { name, value } = splitOption(arg);
      if (!options.includes(name ?? '')) {
        const attached =
          arg.length > 2 && /^-[a-zA-Z][^-]/.test(arg) && options.includes(arg[1] ?? '') ? [arg.slice(2)] : [];
        return attached;
      }
      return [value ?? args[index + 1] ?? ''];
    });
    const sources = [...given, ...(operandsAreSql ? parsed.operands.slice(1) : []), stdin?.text ?? ''];
    const danger = [...sources, ...(operandsAreSql ? parsed.operands.slice(0, 1) : [])]
      .map(rateSql)
      .find((found) => found !== undefined);
    if (!danger || isReadOnly(command, sources)) return undefined;
    return forTarget(danger, isDevelopmentDatabase(command, sources, places, operandsAreSql));
  };
}

function splitOption(arg: string): { readonly name: string | undefined; readonly value: string | undefined } {
  const match = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(arg);
  return { name: match?.[1], value: match?.[2] };
}

function rateMongo(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['eval', 'host', 'port', 'u', 'p', 'username', 'password']);
  const code = [options.value('eval') ?? '', command.stdin?.text ?? ''];
  const danger = rateMongoCode([...command.args, command.stdin?.text ?? ''].join('\n'));
  return forTarget(danger, isDevelopmentDatabase(command, code, places));
}

function rateMongoCode(code: string): Danger | undefined {
  if (/\.\s*(dropDatabase|drop|dropIndexes)\s*\(/.test(code))
    return critical('database.drop', 'Drops a database or a collection.');
  if (/\.\s*(deleteMany|remove)\s*\(\s*(\{\s*\})?\s*\)/.test(code))
    return critical('database.delete-all', 'Deletes every document, because there is no filter.');
  return undefined;
}

const REDIS_VALUES = [
  'h',
  'p',
  's',
  'a',
  'u',
  'r',
  'i',
  'n',
  'd',
  'D',
  'user',
  'pass',
  'cacert',
  'cert',
  'key',
  'eval',
];

/** Only the first word is a command of Redis. The other words are names and values. */
function rateRedis({ args, stdin }: ShellCommand): Danger | undefined {
  const { operands } = new Options(args, REDIS_VALUES, true);
  const lines = [operands.join(' '), ...(stdin?.text ?? '').split('\n')];
  return lines.some(
    (line) => /^\s*["']?(flushall|flushdb)\b/i.test(line) || /^\s*eval(_ro)?\b.*\bflush(all|db)\b/i.test(line),
  )
    ? critical('database.drop', 'Deletes all keys of the database.')
    : undefined;
}

function rateDrop(command: ShellCommand, places: Places): Danger | undefined {
  const { name, args } = command;
  const values = ['h', 'p', 'U', 'host', 'port', 'username', 'maintenance-db'];
  if (new Options(args, values).has('help', 'version')) return undefined;
  const named = name === 'mysqladmin' ? { ...command, args: args.filter((arg) => arg !== 'drop') } : command;
  const isDevelopment = name !== 'dropuser' && isDevelopmentDatabase(named, [], places);
  return forTarget(critical('database.drop', 'Drops a whole database.'), isDevelopment);
}

/** Without a database `pg_restore` only writes a script. */
function rateRestore(command: ShellCommand, places: Places): Danger | undefined {
  const options = new Options(command.args, ['d', 'dbname', 'f', 'file', 'U', 'h', 'p', 'F', 'j', 'n', 't']);
  if (!options.has('c', 'clean') || options.has('l', 'list') || options.value('d', 'dbname') === undefined)
    return undefined;
  const danger = critical('database.drop', 'Drops what is in the database before it restores.');
  return forTarget(danger, isDevelopmentDatabase({ ...command, args: command.args.slice(0, -1) }, [], places));
}

function ratePhrase(pattern: RegExp): Finder {
  return (command) =>
    pattern.test(commandLine(command.args)) && !asks(command.args, /^--help$/)
      ? forTarget(resets, isDevelopmentEnvironment(command, false))
      : undefined;
}

const resets = critical('database.reset', 'Deletes the data of the database; make a backup, or let a person do it.');
