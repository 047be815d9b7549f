import { critical, type Danger } from '../danger.js';

/** Looks at SQL as text: there is no one grammar for all databases, and strings and comments are taken out first. */
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
