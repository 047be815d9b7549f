import type { Danger } from '../danger.js';
import type { ShellCommand } from '../shell/command.js';
import { Options } from '../shell/options.js';
import { type Finders, reporting } from './rule.js';
import { rateSql, type sqlRules } from './sql.js';

const { critical } = reporting<typeof sqlRules>();

export const remoteDeleteFinders: Finders = [
  ['curl curlie', rateCurl],
  ['wget', rateWget],
  ['http https xh httpie', rateHttpie],
];

const drops = critical(
  'database.drop',
  'Deletes data of a database or of a service by its address; let a person do it.',
);

/** Ports on which only databases and similar services listen. */
const DATABASE_PORT =
  /:(?:9200|9201|5984|6984|8086|8983|6333|7700|8108|8123|8529|7474|8091|8092|8093|19530|2379|8500|8200|15672|8083|9090|9091|28017)(?=[/?#]|$)/;
const DATABASE_NAME =
  /\b(?:elastic(?:search)?|opensearch|kibana|couch(?:db|base)?|influx(?:db)?|solr|qdrant|meili(?:search)?|typesense|clickhouse|arango(?:db)?|neo4j|weaviate|milvus|chroma|etcd|consul|vault|rabbitmq|prometheus|loki|mongo(?:db)?|redis|upstash|firebaseio|supabase|dynamodb|pinecone|algolia|registry)\b/i;
/** Services that keep things on which others depend. */
const SERVICE =
  /^(?:https?:\/\/)?(?:[^/@]*@)?(?:api\.(?:github|cloudflare|digitalocean|heroku|vercel|netlify|linode|hetzner|fly|render|fastly|stripe|sendgrid|twilio|pagerduty|datadoghq|bitbucket|gitlab|linear|notion|openai|anthropic)\.\w+|management\.azure\.com|[\w.-]*\.(?:googleapis\.com|amazonaws\.com|azure\.com|windows\.net)|hub\.docker\.com|registry\.npmjs\.org|[^/]*\/api\/v[34]\/(?:projects|groups|repos|orgs|users)|[^/]*:6443\/|kubernetes\.default)/i;
/** Addresses that delete something with any method that changes data. */
const DELETING_PATH =
  /\/_delete_by_query\b|\/_purge\b|\/api\/v2\/delete\b|\/delete_series\b|\/collections\/[^/]+\/points\/delete\b/;

function rateAddress(method: string, address: string, data: string): Danger | undefined {
  const isChange = /^(?:POST|PUT|PATCH|DELETE|PURGE)$/i.test(method);
  if (isChange && DELETING_PATH.test(address)) return drops;
  if (isChange && /<delete>|"delete"\s*:\s*\{\s*"query"/.test(data)) return drops;
  const statement = /[?&](?:q|query)=([^&#]*)/.exec(address)?.[1];
  for (const source of [statement, /^(?:q|query|db=[^&]*&q)=(.*)$/s.exec(data)?.[1] ?? data]) {
    const danger = source ? rateSql(decoded(source).replace(/^\s*["']|["']\s*$/g, '')) : undefined;
    if (danger) return danger;
  }
  if (!/^DELETE$/i.test(method)) return undefined;
  return DATABASE_PORT.test(address) ||
    DATABASE_NAME.test(/^(?:https?:\/\/)?[^/]*/i.exec(address)?.[0] ?? '') ||
    SERVICE.test(address) ||
    /\/(?:_all|\*|_data_stream\/)/.test(address)
    ? drops
    : undefined;
}

function decoded(text: string): string {
  return text
    .replace(/\+/g, ' ')
    .replace(/%([\da-fA-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
}

const CURL_VALUES =
  'X request d data data-raw data-binary data-urlencode json H header u user o output F form T upload-file A user-agent b cookie c cookie-jar e referer w write-out m max-time x proxy E cert key cacert url connect-timeout retry oauth2-bearer resolve unix-socket'.split(
    ' ',
  );

function rateCurl({ args }: ShellCommand): Danger | undefined {
  const options = new Options(args, CURL_VALUES);
  const data = options.value('d', 'data', 'data-raw', 'data-binary', 'data-urlencode', 'json') ?? '';
  const method = options.value('X', 'request') ?? (data === '' ? 'GET' : 'POST');
  const url = options.value('url');
  return first([...options.operands, ...(url === undefined ? [] : [url])], (address) =>
    rateAddress(method, address, data),
  );
}

function rateWget({ args }: ShellCommand): Danger | undefined {
  const options = new Options(args, ['method', 'body-data', 'post-data', 'O', 'P', 'header', 'user', 'password', 'o']);
  const data = options.value('body-data', 'post-data') ?? '';
  const method = options.value('method') ?? (data === '' ? 'GET' : 'POST');
  return first(options.operands, (address) => rateAddress(method, address, data));
}

/** `http DELETE address field=value` */
function rateHttpie({ args }: ShellCommand): Danger | undefined {
  const [method = '', address = '', ...fields] = new Options(args, [
    'a',
    'auth',
    'A',
    'o',
    'output',
    'session',
    'verify',
    'cert',
  ]).operands;
  return /^[A-Z]+$/.test(method)
    ? rateAddress(method, address, fields.join(' '))
    : rateAddress(address === '' ? 'GET' : 'POST', method, [address, ...fields].join(' '));
}

function first(addresses: readonly string[], rate: (address: string) => Danger | undefined): Danger | undefined {
  for (const address of addresses) {
    const danger = rate(address);
    if (danger) return danger;
  }
  return undefined;
}
