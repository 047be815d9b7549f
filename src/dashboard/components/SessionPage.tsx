import { useMemo } from 'react';
import type { PendingQuestion } from '../../core/index.js';
import type { ApprovalView, AutonomousSession } from '../../handlers/index.js';
import { below, costWith, type Descendant, familiesOf, parentsOf } from '../family.js';
import { costText, count, duration, revealed, timeAhead } from '../format.js';
import { useDetails, useNow, usePage, useSessionFeed } from '../page-context.js';
import { sessionHref } from '../route.js';
import { isOver, segmentsOf, timeOf } from '../segments.js';
import { Activity } from './Activity.js';
import { Approval } from './Approval.js';
import { Changes } from './Changes.js';
import { Detached } from './Detached.js';
import { Fact } from './Fact.js';
import { Family } from './Family.js';
import { Mode } from './Mode.js';
import { Nothing } from './Nothing.js';
import { Output } from './Output.js';
import { Plan } from './Plan.js';
import { Question } from './Question.js';
import { RunBar } from './RunBar.js';
import { SessionControls } from './SessionControls.js';
import { StateLabel } from './StateLabel.js';
import { Terminal } from './Terminal.js';
import { UsageChart } from './UsageChart.js';

/** The page of a session, by id or task id. If several sessions have the task id, it is the latest, as on the server. */
export function SessionPage({ id }: { id: string }): React.ReactNode {
  const { sessions } = usePage();
  const session = sessions.get(id) ?? [...sessions.values()].findLast(({ taskId }) => taskId === id);
  if (session) return <OneSession key={session.id} session={session} />;
  return <Nothing>Session not found</Nothing>;
}

/** One session: its activity, its cost, and the controls. */
function OneSession({ session }: { session: AutonomousSession }): React.ReactNode {
  const { sessions } = usePage();
  const { feed, version } = useSessionFeed(session.id);
  const now = useNow();
  const approvals = useWholeApprovals(session);
  const questions = useAllQuestions(session);
  const descendants = useMemo(() => below(session.id, familiesOf(sessions)), [session.id, sessions]);
  const { result } = session;
  return (
    <div className="session">
      <header className="title">
        <h1>{revealed(session.taskId)}</h1>
        <Mode session={session} />
        <Detached session={session} />
        <StateLabel session={session} />
        <span className="age">since {new Date(session.createdAt).toLocaleString('en-GB')}</span>
      </header>
      <SessionControls session={session} />
      <Terminal session={session} />
      {approvals.map((approval) => (
        <Approval key={`${approval.requestId} ${approval.cut}`} sessionId={session.id} approval={approval} />
      ))}
      {questions.map((question) => (
        <Question key={question.questionId} sessionId={session.id} question={question} />
      ))}
      {result?.error !== undefined && <p className="outcome">{revealed(result.error)}</p>}
      {session.resumeAt !== undefined && <GoesOn session={session} />}
      {session.asked?.output && session.state === 'completed' && <Output session={session} />}
      {result?.planFile !== undefined && <Plan session={session} />}
      <div className="columns">
        <section className="group" aria-label="Activity">
          {feed ? (
            <Activity feed={feed} version={version} isOver={isOver(session.state)} />
          ) : (
            <p className="empty">Loading …</p>
          )}
        </section>
        <aside>
          {descendants.length > 0 && (
            <section className="group">
              <h2>
                Children <span>{descendants.length}</span>
              </h2>
              <Family descendants={descendants} />
            </section>
          )}
          {result?.changes && (
            <section className="group" aria-label="Changes">
              <h2>Changes</h2>
              <Changes changes={result.changes} />
            </section>
          )}
          <section className="group">
            <h2>Time</h2>
            <RunBar session={session} now={now} />
            <Runs session={session} now={now} />
          </section>
          <section className="group">
            <h2>Cost and tokens</h2>
            <Usage session={session} descendants={descendants} />
            {feed && <UsageChart usage={feed.usage} version={version} />}
          </section>
          <section className="group">
            <h2>Where</h2>
            <Facts session={session} sessions={sessions} />
          </section>
        </aside>
      </div>
    </div>
  );
}

/** Lists hold only the first approvals and the beginning of a long input. This fetches all of them, to be read and approved. */
function useWholeApprovals({ id, approvals, approvalCount }: AutonomousSession): readonly ApprovalView[] {
  const isPart = approvals.length < approvalCount || approvals.some(({ cut }) => cut);
  const version = approvals.map(({ requestId }) => requestId).join();
  const whole = useDetails(id, isPart ? `${approvalCount} ${version}` : undefined)?.approvals ?? [];
  if (!isPart) return approvals;
  const listed = approvals.map((one) => whole.find(({ requestId }) => requestId === one.requestId) ?? one);
  return [...listed, ...whole.slice(listed.length, approvalCount)];
}

