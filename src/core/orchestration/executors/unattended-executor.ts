import { type PlanRequest, planRun } from '../channelcoder/plan.js';
import { startedRun } from '../channelcoder/started-run.js';
import type { RunHandle } from '../contract/run-handle.js';
import type { RunRequest } from '../contract/run-request.js';
import type { Preparation, SessionSpec } from '../contract/session-spec.js';
import type { PlannedContainer } from '../docker/container-planner.js';
import { GUARDED_ENV } from '../guard/guard-environment.js';
import { loadChannelCoder } from '../monitoring/load-channelcoder.js';
import { launchDetached } from '../process/launcher.js';
import { logBytesOf } from '../session/limits.js';
import { countedUse } from '../session/run-cost.js';
import { allDone } from '../util/deferred.js';
import { ClaudeExecutor } from './claude-executor.js';
import type { PlacedRun } from './placed-run.js';
import { planRequest } from './plan-request.js';
import { runOnHost } from './process/host-run.js';
import { SETTINGS_FLAG } from './settings-flag.js';

/**
 * How much longer than `limits.logBytes` the system lets a log get, in bytes. This has to be more than zero, so that a process
 * that watches the log can see that the log is too long.
 */
const BEYOND_BYTES = 1024 * 1024;

/** Runs Claude Code without a person at the keyboard. Claude gets its prompt, writes stream-json to the log, and ends. */
export abstract class UnattendedExecutor extends ClaudeExecutor {
  override async prepare(spec: SessionSpec): Promise<Preparation> {
    if (!(await this.runtime.injected())) void this.runtime.starter.helper?.prepare(); // Ready when the session starts.
    return super.prepare(spec);
  }

  override launch(request: RunRequest): Promise<RunHandle> {
    // ChannelCoder makes the plan. It is loaded while the engine is asked about the container.
    loadChannelCoder().catch(() => {}); // The plan fails, then.
    return super.launch(request);
  }

  protected override async launchOnHost(placed: PlacedRun): Promise<RunHandle> {
    const { request, workspace, environment, files } = placed;
    const plan = await planRun(planRequest(placed));
    await request.onPlaced({ environment });
    if (plan.kind === 'started') return startedRun(plan, this.runtime.docker.engine);
    const [command = 'claude', ...args] = [
      ...plan.command,
      '--settings',
      await files.hostSettings(this.guardedRun(request)),
      ...budget(request),
    ];
    const { folder } = request;
    const inputFile = await this.#writeInput(request, plan.stdin);
    const { env } = await this.extras(files, false);
    const launched = await launchDetached(this.runtime.starter, {
      command,
      args,
      cwd: workspace,
      env: { ...this.runtime.env, ...env, ...GUARDED_ENV },
      folder,
      inputFile,
    });
    return this.observable(runOnHost(launched), request, workspace);
  }

  protected override async launchInContainer(placed: PlacedRun, container: PlannedContainer): Promise<RunHandle> {
    const { request, workspace, environment } = placed;
    const plan = await planRun(withQuestionTool(planRequest(placed, container)));
    const placing = request.onPlaced({ containerName: container.name, environment });
    if (plan.kind === 'started') {
      await placing;
      return startedRun(plan, this.runtime.docker.engine);
    }
    const { folder } = request;
    const [inputFile] = await allDone([this.#writeInput(request, plan.stdin), placing]);
    const command = [...plan.command, ...SETTINGS_FLAG, ...budget(request)];
    const mostFileBytes = logBytesOf(request.spec.limits) + BEYOND_BYTES;
    const handle = await this.runtime.docker.run(container, command, { folder, inputFile, mostFileBytes });
    return this.observable(handle, request, workspace);
  }

  async #writeInput({ folder, run }: RunRequest, text: string): Promise<string> {
    const file = folder.input(run);
    await folder.write(file, text);
    return file;
  }
}

/** Adds a note for the agent to the system prompt, before the text that the user adds to it. */
export function withNote(spec: SessionSpec, note: string): SessionSpec {
  const { appendSystem } = spec.claude;
  const said = appendSystem === undefined ? note : `${note}\n\n${appendSystem}`;
  return { ...spec, claude: { ...spec.claude, appendSystem: said } };
}

/**
 * Newer releases give an unattended agent its tool for questions (`AskUserQuestion`) only if somebody is to answer permission
 * prompts (2.1.332; 2.1.98 always does). The guard answers before there is a prompt, so nothing reads or writes the stream that
 * this names. In a container, permissions are skipped, and Claude Code refuses what it would prompt for in any case. Without a
 * container, a missing permission would read like a broken connection, so there the tool stays as the release has it.
 */
function withQuestionTool(request: PlanRequest): PlanRequest {
  return { ...request, claude: { ...request.claude, permissionTool: 'stdio' } };
}

/** Claude Code does not accept a budget of zero. */
const LEAST_BUDGET_USD = 0.000_001;

/**
 * The budget at which Claude Code stops itself, even while no process watches the run. Claude Code counts only the cost of this
 * run, so the cost of earlier runs is subtracted from the limit.
 */
function budget({ spec, session }: RunRequest): string[] {
  const { costUsd } = spec.limits;
  return costUsd === undefined
    ? []
    : ['--max-budget-usd', String(Math.max(LEAST_BUDGET_USD, costUsd - countedUse(session).costUsd))];
}
