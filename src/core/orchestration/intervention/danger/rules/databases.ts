import { critical, type Danger } from '../danger.js';
import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import type { RuleList } from './rule.js';
import { rateSql } from './sql.js';

export const databaseRules: RuleList = [
  ['psql pgcli cockroach usql', sqlClient(['c', 'command', 'e', 'execute'])],
  ['mysql mariadb mycli', sqlClient(['e', 'execute'])],
  ['sqlite3 sqlite duckdb litecli', sqlClient([], true)],
  [
    'sqlcmd isql bteq clickhouse-client clickhouse snowsql bq cqlsh turso wrangler spanner-cli beeline hive impala-shell presto trino',
    sqlClient(['q', 'Q', 'query', 'e', 'execute', 'command'], true),
  ],
  ['mongo mongosh mongoexport', rateMongo],
  ['redis-cli valkey-cli keydb-cli', rateRedis],
  [
    'dropdb dropuser',
    (command) =>
      new Options(command.args, ['h', 'p', 'U', 'host', 'port', 'username', 'maintenance-db']).has('help', 'version')
        ? undefined
        : critical('database.drop', 'Drops a whole database.'),
  ],
  [
    'mysqladmin',
    (command) => (command.args.includes('drop') ? critical('database.drop', 'Drops a whole database.') : undefined),
  ],
  [
    'pg_restore',
    (command) =>
      new Options(command.args).has('c', 'clean')
        ? critical('database.drop', 'Drops what is in the database before it restores.')
        : undefined,
  ],
  [
    'rails rake bin/rails',
    rateTask(/^db:(drop|reset|purge|truncate_all|schema:load|migrate:reset|structure:load|setup|seed:replant)/),
  ],
  ['prisma', ratePhrase(/^(migrate reset|db push .*--(force-reset|accept-data-loss))/)],
  ['sequelize sequelize-cli', ratePhrase(/^db:(drop|migrate:undo:all)/)],
  ['typeorm', ratePhrase(/^schema:drop/)],
  ['knex', ratePhrase(/^migrate:rollback .*--all/)],
  ['drizzle-kit', ratePhrase(/^drop/)],
  ['artisan', ratePhrase(/^(migrate:(fresh|reset|refresh)|db:wipe)/)],
  ['php', ratePhrase(/^\S*artisan (migrate:(fresh|reset|refresh)|db:wipe)/)],
  ['mix', ratePhrase(/^ecto\.(drop|reset)/)],
  ['alembic', ratePhrase(/^downgrade base/)],
  ['flyway', ratePhrase(/(^| )clean( |$)/)],
  ['liquibase', ratePhrase(/(^| )drop-?all/i)],
  ['python python3', ratePhrase(/^\S*manage\.py (flush|reset_db|sqlflush|migrate \S+ zero)/)],
  ['django-admin', ratePhrase(/^(flush|reset_db)/)],
  ['supabase', ratePhrase(/^db reset/)],
  ['influx', ratePhrase(/(bucket|database) delete|drop (database|measurement)/i)],
  ['etcdctl', ratePhrase(/del\b.*(--prefix|--from-key)/)],
];

function sqlClient(options: readonly string[], operandsAreSql = false) {
  return ({ args, stdin }: ShellCommand): Danger | undefined => {
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
    const sources = [...given, ...(operandsAreSql ? parsed.operands : []), stdin?.text ?? ''];
    for (const source of sources) {
      const danger = rateSql(source);
      if (danger) return danger;
    }
    return undefined;
  };
}

function splitOption(arg: string): { readonly name: string | undefined; readonly value: string | undefined } {
  const match = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(arg);
  return { name: match?.[1], value: match?.[2] };
}

function rateMongo({ args, stdin }: ShellCommand): Danger | undefined {
  const code = [...args, stdin?.text ?? ''].join('\n');
  if (/\.\s*(dropDatabase|drop|dropIndexes)\s*\(/.test(code))
    return critical('database.drop', 'Drops a database or a collection.');
  if (/\.\s*(deleteMany|remove)\s*\(\s*(\{\s*\})?\s*\)/.test(code))
    return critical('database.delete-all', 'Deletes every document, because there is no filter.');
  return undefined;
}

function rateRedis({ args, stdin }: ShellCommand): Danger | undefined {
  const code = [args.join(' '), stdin?.text ?? ''].join('\n');
  return /(^|[\s"'])(flushall|flushdb)\b/i.test(code)
    ? critical('database.drop', 'Deletes all keys of the database.')
    : undefined;
}

function rateTask(pattern: RegExp) {
  return ({ args }: ShellCommand): Danger | undefined => (args.some((arg) => pattern.test(arg)) ? resets : undefined);
}

function ratePhrase(pattern: RegExp) {
  return ({ args }: ShellCommand): Danger | undefined =>
    pattern.test(args.join(' ')) && !asks(args, /^--help$/) ? resets : undefined;
}

const resets = critical('database.reset', 'Deletes the data of the database; make a backup, or let a person do it.');
