import { asks } from '../shell/asks.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { forTarget, isDevelopmentEnvironment } from './database-target.js';
import { type Finder, type Finders, type Rules, reporting } from './rule.js';
import type { sqlRules } from './sql.js';

/** Tools that change the structure of databases. */
export const migrationRules = {
  'database.reset': {
    level: 'critical',
    about: 'takes migrations back, or resets a database, with its data',
    matches: [
      'flask db downgrade',
      'npx prisma migrate reset --force',
      'php artisan migrate:fresh',
      'RAILS_ENV=production rails db:reset',
      'goose down',
    ],
    spares: ['flask db upgrade', 'npx prisma migrate dev', 'rails db:migrate', 'alembic downgrade -1 --sql'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof migrationRules & typeof sqlRules>();

const reverts = critical(
  'database.reset',
  'Takes migrations back or empties the database, and data is lost with that; make a backup, or let a person do it.',
);

const VALUES = [
  'c',
  'config',
  'n',
  'name',
  'd',
  'directory',
  'dir',
  'path',
  'database',
  'url',
  'u',
  'e',
  'env',
  'A',
  'app',
  'x',
  'p',
  'project',
  's',
  'schema',
  'source',
  'migrations-dir',
  'database-url',
  'knexfile',
  'settings',
  'connection',
];

/** Tools that change the structure of databases, with the commands that take a change back. */
export const migrationFinders: Finders = [
  ['flask', back(/^db (downgrade|stamp base)\b/)],
  ['alembic aerich yoyo', back(/^(downgrade|rollback|stamp base)\b/)],
  ['python python3', back(/^\S*manage\.py (flush|reset_db|migrate \S+ zero)/)],
  ['python python3', module(/^(flask db downgrade|alembic downgrade|django flush|aerich downgrade|yoyo rollback)\b/)],
  ['manage.py django-admin', back(/^(flush|reset_db|sqlflush|migrate \S+ zero|migrate .*zero)\b/)],
  [
    'rails rake',
    task(
      /^db:(drop|reset|purge|truncate_all|schema:load|structure:load|setup|seed:replant|rollback|migrate:(down|reset)|fixtures:load|environment:set)/,
    ),
  ],
  ['artisan', back(/^migrate:(rollback|fresh|reset|refresh)|^db:wipe/)],
  [
    'php',
    back(
      /artisan (migrate:(rollback|fresh|reset|refresh)|db:wipe)|(console|doctrine) doctrine:(schema:drop|database:drop|migrations:migrate (first|prev))/,
    ),
  ],
  ['console symfony', back(/(^|console )doctrine:(schema:drop|database:drop|migrations:migrate (first|prev))/)],
  ['knex', back(/^migrate:(rollback|down)\b/)],
  ['sequelize sequelize-cli', back(/^db:(migrate:undo|seed:undo|drop)/)],
  ['typeorm typeorm-ts-node-commonjs typeorm-ts-node-esm', back(/^(migration:revert|schema:drop|schema:sync)/)],
  ['mikro-orm', back(/^(schema:(drop|fresh)|migration:(down|fresh)|database:drop)/)],
  ['prisma', back(/^(migrate (reset|resolve)|db execute)/)],
  ['drizzle-kit', back(/^drop\b/)],
  ['dbmate', back(/^(drop|down|rollback)\b/)],
  ['goose', back(/(^| )(down|down-to|reset|redo)\b/)],
  ['migrate', back(/(^| )(down|drop|goto|force)\b/)],
  ['sql-migrate', back(/^(down|redo)\b/)],
  ['atlas', back(/^(schema clean|migrate down)\b/)],
  ['flyway', back(/(^| )(undo|clean)( |$)/)],
  ['liquibase', back(/(^| )(rollback\S*|drop-?all\S*)/i)],
  ['mix', task(/^ecto\.(rollback|drop|reset)/)],
  ['diesel', back(/^(migration (revert|redo)|database (reset|drop))\b/)],
  ['sqlx', back(/^(database (drop|reset)|migrate revert)\b/)],
  ['sea-orm-cli', back(/^migrate (down|fresh|reset|refresh)\b/)],
  ['dotnet', back(/^ef (database drop|database update 0|migrations remove)\b/)],
  ['dotnet-ef', back(/^(database drop|database update 0)\b/)],
  ['phinx', back(/^rollback\b/)],
  ['node-pg-migrate db-migrate umzug', back(/^(down|reset|redo)\b/)],
  ['hasura', back(/^migrate (apply|delete) .*(down|type|all)|^migrate delete/)],
  ['supabase', back(/^(db reset|migration (down|squash|repair)|projects delete|branches delete)\b/)],
  ['wp', back(/^db (reset|drop|clean)\b/)],
  ['drush', back(/^(sql[:-]drop|site:install|si)\b/)],
  [
    'mongorestore',
    ({ args }) =>
      args.includes('--drop') ? critical('database.drop', 'Drops the collections before it restores them.') : undefined,
  ],
  [
    'redis-cli valkey-cli keydb-cli',
    ({ args }) =>
      /(^| )(shutdown|debug segfault|script flush|function flush|cluster reset|replicaof no one)\b/i.test(
        args.join(' '),
      )
        ? critical('database.drop', 'Stops the database or takes it apart.')
        : undefined,
  ],
  ['mysqladmin', back(/(^| )(shutdown|flush-privileges)\b/)],
];

/** Finds a program by its operands, without its options. */
function back(pattern: RegExp): Finder {
  return reverting(({ args }) => pattern.test(new Options(args, VALUES).operands.join(' ')), false);
}

/** Finds a program by one of its tasks. These frameworks use the development environment unless another one is named. */
function task(pattern: RegExp): Finder {
  return reverting(({ args }) => args.some((arg) => pattern.test(arg)), true);
}

function module(pattern: RegExp): Finder {
  return reverting(
    ({ args }) => args[0] === '-m' && pattern.test(new Options(args.slice(1), VALUES).operands.join(' ')),
    false,
  );
}

function reverting(matches: (command: ShellCommand) => boolean, developmentByDefault: boolean): Finder {
  return (command) =>
    matches(command) && !asks(command.args, /^(--help|-h)$/)
      ? forTarget(reverts, isDevelopmentEnvironment(command, developmentByDefault))
      : undefined;
}
