import { type EngineConnection, refused } from './engine-connection.js';

/** A line of the engine's event stream. */
export interface EngineEvent {
  action: string;
  containerId: string;
  containerName: string;
}

/**
 * Follows the events of the containers with a label. Resolves when the engine has begun to report, with a function that ends
 * the reports. `onEnd` is called if the engine stops reporting by itself.
 */
export async function followEvents(
  http: EngineConnection,
  label: string,
  onEvent: (event: EngineEvent) => void,
  onEnd: () => void,
): Promise<() => void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label], type: ['container'], event: ['start', 'die'] }));
  // The engine sends the head of its answer before it subscribes to the events. `since` covers the time in between.
  const since = Math.floor(Date.now() / 1000);
  const { request, response } = await http.open('GET', `/events?since=${since}&filters=${filters}`);
  request.setTimeout(0);
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
  return () => {
    open = false;
    request.destroy();
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
