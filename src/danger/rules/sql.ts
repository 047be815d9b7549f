import type { Danger } from '../danger.js';
import { type Rules, reporting } from './rule.js';

/** SQL statements, and operations of other databases that do the same. */
export const sqlRules = {
  'database.drop': {
    level: 'critical',
    about: 'drops a table, a database or another part of one with its data',
    matches: [
      'psql -c "DROP TABLE users"',
      'dropdb app',
      'redis-cli FLUSHALL',
      'mongosh app --eval "db.dropDatabase()"',
      'curl -X DELETE http://localhost:9200/orders',
    ],
    spares: ['psql -c "SELECT 1"', 'grep -rn "DROP TABLE" migrations', 'redis-cli GET x'],
  },
  'database.truncate': {
    level: 'critical',
    about: 'empties a whole table',
    matches: ['psql -c "TRUNCATE users"'],
    spares: ['psql -c "SELECT truncate(1.5, 1)"'],
  },
  'database.delete-all': {
    level: 'critical',
    about: 'deletes every row or document',
    matches: ['psql -c "DELETE FROM users"', 'mongosh app --eval "db.users.deleteMany({})"'],
    spares: ['psql -c "DELETE FROM users WHERE id = 1"'],
  },
  'database.update-all': {
    level: 'critical',
    about: 'changes every row',
    matches: ['psql -c "UPDATE users SET admin = true"'],
    spares: ['psql -c "UPDATE users SET admin = true WHERE id = 1"'],
  },
} as const satisfies Rules;

const { critical } = reporting<typeof sqlRules>();

/** Rates SQL as text, without strings and comments: every database has a grammar of its own. */
export function rateSql(source: string): Danger | undefined {
  const sql = source
    .replace(/--[^\n]*|\/\*(?!!)[\s\S]*?(?:\*\/|$)/g, ' ')
    .replace(/'(?:[^'\\]|\\[\s\S])*(?:'|\\?$)/g, "''")
    .replace(/\s+/g, ' ');
  for (const statement of sql.split(/;|\\g\b/)) {
    const words = statement.trim().replace(/^\(+/, '');
    if (
      /\bdrop (table|database|schema|view|materialized view|tablespace|user|role|owned|keyspace|collection|index|column|type|sequence|extension|function|trigger)\b/i.test(
        words,
      ) &&
      /^(drop|alter|with|begin|set|do|explain)\b/i.test(words)
    ) {
      return critical('database.drop', 'Drops part of a database with its data; make a backup, or let a person do it.');
    }
    if (/^truncate\b(?! *\()/i.test(words))
      return critical('database.truncate', 'Empties a whole table; make a backup, or let a person do it.');
    if (/^delete from [^ ]+/i.test(words) && !/\bwhere\b/i.test(words)) {
      return critical('database.delete-all', 'Deletes every row, because there is no WHERE.');
    }
    if (/^delete from\b.*\bwhere (1 ?= ?1|true|'' ?= ?'')\s*$/i.test(words))
      return critical('database.delete-all', 'Deletes every row, because its WHERE always holds.');
    if (/^update [^ ]+ (as \w+ )?set\b/i.test(words) && !/\bwhere\b/i.test(words))
      return critical('database.update-all', 'Changes every row, because there is no WHERE.');
    if (/^(flush|reset) (master|slave)\b/i.test(words))
      return critical('database.drop', "Deletes the database's logs.");
  }
  return undefined;
}
