import type { EngineConnection } from '../../core/orchestration/docker/engine-connection.js';
import { CliFailure } from '../machine.js';

/** What an engine says about itself. */
export interface EngineKind {
  /** For people, for example `Docker Engine 28.2.2, rootless`. */
  readonly name: string;
}

interface Info {
  OperatingSystem?: string;
  Name?: string;
  SecurityOptions?: string[] | null;
}
interface Version {
  Version?: string;
  Platform?: { Name?: string };
  Components?: { Name?: string }[] | null;
}

/** Asks an engine what it is. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
export async function engineKind(connection: EngineConnection): Promise<EngineKind> {
  const [info, version] = await Promise.all([
    answered<Info>(connection, '/info'),
    answered<Version>(connection, '/version'),
  ]);
  const security = (info.SecurityOptions ?? []).join(' ');
  const special = [
    ...(/name=rootless/.test(security) ? ['rootless'] : []),
    ...(/name=userns/.test(security) ? ['with userns-remap'] : []),
    ...(/name=selinux/.test(security) ? ['with SELinux'] : []),
  ];
  const product = productOf(info, version);
  return {
    name: [`${product} ${version.Version ?? 'of unknown version'}`, ...special].join(', '),
  };
}

const DOCKER = 'Docker Engine';

function productOf({ OperatingSystem = '', Name = '' }: Info, { Components, Platform }: Version): string {
  if ((Components ?? []).some((component) => /podman/i.test(component.Name ?? ''))) return 'Podman';
  for (const product of ['Docker Desktop', 'OrbStack', 'Rancher Desktop']) {
    if (`${OperatingSystem} ${Platform?.Name ?? ''}`.includes(product)) return product;
  }
  return /^colima/.test(Name) ? 'Colima' : DOCKER;
}

async function answered<T>(connection: EngineConnection, path: string): Promise<T> {
  const { status, body } = await connection.call('GET', path, undefined, 10_000);
  if (status === 200) return body as T;
  throw new CliFailure(`The engine answers ${path} with status ${status}.`);
}
