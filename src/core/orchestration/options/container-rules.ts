import { BlockList, isIP } from 'node:net';
import type { PortOption } from '../session/container-options.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError, quote } from '../util/errors.js';

/** The networks in which a container has no address of its own. */
const WITHOUT_PORTS = /^(none|host|container:.*)$/;

/** Addresses that only the machine itself reaches. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Checks what the options of a container mean together, after those of the manager and of the session are one. Refuses what
 * weakens the isolation without an option that allows it.
 *
 * @throws OrchestrationError `INVALID_OPTIONS`
 */
export function requireConsistent(docker: false | Readonly<DockerOptions>): void {
  if (docker === false) return;
  const { network, gpus, extraHosts = {} } = docker;
  requireSafePorts(docker);
  if (Object.keys(extraHosts).length > 0 && /^container:/.test(network ?? '')) {
    throw invalid('extraHosts', `the container has the network ${quote(network)}, whose hosts it cannot change`);
  }
  if (gpus !== undefined && !docker.allowUnsafeGpus) {
    throw invalid(
      'gpus',
      "a graphics card lets the agent talk to a driver in the machine's kernel. Set docker.allowUnsafeGpus if that is what you want",
    );
  }
  requireSafeSelinux(docker);
}

function requireSafePorts({ ports = [], network, allowUnsafePorts }: Readonly<DockerOptions>): void {
  if (ports.length === 0) return;
  if (WITHOUT_PORTS.test(network ?? '')) {
    throw invalid(
      'ports',
      `in the network ${quote(network)} a container has no ports of its own. Leave one of the two out`,
    );
  }
  const taken = new Set<string>();
  for (const port of ports) {
    const { address = '127.0.0.1', host, protocol = 'tcp' } = port;
    if (!isLoopback(address) && !allowUnsafePorts) {
      throw invalid(
        'ports',
        `at ${quote(address)} other machines reach what the agent starts at port ${port.container}. Leave 'address' out for ` +
          '127.0.0.1, or set docker.allowUnsafePorts',
      );
    }
    const place = `${placeOf(port)}/${protocol}`;
    if (host !== undefined && taken.has(place)) throw invalid('ports', `port ${host} of the machine is named twice`);
    taken.add(place);
  }
}

const placeOf = ({ address = '127.0.0.1', host }: PortOption): string => `${sameForm(address)} ${host}`;

/** Addresses of IPv6 can be written in several ways. */
function sameForm(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname : address;
}

function isLoopback(address: string): boolean {
  return LOOPBACK.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function requireSafeSelinux(docker: Readonly<DockerOptions>): void {
  const { selinux, allowUnsafeSelinux, allowUnsafeMounts, ssh } = docker;
  if (selinux === undefined || allowUnsafeSelinux) return;
  const why =
    selinux === 'disable'
      ? 'without SELinux, nothing but the container itself confines the agent'
      : ssh
        ? "docker.ssh mounts your keys, and sshd may not read '~/.ssh' any more when its files have the label of containers"
        : allowUnsafeMounts
          ? 'docker.allowUnsafeMounts lets system folders be mounted, and such a label on them breaks the machine'
          : undefined;
  if (why !== undefined)
    throw invalid(
      'selinux',
      `${quote(selinux)} is refused: ${why}. Set docker.allowUnsafeSelinux if you want it all the same`,
    );
}

function invalid(option: string, why: string): OrchestrationError {
  return new OrchestrationError('INVALID_OPTIONS', `Option 'docker.${option}': ${why}.`);
}
