import { nanoid } from 'nanoid';
import type { DockerEngine } from '../../core/orchestration/docker/engine.js';

/** The label of the containers of `doctor`. */
const LABEL = 'autonomous-orchestration.doctor';

export interface DoctorContainer {
  readonly image: string;
  readonly script: string;
  /** `uid:gid`. Undefined: the image's own user. */
  readonly user?: string;
  /** A folder of the machine, which is mounted at `/workspace`. */
  readonly workspace?: string;
}

/**
 * Runs a shell script in a container without network and returns what it prints. The container is removed, also if this process
 * is killed meanwhile.
 *
 * @throws OrchestrationError `IMAGE_NOT_FOUND`, `LAUNCH_FAILED`, `DOCKER_UNAVAILABLE`
 */
export async function inContainer(engine: DockerEngine, container: DoctorContainer): Promise<string> {
  const { image, script, user, workspace } = container;
  const name = `ao-doctor-${nanoid(10).replaceAll(/[-_]/g, '0')}`;
  try {
    await engine.create(name, {
      Image: image,
      Entrypoint: ['/bin/sh', '-c'],
      Cmd: [script],
      Tty: true,
      Labels: { [LABEL]: '1' },
      WorkingDir: '/',
      ...(user !== undefined && { User: user }),
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 512,
        Init: true,
        AutoRemove: true,
        ...(workspace !== undefined && { Mounts: [{ Type: 'bind', Source: workspace, Target: '/workspace' }] }),
      },
    });
    const { output } = await engine.attach(name);
    const [said] = await Promise.all([output, engine.start(name)]);
    return said;
  } finally {
    await engine.remove(name).catch(() => {}); // The first error is the one that counts.
  }
}
