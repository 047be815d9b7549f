import { useId, useRef, useState } from 'react';
import type { ApprovalView } from '../../handlers/index.js';
import { act } from '../api.js';
import { duration, revealed } from '../format.js';
import { useMayAct, useNow } from '../page-context.js';
import { sessionHref } from '../route.js';
import { nextAsked } from './next-asked.js';
import { ToolInput } from './ToolInput.js';
import { useRead } from './use-read.js';
import { useSteady } from './use-steady.js';
import { useWork } from './use-work.js';

/** A tool call that waits for a person, with its whole input. It can be approved after the end of the input was visible. */
export function Approval({ sessionId, approval }: { sessionId: string; approval: ApprovalView }): React.ReactNode {
  const { requestId, tool, input, cut, danger, deadline } = approval;
  const now = useNow();
  const mayAct = useMayAct();
  const reasonId = useId();
  const box = useRef<HTMLFieldSetElement>(null);
  const inputBox = useRef<HTMLDivElement>(null);
  const [reason, setReason] = useState('');
  const { busy, error, run } = useWork();
  const { read, look } = useRead(inputBox);
  const steady = useSteady(box);
  const answer = (action: 'approve' | 'deny'): void => {
    const next = nextAsked(box.current);
    run(
      () => act(sessionId, action, { requestId, ...(action === 'deny' && reason !== '' && { reason }) }),
      () => next?.focus(),
    );
  };
  return (
    <fieldset ref={box} className="approval" aria-label={`Approval of ${tool}`} tabIndex={-1}>
      <p className="question">
        <span>
          May the agent run <b>{revealed(tool)}</b>?
        </span>
        <span className="left">denied in {duration(deadline - now)}</span>
      </p>
      {danger && (
        <p className="danger">
          {danger.level}: {revealed(danger.reason)}
        </p>
      )}
      <ToolInput tool={tool} input={input} box={inputBox} onScroll={look} />
      {cut && (
        <p>
          This is only the beginning of the input: <a href={sessionHref(sessionId)}>open the session</a> to read all of
          it and approve it.
        </p>
      )}
      {!cut && !read && <p>The input is longer than this box: scroll to its end to approve it.</p>}
      <div className="answer">
        <button
          type="button"
          className="primary"
          disabled={busy || cut || !read || !steady || !mayAct}
          // The second click of a double click may be meant for the question that was here before.
          onClick={({ detail }) => detail <= 1 && answer('approve')}
        >
          Approve
        </button>
        <button type="button" disabled={busy || !mayAct} onClick={() => answer('deny')}>
          Deny
        </button>
        <label htmlFor={reasonId} className="hidden">
          Reason for denying (the agent reads it)
        </label>
        <input
          id={reasonId}
          value={reason}
          maxLength={2_000}
          placeholder="reason for denying (the agent reads it)"
          onChange={(event) => setReason(event.target.value)}
        />
      </div>
      {error && <p role="alert">{error}</p>}
    </fieldset>
  );
}
