import { nanoid } from 'nanoid';
import { z } from 'zod';
import { check } from '../../core/orchestration/options/check.js';

/** The options of an app: who may do what, and in which folders. */
export interface AutonomousAppOptions {
  /**
   * The token that requests have to carry, as `Authorization: Bearer <token>`. Only the page itself needs no token. The token
   * has at least 16 characters: letters, digits and `-._~+/`. Whoever has it can run agents in the workspaces. Default: a new
   * random token each time, which the app has as `token`.
   */
  token?: string;
  /**
   * True if requests that only read may come without the token. Then every process and user of this machine can read what
   * agents wrote, and can take up all places for readers. Default `false`.
   */
  readWithoutToken?: boolean;
  /**
   * The folders in which sessions may be started over HTTP. A session may also be started in a folder inside them. The
   * repository of a worktree and the worktree itself have to lie in one of these folders, too. Links on the way to these
   * folders are followed once, when the app is made. Default: the working directory.
   */
  workspaces?: readonly string[];
  /**
   * Names of this server besides the machine's loopback names. Each is a `name` for any port, `name:port`, or an origin
   * (`https://name`, with a port if it is not the scheme's default port). Requests for other names are refused. Loopback names
   * are accepted only for connections from this machine. A request from a page of another origin than the requested one is
   * refused, unless this list names the page's origin, or its name with its port.
   */
  hosts?: readonly string[];
}

/** The app's options, and where to listen. */
export interface ServeOptions extends AutonomousAppOptions {
  /** Default 4300. With 0, the system chooses a free port. */
  port?: number;
  /**
   * The address to listen at. Default `127.0.0.1`, which only this machine can reach. `0.0.0.0` and `::` mean all addresses of
   * the machine. Requests from other machines are then answered only if they use a name in `hosts`.
   */
  hostname?: string;
}

const path = z
  .string()
  .min(1, 'must not be empty')
  .refine((value) => !value.includes('\0'), 'must not hold NUL');

const NAME = String.raw`[^\s/?#@*:[\]]+`;
const IPV6 = String.raw`[\da-f:.]+(?:%[\w.~-]+)?`;
const SERVER = String.raw`(?:\[${IPV6}\]|${NAME})(?::\d{1,5})?`;
const HOST = new RegExp(`^(?:${SERVER}|https?://${SERVER}/?)$`, 'i');
const HOSTNAME = new RegExp(`^(?:${NAME}|${IPV6})$`, 'i');

const appShape = {
  token: z
    .string()
    .regex(
      /^[A-Za-z0-9._~+/-]{16,}=*$/,
      "must have at least 16 characters, and no others than letters, digits and '-._~+/'",
    )
    .optional(),
  readWithoutToken: z.boolean().optional(),
  workspaces: z.array(path).optional(),
  hosts: z.array(z.string().regex(HOST, "must read like 'name', 'name:port' or 'https://name'")).optional(),
};
const appSchema = z.strictObject(appShape);
const serveSchema = z.strictObject({
  ...appShape,
  port: z.int().min(0, 'must not be negative').max(65_535, 'must be at most 65535').optional(),
  // Node takes an empty name for all addresses of the machine.
  hostname: z.string().regex(HOSTNAME, 'must be a name or an address, without a port').optional(),
});

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveAppOptions(options: AutonomousAppOptions): Required<AutonomousAppOptions> {
  check(appSchema, options);
  const { token = nanoid(32), readWithoutToken = false, workspaces = [process.cwd()], hosts = [] } = options;
  return { token, readWithoutToken, workspaces, hosts };
}

/** @throws OrchestrationError `INVALID_OPTIONS` */
export function resolveServeOptions(options: ServeOptions): Required<ServeOptions> {
  check(serveSchema, options);
  const { port = 4300, hostname = '127.0.0.1', ...app } = options;
  return { ...resolveAppOptions(app), port, hostname };
}
