import type { PublishedPort } from '../session/container-options.js';

/** What the engine says of a container's network, as far as it is about ports. */
export interface PublishedBody {
  Ports?: Record<string, { HostIp?: string; HostPort?: string }[] | null> | null;
}

/** The ports of a container, and where the machine reaches them. Empty while the container does not run. */
export function publishedPorts({ Ports }: PublishedBody = {}): PublishedPort[] {
  return Object.entries(Ports ?? {}).flatMap(([key, places]) => {
    const [container, protocol] = key.split('/');
    if (protocol !== 'tcp' && protocol !== 'udp') return [];
    return (places ?? []).map(({ HostIp = '', HostPort }) =>
      Object.freeze({ container: Number(container), host: Number(HostPort), protocol, address: HostIp }),
    );
  });
}
