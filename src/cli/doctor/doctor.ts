import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SessionSpec } from '../../core/orchestration/contract/session-spec.js';
import type { Agent } from '../../core/orchestration/docker/agents.js';
import { resolveEndpoint } from '../../core/orchestration/docker/endpoint.js';
import { EngineConnection } from '../../core/orchestration/docker/engine-connection.js';
import { ShortContainers } from '../../core/orchestration/docker/short-containers.js';
import { AutonomousMode } from '../../core/orchestration/executors/autonomous-mode.js';
import { ClaudeRuntime } from '../../core/orchestration/executors/claude-runtime.js';
import { rootOf } from '../../core/orchestration/executors/placement.js';
import { StoredLogin } from '../../core/orchestration/login/stored-login.js';
import {
  defaultStateDir,
  resolveCreateOptions,
  resolveManagerOptions,
} from '../../core/orchestration/options/resolve.js';
import versions from '../../core/orchestration/session/claude-versions.json' with { type: 'json' };
import { newSessionId } from '../../core/orchestration/session/session-id.js';
import { messageOf, OrchestrationError } from '../../core/orchestration/util/errors.js';
import { buildCommand } from '../image/build-command.js';
import { isOlder, untested } from '../image/claude-release.js';
import type { Machine } from '../machine.js';
import { packageVersion, versionOf } from '../package-files.js';
import { type EngineKind, engineKind } from './engine-kind.js';
import {
  CHECKS,
  type CheckId,
  examine,
  type Finding,
  failure,
  inLines,
  notExamined,
  ok,
  type Report,
  warning,
} from './finding.js';
import { type ImageFindings, imageFindings } from './image-facts.js';
import { loginReport } from './login-report.js';
import { clientReport, diskReport, gitReport, stateReport, tmuxReport } from './machine-reports.js';
import { eventsReport, mountFailed, mountsReport, type Owners, refusal, userReport } from './workspace-reports.js';
import { type Trial, tryWorkspace } from './workspace-trial.js';

export interface DoctorOptions {
  /** True if the findings are printed as JSON. */
  readonly json: boolean;
  readonly image: string;
  /** The workspace of a session. */
  readonly cwd: string;
  /** The manager's state folder. */
  readonly stateDir?: string;
}

const OLDEST_NODE = '20.19.0';
/** The label of the containers of `doctor`. */
const LABEL = 'autonomous-orchestration.doctor';

/** Prints what is right and what is wrong. @returns the exit code: 1 if there is a failure */
export async function doctor(machine: Machine, options: DoctorOptions): Promise<number> {
  const findings = await diagnose(machine, options);
  machine.print(options.json ? JSON.stringify(findings, undefined, 2) : inLines(findings));
  return findings.some(({ status }) => status === 'failure') ? 1 : 0;
}

/** Examines everything, and leaves nothing behind. The findings are in the order of `CHECKS`. */
async function diagnose(machine: Machine, options: DoctorOptions): Promise<Finding[]> {
  const connection = new EngineConnection(() => resolveEndpoint(machine.env));
  const stateDir = options.stateDir === undefined ? defaultStateDir() : resolve(machine.cwd, options.stateDir);
  const runtime = new ClaudeRuntime({ stateDir, env: machine.env });
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort(new Error('interrupted'));
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  try {
    const findings = await new Diagnosis(machine, options, connection, runtime, interrupted.signal).findings();
    return findings.sort((a, b) => CHECKS.indexOf(a.id) - CHECKS.indexOf(b.id));
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    connection.close();
    await runtime.docker.close();
  }
}

/** The checks of one call, and what they tell each other. */
class Diagnosis {
  readonly #machine: Machine;
  readonly #image: string;
  readonly #cwd: string;
  readonly #connection: EngineConnection;
  /** What the sessions of a manager with this state folder have. */
  readonly #runtime: ClaudeRuntime;
  readonly #containers: ShortContainers;
  readonly #signal: AbortSignal;

