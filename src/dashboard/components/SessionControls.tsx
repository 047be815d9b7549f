import { useContext, useEffect, useId, useRef, useState } from 'react';
import type { AutonomousSession } from '../../handlers/index.js';
import { act, type SessionAction } from '../api.js';
import { PageContext, useMayAct } from '../page-context.js';
import { isOver } from '../segments.js';
import { waitsAtTerminal } from '../waiting.js';
import { Dialog } from './Dialog.js';
import { useWork } from './use-work.js';

const ENDS: ReadonlySet<string> = new Set(['session:completed', 'session:failed', 'session:cancelled']);

const SAYING = {
  waiting: { label: 'Message to the waiting agent', placeholder: 'Answer the agent …' },
  working: {
    label: 'Message to the working agent',
    placeholder: 'Send the agent a message while it works …',
  },
  over: { label: 'Feedback to continue with', placeholder: 'Continue with feedback …' },
} as const;

/** What a person can do to a session, and the field for a message to its agent. */
export function SessionControls({ session }: { session: AutonomousSession }): React.ReactNode {
  const { id, state } = session;
  const { busy, error, run } = useWork();
  const [words, setWords] = useState('');
  const [said, setSaid] = useState<string>();
  /** The message that was sent to the agent, until the agent has read it. */
  const [unread, setUnread] = useState<string>();
  const wasRead = useRef(false);
  const store = useContext(PageContext);
  const mayAct = useMayAct();
  const [asking, setAsking] = useState(false);
  const wordsId = useId();
  const [chosen, setFresh] = useState<boolean>();
  const mustBeFresh = session.conversation === undefined || session.result?.reason === 'context_full';
  const mayBeFresh = session.mode !== 'interactive' && (isOver(state) || state === 'paused');
  const fresh = mayBeFresh && (mustBeFresh || chosen === true);
  const mayContinue = fresh || session.conversation !== undefined;

  const does = (action: SessionAction, body?: object): void => run(() => act(id, action, body));
  const says = (action: 'steer' | 'continue'): void => {
    setSaid(undefined);
    wasRead.current = false;
    if (action === 'steer') setUnread(words);
    run(
      () => act(id, action, action === 'steer' ? { message: words } : { feedback: words, ...(fresh && { fresh }) }),
      (answer) => {
        setWords('');
        setFresh(undefined);
        if (action === 'continue') return;
        const later = answer === null && !wasRead.current;
        setSaid(later ? 'The agent will read this after its tool call.' : 'The agent has read this.');
        if (!later) setUnread(undefined);
      },
    );
  };
  useEffect(() => {
    if (unread === undefined) return;
    return store.onEvent((event) => {
      if (event.sessionId !== id) return;
      if (event.type === 'session:steered' && event.message === unread) {
        wasRead.current = true; // The event may come before the server's answer.
        setSaid('The agent has read this.');
      } else if (ENDS.has(event.type)) setSaid(`The session ended before the agent read this: ${unread}`);
      else return;
      setUnread(undefined);
    });
  }, [unread, id, store]);
  const off = busy || !mayAct;
  const running = state === 'running' || state === 'waiting_feedback';
  const saying = SAYING[waitsAtTerminal(session) ? 'waiting' : running ? 'working' : 'over'];
  return (
    <section className="controls" aria-label="What you can do">
      <div className="buttons">
        {running && (
          <button type="button" disabled={off} onClick={() => does('pause')}>
            Pause
          </button>
        )}
        {state === 'paused' && (
          <button type="button" className="primary" disabled={off} onClick={() => does('resume')}>
            Resume
          </button>
        )}
        {!isOver(state) && (
          <button type="button" disabled={off} onClick={() => setAsking(true)}>
            Cancel …
          </button>
        )}
      </div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          says(running ? 'steer' : 'continue');
        }}
      >
        <label htmlFor={wordsId} className="hidden">
          {saying.label}
        </label>
        <textarea
          id={wordsId}
          rows={2}
          value={words}
          disabled={off || !mayContinue}
          placeholder={saying.placeholder}
          onChange={({ target }) => setWords(target.value)}
        />
        <div className="buttons">
          {running && (
            <button type="submit" className="primary" disabled={off || words.trim() === ''}>
              Steer
            </button>
          )}
          <button
            type={running ? 'button' : 'submit'}
            className={running ? undefined : 'primary'}
            disabled={off || words.trim() === '' || !mayContinue || state === 'queued'}
            onClick={running ? () => says('continue') : undefined}
          >
            {running || state === 'paused' ? 'Stop and continue' : 'Continue'}
          </button>
        </div>
        {mayBeFresh && (
          <label className="fresh">
            <input
              type="checkbox"
              checked={fresh}
              disabled={off || mustBeFresh}
              onChange={({ target }) => setFresh(target.checked)}
            />
            Begin a new conversation
          </label>
        )}
      </form>
      {said !== undefined && <p role="status">{said}</p>}
      {error && <p role="alert">{error}</p>}
      {asking && (
        <Dialog title="Cancel this session?" onClose={() => setAsking(false)}>
          <p>Its container is stopped. The files that it wrote stay, and you can continue the session later.</p>
          <div className="answer">
            <button
              type="button"
              className="primary"
              onClick={() => {
                setAsking(false);
                does('cancel', { reason: 'cancelled on the dashboard' });
              }}
            >
              Cancel it
            </button>
            <button type="button" onClick={() => setAsking(false)}>
              Keep it running
            </button>
          </div>
        </Dialog>
      )}
    </section>
  );
}
