import { useId, useState } from 'react';
import type { ApprovalView } from '../../handlers/index.js';
import { act } from '../api.js';
import { duration, revealed } from '../format.js';
import { canAct, useNow } from '../page-context.js';
import { sessionHref } from '../route.js';
import { ToolInput } from './ToolInput.js';
import { useWork } from './use-work.js';

/** A tool call that waits for a person, with all that it would do. */
export function Approval({ sessionId, approval }: { sessionId: string; approval: ApprovalView }): React.ReactNode {
  const { requestId, tool, input, cut, danger, deadline } = approval;
  const now = useNow();
  const reasonId = useId();
  const [reason, setReason] = useState('');
  const { busy, error, run } = useWork();
  const answer = (action: 'approve' | 'deny'): void =>
    run(() => act(sessionId, action, { requestId, ...(action === 'deny' && reason !== '' && { reason }) }));
  return (
    <fieldset className="approval" aria-label={`Approval of ${tool}`}>
      <p className="question">
        <span>
          May it run <b>{revealed(tool)}</b>?
        </span>
        <span className="left">denied in {duration(deadline - now)}</span>
      </p>
      {danger && (
        <p className="danger">
          {danger.level}: {revealed(danger.reason)}
        </p>
      )}
      <ToolInput tool={tool} input={input} />
      {cut && (
        <p>
          This is only its beginning: <a href={sessionHref(sessionId)}>open the session</a> to read and approve all of
          it.
        </p>
      )}
      <div className="answer">
        <button type="button" className="primary" disabled={busy || cut || !canAct()} onClick={() => answer('approve')}>
          Approve
        </button>
        <button type="button" disabled={busy || !canAct()} onClick={() => answer('deny')}>
          Deny
        </button>
        <label htmlFor={reasonId} className="hidden">
          Why it is denied; the agent reads it
        </label>
        <input
          id={reasonId}
          value={reason}
          maxLength={2_000}
          placeholder="why not (the agent reads it)"
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {error && <p role="alert">{error}</p>}
    </fieldset>
  );
}