  constructor(
    machine: Machine,
    { image, cwd }: DoctorOptions,
    connection: EngineConnection,
    runtime: ClaudeRuntime,
    signal: AbortSignal,
  ) {
    this.#machine = machine;
    this.#image = image;
    this.#cwd = resolve(machine.cwd, cwd);
    this.#connection = connection;
    this.#runtime = runtime;
    this.#containers = new ShortContainers(runtime.docker.engine, { [LABEL]: '1' });
    this.#signal = signal;
  }

  async findings(): Promise<Finding[]> {
    const onMachine = Promise.all([
      examine('versions', () => this.#versions()),
      examine('client', () => clientReport(this.#machine)),
      examine('git', () => gitReport(this.#machine, this.#cwd)),
      examine('tmux', () => tmuxReport(this.#machine)),
      examine('state', () => stateReport(this.#runtime.stateDir)),
    ]);
    const kind = engineKind(this.#connection);
    const image = kind.then(() => this.#runtime.docker.engine.image(this.#image));
    const facts = image.then(({ id }) => imageFindings(this.#containers, id));
    for (const each of [kind, image, facts]) each.catch(() => {}); // Reported by the checks that need it.
    const inEngine = await Promise.all([
      examine('engine', async () => ok((await kind).name), 15_000),
      examine('image', () => this.#imageReport(kind, image)),
      examine('claude', () => this.#withFacts(facts, (known) => this.#claude(known))),
      examine('programs', () => this.#withFacts(facts, (known) => programsReport(known, buildCommand(this.#image)))),
      examine('login', async () => this.#login(await facts.catch(() => undefined))),
      examine('disk', async () => diskReport(this.#runtime.stateDir, (await facts.catch(() => undefined))?.freeBytes)),
    ]);
    const inWorkspace = await this.#workspace(await settled(kind), await settled(facts));
    return [...(await onMachine), ...inEngine, ...inWorkspace];
  }

  async #versions(): Promise<Report> {
    const node = process.versions.node;
    const [own, channelCoder = 'of unknown release'] = [await packageVersion(), await versionOf('channelcoder')];
    const tested = `tested with Claude Code ${versions.oldest} to ${versions.newest}`;
    const words = `autonomous-orchestration ${own}, Node.js ${node}, ChannelCoder ${channelCoder}, ${tested}`;
    if (isOlder(node, OLDEST_NODE)) return failure(words, `Install Node.js ${OLDEST_NODE} or newer.`);
    return ok(words);
  }

  async #imageReport(kind: Promise<EngineKind>, image: Promise<{ id: string }>): Promise<Report> {
    if ((await settled(kind)) === undefined) return notExamined('the engine does not answer');
    try {
      return ok(`${this.#image} (${(await image).id.slice(0, 19)})`);
    } catch (error) {
      if (!(error instanceof OrchestrationError) || error.code !== 'IMAGE_NOT_FOUND') throw error;
      return failure(`the engine has no image '${this.#image}'`, `Run ${buildCommand(this.#image)}.`);
    }
  }

  async #withFacts(facts: Promise<ImageFindings>, report: (known: ImageFindings) => Report): Promise<Report> {
    const known = await facts.catch((error: unknown) => messageOf(error));
    return typeof known === 'string' ? notExamined(`there is no container to look into: ${known}`) : report(known);
  }

  #claude({ claude }: ImageFindings): Report {
    if (claude === undefined) {
      return failure(
        `image '${this.#image}' has no 'claude' that runs`,
        `Run ${buildCommand(this.#image)}, or install Claude Code in the image.`,
      );
    }
    const problem = untested(claude);
    if (problem === undefined) return ok(`Claude Code ${claude}`);
    return warning(problem, `${buildCommand(this.#image, '--replace')} builds the image with ${versions.newest}.`);
  }

  async #login(facts: ImageFindings | undefined): Promise<Report> {
    const { env, home } = this.#machine;
    try {
      return await loginReport(await new StoredLogin({ source: undefined, env, home }).find(), facts, Date.now());
    } catch (error) {
      return failure(messageOf(error), "Run 'npx autonomous-orchestration image login' again.");
    }
  }

  async #workspace(kind: EngineKind | undefined, facts: ImageFindings | undefined): Promise<Finding[]> {
    const ids: readonly CheckId[] = ['user', 'mounts', 'events', 'session'];
    const why =
      kind === undefined ? 'the engine does not answer' : facts === undefined ? 'the image cannot run' : undefined;
    if (kind === undefined || facts === undefined) {
      return Promise.all(ids.map((id) => examine(id, async () => notExamined(why ?? ''))));
    }
    const folder = await realpath(this.#cwd)
      .then((path) => stat(path))
      .catch(messageOf);
    if (typeof folder === 'string') {
      const report = failure(`the workspace ${this.#cwd} cannot be used: ${folder}`, 'Name another one with --cwd.');
      return Promise.all(
        ids.map((id) => examine(id, async () => (id === 'user' ? report : notExamined('there is no workspace')))),
      );
    }
    const agent = this.#agent();
    const trial = agent.then((found) => this.#try(found));
    for (const each of [agent, trial]) each.catch(() => {}); // Reported by the checks that need it.
    const owners: Owners = { process: this.#machine.uid, workspace: folder.uid, image: facts.uid };
    const withAgent = async (report: () => Promise<Report>): Promise<Report> =>
      (await settled(agent)) === undefined ? notExamined('no user can work in the workspace, see user') : report();
    return Promise.all([
      examine('user', () => agent.then((found) => userReport(owners, found), refusal)),
      examine('mounts', () =>
        withAgent(async () => {
          const { onMachine } = await agent;
          return trial.then((seen) => mountsReport(seen, onMachine?.uid), mountFailed);
        }),
      ),
      examine('events', () =>
        withAgent(() => trial.then(eventsReport, () => notExamined('the workspace could not be tried, see mounts'))),
      ),
      // Both ask the same of the image, and the second one gets the answer of the first.
      examine('session', () => settled(agent).then(() => this.#session())),
    ]);
  }

  /** The user of a session in the workspace, as `create()` chooses it. */
  async #agent(): Promise<Agent> {
    const folder = await realpath(this.#cwd);
    const cwd = await rootOf(folder, this.#spec()).catch(() => folder); // The session's check reports that.
    const docker = { image: this.#image };
    return this.#runtime.docker.planner.agent({ docker, cwd, readOnly: false });
  }

  #try(agent: Agent): Promise<Trial> {
    const { uid: own } = this.#machine;
    return tryWorkspace(this.#containers, {
      image: this.#image,
      cwd: this.#cwd,
      agent,
      own,
      signal: this.#signal,
    });
  }

  #spec(): SessionSpec {
    const defaults = resolveManagerOptions({ stateDir: this.#runtime.stateDir, docker: { image: this.#image } });
    return resolveCreateOptions(newSessionId(), { prompt: 'doctor', cwd: this.#cwd }, defaults);
  }

  /** Lets the library check a session, as `create()` does before it makes anything. */
  async #session(): Promise<Report> {
    try {
      await new AutonomousMode(this.#runtime).prepare(this.#spec());
      return ok(`create() would accept a session in ${this.#cwd}`);
    } catch (error) {
      const code = error instanceof OrchestrationError ? `${error.code}: ` : '';
      return failure(`create() would refuse a session in ${this.#cwd}: ${code}${messageOf(error)}`);
    }
  }
}

/** What each program of the image is for. Without `git` or `stat`, sessions do not work. */
function programsReport({ programs }: ImageFindings, build: string): Report {
  const has = [...programs]
    .filter(([name]) => name !== 'stat')
    .map(([name, version]) => (version.includes(name) ? version : `${name} ${version}`));
  const missing = ['git', 'stat', 'setpriv', 'tmux', 'rg', 'node'].filter((name) => !programs.has(name));
  const words = `${has.join(', ') || 'none'}${missing.length > 0 ? `; missing: ${missing.join(', ')}` : ''}`;
  const next = `Install them in the image, or use the image of ${build}.`;
  if (missing.includes('stat')) return failure(words, next);
  return missing.some((name) => ['git', 'setpriv'].includes(name)) ? warning(words, next) : ok(words);
}

/** What a promise gives, or undefined if it fails. */
const settled = <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);
