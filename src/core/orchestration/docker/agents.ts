import { WORKSPACE } from '../session/agent-place.js';
import type { DockerOptions } from '../session/docker-options.js';
import { OrchestrationError } from '../util/errors.js';
import { isInside } from '../util/fs/is-inside.js';
import { refusalToWrite } from '../util/fs/permission.js';
import { takenTarget } from '../workspace/mount-targets.js';
import { folderInPlace } from '../workspace/pinned-mounts.js';
import { type EngineUsers, inContainer, onMachine, type UserIds, workingUser } from './agent-user.js';
import type { DockerEngine } from './engine.js';
import { type Preparation, preparation } from './home-preparation.js';
import { IdMap } from './id-map.js';
import { type ImageFacts, type ImageProbe, noClaude } from './image-probe.js';
import { gone, handedOver, notWritable, tried } from './user-refusals.js';
import { type AskSystem, examinedFolder, mayWrite } from './work-folder.js';

/** The user of a session's container, and how the container starts with it. */
export interface Agent {
  readonly uid: number;
  readonly gid: number;
  /** Further groups. */
  readonly groups: readonly number[];
  /** The same user, with ids of the machine. Undefined if the engine hides the owners of files. */
  readonly onMachine: UserIds | undefined;
  readonly home: string;
  /** Where Claude Code keeps its configuration. */
  readonly configDir: string;
  readonly claudeVersion: string;
  /** Files from which Claude Code starts. */
  readonly programs: readonly string[];
  readonly onboarded: boolean;
  /** Absent if the container starts with its user. */
  readonly preparation?: Preparation;
  /** The facts about the image for its own user, or for that of `docker.user`. */
  readonly facts: ImageFacts;
}

export interface AgentRequest {
  readonly docker: Readonly<DockerOptions>;
  /** The folder of the machine that the agent works in. */
  readonly folder: string;
  /** True if the agent does not write there. */
  readonly readOnly: boolean;
  /** Where the session mounts something, besides `/workspace`. Default nowhere. */
  readonly mounted?: readonly string[];
  /** The user whom the session got when it was created, with ids of the machine. Default: nobody is chosen yet. */
  readonly worksAs?: UserIds | undefined;
}

/** What is known of a folder that is gone. */
const NOBODYS = { uid: 0, gid: 0, mode: 0 };

/** The highest id of a user that a container can have. */
const MOST_ID = 2_147_483_647;

/** The variables that decide where Claude Code is, and where it keeps its files. */
const DECISIVE = ['HOME', 'CLAUDE_CONFIG_DIR', 'PATH'];

/** Decides which user a session's container has. */
export class Agents {
  readonly #engine: Pick<DockerEngine, 'users'>;
  readonly #probe: Pick<ImageProbe, 'facts'>;
  readonly #own: UserIds | undefined;
  readonly #ask: AskSystem;
  #users: Promise<EngineUsers> | undefined;

  /**
   * @param own the user of this process; undefined if the owners of files do not matter
   * @param ask what the system says to that user
   */
  constructor(
    engine: Pick<DockerEngine, 'users'>,
    probe: Pick<ImageProbe, 'facts'>,
    own: UserIds | undefined,
    ask: AskSystem = refusalToWrite,
  ) {
    this.#ask = ask;
    this.#engine = engine;
    this.#probe = probe;
    this.#own = own;
  }

  /**
   * The user for a folder: that of `docker.user`, else the one whom the session got when it was created, else the user who works
   * in the folder on the machine, else the image's own, if that one may write there.
   *
   * @throws OrchestrationError `WORKSPACE_NOT_WRITABLE`, `UNSAFE_MOUNT`, `IMAGE_NOT_FOUND`, `CLAUDE_NOT_FOUND`,
   * `DOCKER_UNAVAILABLE`
   */
  async of(request: AgentRequest): Promise<Agent> {
    const { docker, readOnly, worksAs } = request;
    const engine = await this.usersOfEngine();
    const [facts, stats] = await Promise.all([
      this.#probe.facts(
        { image: docker.image, user: docker.user, platform: docker.platform, env: decisive(docker) },
        engine.storage,
      ),
      // An agent may have put a link to a folder of somebody else there, or on the way.
      folderInPlace(request.folder),
    ]);
    const maps = { uids: new IdMap(facts.uidMap), gids: new IdMap(facts.gidMap) };
    const image = { uid: facts.uid, gid: facts.gid, groups: facts.gids };
    const own = this.#own;
    const chosen = docker.user === undefined ? worksAs : undefined;
    if (own === undefined || engine.areHidden) return this.#agent(request, facts, image, undefined);
    if (!(stats || chosen)) {
      // If nobody were chosen now, the first run would choose, by what an agent puts there until then.
      if (docker.user === undefined) throw gone(request.folder);
      return this.#agent(request, facts, image, undefined); // A later check says that the folder is gone.
    }

