import type { CommittedRules } from '../git/ignored/committed-rules.js';
import { IgnoreRules } from '../git/ignored/ignore-rules.js';
import { toolsOff } from '../guard/claude-tools.js';
import { DecisionLog } from '../guard/decision-log.js';
import { RunGuard } from '../guard/run-guard.js';
import { SteeringQueue } from '../mailbox/steering-queue.js';
import type { Slot } from '../queue/slot.js';
import type { ModelPrices } from '../session/model-price.js';
import type { Outcome } from '../session/outcome.js';
import type { StandardOutputSchema } from '../session/output-schema.js';
import { RunProgress } from '../session/run-progress.js';
import type { RunRecord } from '../session/run-record.js';
import { setupMs } from '../session/setup.js';
import { mountTargets } from '../workspace/mounts.js';
import { volumeTargets } from '../workspace/volumes.js';
import type { RunControl } from './control.js';
import { type CommandRunner, runHooks } from './hooks.js';
import { RunLimits, type Spending } from './limits.js';
import type { LiveRecord } from './live-record.js';
import { RunNotes } from './notes.js';
import { RunObserver } from './observer.js';
import { RunPause } from './pause.js';
import { SlotLease } from './slot-lease.js';
import { RunStart, type RunStartOptions } from './start.js';

/** The connection between a run and the sessions that its session leads. */
export interface RunLead {
  /** What the session has cost, together with the sessions that it leads. */
  spending(): Spending;
  /** Returns what carries out the agent's commands about its children. Undefined if the session leads no sessions. */
  commandsFor(lease: SlotLease): CommandRunner | undefined;
}

export interface RunOptions extends RunStartOptions {
  record: RunRecord & Pick<LiveRecord, 'close'>;
  slot: Slot;
  lead: RunLead;
  /** True if the session ends with a run that went so. Then its end is reported before the run's container is removed. */
  isLast: (outcome: Outcome) => boolean;
  committedRules: CommittedRules;
  /** The user's own prices of models. */
  prices: ModelPrices;
  /** The schema of the program that asked for a typed result. Undefined if only its JSON Schema is known. */
  acceptsOutput?: StandardOutputSchema | undefined;
}

/** The parts of a run. */
export interface RunParts {
  readonly guard: RunGuard;
  readonly steering: SteeringQueue;
  readonly limits: RunLimits;
  readonly decisions: DecisionLog;
  readonly notes: RunNotes;
  readonly observer: RunObserver;
  readonly lease: SlotLease;
  readonly pause: RunPause;
  readonly start: RunStart;
}

/**
 * Makes the parts of a run, and gives each part the other parts that it needs.
 *
 * @param running resolves when the record says that the run executes, or is over
 * @param detached aborted when this process is detached from the run
 */
export function makeParts(
  options: RunOptions,
  control: RunControl,
  running: Promise<void>,
  detached: AbortSignal,
): RunParts {
  const { record, request, slot, lead, committedRules, prices, adopt, executor } = options;
  const { spec, folder, session } = request;
  const lease = new SlotLease(slot, record, adopt && record.session.waitingFor);
  const steering = new SteeringQueue(folder.steering);
  const decisions = new DecisionLog(folder.decisions);
  const progress = new RunProgress();
  const limits: RunLimits = new RunLimits({
    limits: spec.limits,
    progress,
    unattended: spec.mode !== 'interactive',
    setupMs: setupMs(spec.setup),
    env: spec.docker ? (spec.docker.env ?? {}) : process.env,
    spending: () => lead.spending(),
    seenAtStart: (): string => observer.seenAtStart,
    onExcess: (excess) => control.stop({ status: 'failed', ...excess }),
    onOverdue: () => control.endProcess(),
  });
  record.onChange((_, action) => {
    if (action.type === 'observed') limits.recorded(action.observations);
  });
  const inherited = session.parentId === undefined ? undefined : folder.beside(session.parentId).ignoreRules;
  const ignoreRules = new IgnoreRules(folder.ignoreRules, committedRules, inherited);
  const place = {
    ...executor.placeOf(session.environment),
    mounts: spec.docker ? [...mountTargets(spec.docker.mounts ?? []), ...volumeTargets(spec.docker)] : [],
    ignored: ignoreRules.ignored,
  };
  const off = toolsOff(spec.claude.tools, spec.mode);
  const questions = spec.mode === 'interactive' ? 'terminal' : (spec.questions ?? 'ask');
  const guard = new RunGuard({ policy: spec.policy, place, record, decisions, off, questions });
  const observer: RunObserver = new RunObserver({
    request,
    record,
    control,
    guard,
    limits,
    progress,
    lease,
    ignoreRules,
    prices,
  });
  const notes = new RunNotes({ folder, guard, decisions, steering, observer });
  const pause = new RunPause({ record, control, requests: guard.requests, heldFile: folder.held });
  const commands = lead.commandsFor(lease);
  const ready = Promise.all([running, observer.caughtUp]);
  const hooks = runHooks({ record, guard, observer, steering, lease, commands, ready });
  const start = new RunStart(options, { record, control, observer, notes, hooks, detached });
  return { guard, steering, limits, decisions, notes, observer, lease, pause, start };
}
