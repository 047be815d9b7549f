import type { Observation } from '../session/observation.js';
import { quote } from '../util/errors.js';
import { isObject, type Json } from './content-blocks.js';
import { clipped } from './event-fields.js';

/** Nobody configures more servers. More were made to keep this process busy. */
const MOST_SERVERS = 200;

/** A server that is `pending` may still connect, one that is `disabled` is so on purpose. */
const TROUBLES = new Map<unknown, string>([
  ['failed', 'could not be started or reached'],
  ['needs-auth', 'needs a login'],
]);

/** The MCP servers that the agent cannot use, although they are configured. Claude Code lists all servers in each `init`. */
export function readMcpServers({ mcp_servers: servers }: Json): Observation[] {
  if (!Array.isArray(servers)) return [];
  return servers.slice(0, MOST_SERVERS).flatMap((server: unknown): Observation[] => {
    const { name, status } = isObject(server) ? server : {};
    const trouble = TROUBLES.get(status);
    if (typeof name !== 'string' || trouble === undefined) return [];
    const message = `The MCP server ${quote(clipped(name))} ${trouble} (status '${String(status)}').`;
    return [{ kind: 'error', severity: 'warning', code: 'mcp_failed', message }];
  });
}