    const folder = await examinedFolder(request.folder, stats ?? NOBODYS, this.#ask);
    const user = chosen ?? workingUser(folder, own);
    const wanted = docker.user === undefined ? inContainer(user, maps) : image;
    const mayWork = (one: UserIds | undefined): one is UserIds =>
      one !== undefined && (readOnly || !stats || mayWrite(folder, onMachine(one, maps), own));
    // The container starts as it always does if its own user is the right one.
    const isImages = wanted?.uid === image.uid && mayWork(image);
    const users = (isImages ? [image] : chosen ? [wanted] : [wanted, image]).filter(mayWork);
    const [first, ...others] = users;
    if (!first) throw chosen ? handedOver(folder, chosen) : notWritable(folder, docker, { own, image, maps });
    return this.#agent(request, facts, first, onMachine(first, maps)).catch((error: unknown) => {
      const [other] = others;
      if (!other || !(error instanceof OrchestrationError) || error.code !== 'CLAUDE_NOT_FOUND') throw error;
      return this.#agent(request, facts, other, onMachine(other, maps));
    });
  }

  async #agent(
    { docker, mounted = [] }: AgentRequest,
    facts: ImageFacts,
    user: UserIds,
    machine: UserIds | undefined,
  ): Promise<Agent> {
    const isOwn =
      user.uid === facts.uid && user.gid === facts.gid && user.groups.every((id) => facts.gids.includes(id));
    const { home: ownHome, configDir: ownConfig } = facts;
    const inTheWay =
      isOwn && facts.works ? tried({ found: facts, user, home: ownHome, configDir: ownConfig }) : undefined;
    if (inTheWay === '') return { ...facts, groups: facts.gids, onMachine: machine, facts };
    const env = decisive(docker);
    const home = homeFor(facts);
    const configDir = facts.configDir === `${facts.home}/.claude` ? `${home}/.claude` : facts.configDir;
    const as = { image: docker.image, user: `${user.uid}:${user.gid}` };
    if (Math.max(user.uid, user.gid) > MOST_ID) throw noClaude(as, `Docker takes ids of users up to ${MOST_ID}`);
    const lacks = [...(facts.setpriv === '' ? ['setpriv'] : []), ...facts.lacks];
    if (lacks.length > 0) throw noClaude(as, inTheWay ?? tried({ lacks, home, configDir }));
    const prepared = preparation({
      user: isOwn ? { ...user, groups: user.groups.filter((id) => id !== user.gid) } : user,
      name: facts.name || 'agent',
      shell: facts.shell || '/bin/sh',
      home,
      configDir,
      imageHomes: isOwn && docker.user === undefined ? [] : [facts.imageHome].filter(mayOwn),
      setpriv: facts.setpriv,
      env: { ...facts.env, ...docker.env },
      mounted,
      capabilities: docker.firewall ? undefined : (docker.capAdd ?? []),
    });
    const found = await this.#probe.facts(
      { ...as, platform: docker.platform, env, preparation: prepared },
      (await this.usersOfEngine()).storage,
    );
    const problem = tried({ found, user, home, configDir });
    if (problem !== '') throw noClaude(as, problem);
    const { claudeVersion, onboarded, programs } = found;
    return {
      uid: user.uid,
      gid: user.gid,
      groups: user.groups,
      onMachine: machine,
      home,
      configDir,
      claudeVersion,
      programs,
      onboarded,
      preparation: prepared,
      facts,
    };
  }

  /** What the engine says about its users. It is asked once, and a failure is not remembered. @throws OrchestrationError `DOCKER_UNAVAILABLE` */
  usersOfEngine(): Promise<EngineUsers> {
    this.#users ??= this.#engine.users().catch((error: unknown) => {
      this.#users = undefined;
      throw error;
    });
    return this.#users;
  }
}

function decisive({ env = {} }: Readonly<DockerOptions>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => DECISIVE.includes(name)));
}

/** The home folder of a user that has to be prepared. */
function homeFor(facts: ImageFacts): string {
  // A user without an entry in /etc/passwd gets `/`, and Debian gives its system users folders of programs.
  return [facts.home, facts.imageHome].find(mayOwn) ?? `/home/${facts.name || 'agent'}`;
}

/** True if a folder of the image may belong to the agent, because neither the workspace nor a program of the guard's is there. */
function mayOwn(folder: string): boolean {
  return (
    folder !== '' && !isInside(folder, WORKSPACE) && takenTarget({ target: folder, readonly: false }) === undefined
  );
}
