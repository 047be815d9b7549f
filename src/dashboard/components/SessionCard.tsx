import { memo } from 'react';
import { totalTokens } from '../../core/orchestration/session/observation.js';
import type { AutonomousSession } from '../../handlers/index.js';
import { costWith, type Descendant } from '../family.js';
import { costText, count, duration, inputLine, plural, revealed } from '../format.js';
import { useNow } from '../page-context.js';
import { sessionHref } from '../route.js';
import { stateLook } from '../waiting.js';
import { Approval } from './Approval.js';
import { Detached } from './Detached.js';
import { FamilyOnCard } from './Family.js';
import { Mode } from './Mode.js';
import { Question } from './Question.js';
import { RunBar } from './RunBar.js';
import { StateLabel } from './StateLabel.js';
import { Terminal } from './Terminal.js';

interface Props {
  session: AutonomousSession;
  /** Sessions below this session. Undefined if there are none. */
  descendants?: readonly Descendant[] | undefined;
}

/** An active session, with what it does right now. */
export const SessionCard = memo(function SessionCard({ session, descendants }: Props): React.ReactNode {
  const now = useNow();
  const {
    id,
    taskId,
    environment,
    currentTool,
    stats,
    approvals,
    approvalCount,
    questions,
    questionCount,
    toolCalls,
    errorCounts,
    tokens,
    dangers,
  } = session;
  const more = approvalCount + questionCount - approvals.length - questions.length;
  const costInAll = descendants && costText(costWith(session, descendants));
  const cost = costText(stats);
  return (
    <article className={`card ${stateLook(session)}`} data-session={id}>
      <header>
        <h3>
          <a href={sessionHref(id)}>{revealed(taskId)}</a>
        </h3>
        <StateLabel session={session} />
      </header>
      <p className="meta">
        <Mode session={session} />
        <Detached session={session} />
        {environment.branch !== undefined && <span className="branch">{revealed(environment.branch)}</span>}
        <span>{duration(now - session.createdAt)}</span>
        {cost !== undefined && <span>{cost}</span>}
        {costInAll !== undefined && <span>{costInAll} with its children</span>}
        {tokens && <span>{count(totalTokens(tokens))} tokens</span>}
        <span>{plural(toolCalls, 'tool call')}</span>
        {errorCounts.critical > 0 && <span className="critical">{plural(errorCounts.critical, 'critical error')}</span>}
        {dangers > 0 && <span className="critical">{plural(dangers, 'danger')}</span>}
      </p>
      {currentTool && (
        <p className="now">
          <b>{revealed(currentTool.name)}</b> <code>{inputLine(currentTool.name, currentTool.input)}</code>{' '}
          <span>{duration(now - currentTool.startedAt)}</span>
        </p>
      )}
      {stats.lastOutput !== undefined && <p className="said">{revealed(stats.lastOutput)}</p>}
      <Terminal session={session} />
      {approvals.map((approval) => (
        <Approval key={approval.requestId} sessionId={id} approval={approval} />
      ))}
      {questions.map((question) => (
        <Question key={question.questionId} sessionId={id} question={question} />
      ))}
      {more > 0 && (
        <p>
          <a href={sessionHref(id)}>{more} more questions</a> wait in the session.
        </p>
      )}
      {descendants && <FamilyOnCard id={id} descendants={descendants} />}
      <RunBar session={session} now={now} />
    </article>
  );
});