/** Lists hold only the first questions. */
function useAllQuestions({ id, questions, questionCount }: AutonomousSession): readonly PendingQuestion[] {
  const version = questions.map(({ questionId }) => questionId).join();
  const all = useDetails(id, questions.length < questionCount ? `${questionCount} ${version}` : undefined);
  return [...questions, ...(all?.questions.slice(questions.length, questionCount) ?? [])];
}

/** When a session that waits for its provider goes on by itself, and what it waits for. */
function GoesOn({ session: { resumeAt = 0, runs } }: { session: AutonomousSession }): React.ReactNode {
  const failure = runs.at(-1)?.failure;
  return (
    <p className="outcome">
      Goes on by itself at {timeAhead(resumeAt)}
      {failure && `, after attempt ${failure.attempt} failed (${failure.reason}): ${revealed(failure.error)}`}
    </p>
  );
}

function Runs({ session, now }: { session: AutonomousSession; now: number }): React.ReactNode {
  const segments = segmentsOf(session, now);
  return (
    <ol className="runs">
      {session.runs.map(({ number, startedAt, exitCode, feedback }) => {
        const own = segments.filter(({ run }) => run === number);
        return (
          <li key={number}>
            Run {number} · waited {duration(timeOf('queued', own))}
            {startedAt !== undefined && ` · ran ${duration(timeOf('running', own))}`}
            {exitCode !== undefined && ` · exit ${exitCode}`}
            {feedback !== undefined && <q>{revealed(feedback)}</q>}
          </li>
        );
      })}
    </ol>
  );
}

interface UsageProps {
  session: AutonomousSession;
  descendants: readonly Descendant[];
}

function Usage({ session, descendants }: UsageProps): React.ReactNode {
  const { tokens, stats, turns } = session;
  const costInAll = descendants.length > 0 ? costText(costWith(session, descendants)) : undefined;
  return (
    <dl className="facts">
      <Fact name="Cost" value={costText(stats)} />
      <Fact name="No price known" value={stats.unpriced && revealed(stats.unpriced.models.join(', '))} />
      <Fact name="Total" value={costInAll === undefined ? undefined : `${costInAll} with its children`} />
      <Fact name="Turns" value={turns?.toString()} />
      <Fact name="Input" value={tokens && count(tokens.input)} />
      <Fact name="Output" value={tokens && count(tokens.output)} />
      <Fact name="From cache" value={tokens && count(tokens.cacheRead)} />
      <Fact name="Into cache" value={tokens && count(tokens.cacheCreation)} />
    </dl>
  );
}

interface FactsProps {
  session: AutonomousSession;
  sessions: ReadonlyMap<string, AutonomousSession>;
}

function Facts({ session, sessions }: FactsProps): React.ReactNode {
  const { environment, mode, detached, stats, conversation, logFile, runs, id, parentId, result, asked } = session;
  const parent = useMemo(() => parentsOf(sessions)(session), [session, sessions]);
  return (
    <dl className="facts">
      <Fact name="Session" value={id} />
      <Fact name="Mode" value={mode} />
      <Fact name="Without a process" value={detached && 'works on, and nobody decides about its tool calls'} />
      <Fact name="Workspace" value={environment.cwd} />
      <Fact name="Worktree" value={environment.worktree} />
      <Fact name="Branch" value={environment.branch} />
      <Fact name="Base" value={environment.base} />
      <Fact name="Image" value={environment.docker ? environment.dockerImage : 'none: no container'} />
      <Fact name="Container" value={runs.at(-1)?.containerName} />
      <Fact name="Asked model" value={asked?.model} />
      <Fact name="Falls back to" value={asked?.fallbackModels?.join(', ')} />
      <Fact name="Model" value={stats.model} />
      <Fact name="Effort" value={asked?.effort} />
      <Fact name="Conversation" value={conversation} />
      <Fact name="Log" value={runs.some(({ launchedAt }) => launchedAt !== undefined) ? logFile : undefined} />
      <Fact name="Plan" value={result?.planFile} />
      {parentId !== undefined && (
        <div>
          <dt>Parent</dt>
          <dd>
            <a href={sessionHref(parent?.id ?? parentId)}>{revealed(parent?.taskId ?? parentId)}</a>
          </dd>
        </div>
      )}
    </dl>
  );
}
