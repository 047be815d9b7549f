import { type EngineConnection, refused } from './engine-connection.js';

/** How long a connection over a network may be silent before the system asks if the other end is still there. */
const ASK_AFTER_MS = 30_000;

/** A line of the engine's event stream. */
export interface EngineEvent {
  action: string;
  containerId: string;
  containerName: string;
}

/** The events as they are followed. */
export interface EngineEventStream {
  /** Ends the reports. */
  end(): void;
  /** True: the stream keeps the process alive, as every connection does. False: it does not. Default `true`. */
  keepAlive(alive: boolean): void;
}

/**
 * Follows the events of the containers with a label. Resolves when the engine has begun to report. `onEnd` is called if the engine
 * stops reporting by itself.
 */
export async function followEvents(
  http: EngineConnection,
  label: string,
  onEvent: (event: EngineEvent) => void,
  onEnd: () => void,
): Promise<EngineEventStream> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label], type: ['container'], event: ['start', 'die'] }));
  // The engine sends the head of its answer before it subscribes to the events. `since` covers the time in between.
  const since = Math.floor(Date.now() / 1000);
  const { request, response } = await http.open('GET', `/events?since=${since}&filters=${filters}`);
  request.setTimeout(0);
  response.socket.setKeepAlive(true, ASK_AFTER_MS);
  if (response.statusCode !== 200) {
    request.destroy();
    throw refused('follow events', response.statusCode ?? 0, '');
  }
  let open = true;
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = readEvent(line);
      if (event) onEvent(event);
    }
  });
  const ended = (): void => {
    if (open) onEnd();
    open = false;
  };
  response.on('error', ended).on('close', ended);
  return {
    end() {
      open = false;
      request.destroy();
    },
    keepAlive: (alive) => void (alive ? response.socket.ref() : response.socket.unref()),
  };
}

/** Undefined if the line is not an event, for example a proxy's error page. */
function readEvent(line: string): EngineEvent | undefined {
  try {
    const event = JSON.parse(line) as { Action?: string; Actor?: { ID?: string; Attributes?: Record<string, string> } };
    const name = event.Actor?.Attributes?.name;
    if (!event.Action || !event.Actor?.ID || name === undefined) return undefined;
    return { action: event.Action, containerId: event.Actor.ID, containerName: name };
  } catch {
    return undefined;
  }
}
