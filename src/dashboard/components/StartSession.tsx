import { useId, useState } from 'react';
import type { SessionPriority } from '../../core/index.js';
import { isTerminal } from '../../core/orchestration/session/status.js';
import { createSession } from '../api.js';
import { revealed } from '../format.js';
import { usePage } from '../page-context.js';
import { sessionHref } from '../route.js';
import { Dialog } from './Dialog.js';
import { Field } from './Field.js';
import { askedBy, ModelFields } from './ModelFields.js';
import { useWork } from './use-work.js';

const MINUTE_MS = 60_000;
/** How many sessions, the newest ones, the new session can wait for. */
const MOST_OFFERED = 100;

/** A sentence for each mode. */
const MODES = {
  autonomous: 'Works on its own until it is done.',
  worktree: 'Works on its own, on a separate branch in a separate folder, and reports its changes.',
  planning: 'Reads the workspace and writes a plan. It changes nothing.',
  interactive: "Works with you, in a terminal on the server's machine.",
  orchestration: 'Leads other sessions: starts them, follows them and waits for them.',
} as const;
type Mode = keyof typeof MODES;

interface Props {
  /** The plan to carry out, and the session that made it. */
  plan?: { readonly id: string; readonly text: string; readonly cwd: string };
  onClose: () => void;
}

/** Starts a session in one of the workspaces that the server offers. */
export function StartSession({ plan, onClose }: Props): React.ReactNode {
  const { workspaces, sessions } = usePage();
  const { busy, error, run } = useWork();
  const [mode, setMode] = useState<Mode>('autonomous');
  const listId = useId();
  const open = [...sessions.values()].filter(({ state }) => !isTerminal(state)).slice(-MOST_OFFERED);
  const shown = plan && revealed(plan.text);
  const start = (form: FormData): void => {
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const [costUsd, minutes, children] = [Number(text('cost')), Number(text('minutes')), text('children')];
    const prompt = String(form.get('prompt') ?? '');
    run(
      async () =>
        createSession({
          ...askedBy(form),
          // Send the plan that the person has read, even if the session has another plan by now. If the person has changed
          // nothing, send the plan's exact text and not the shown text, in which invisible characters are replaced by codes.
          prompt: plan && prompt === shown ? plan.text : prompt,
          mode,
          cwd: text('cwd'),
          ...(plan && { parentId: plan.id }),
          ...(text('taskId') !== '' && { taskId: text('taskId') }),
          ...(text('branch') !== '' && { worktree: text('branch') }),
          ...(text('priority') !== 'normal' && { priority: text('priority') as SessionPriority }),
          ...(text('notBefore') !== '' && { notBefore: new Date(text('notBefore')).getTime() }),
          ...(text('after') !== '' && { after: [{ id: text('after') }] }),
          limits: {
            ...(costUsd > 0 && { costUsd }),
            ...(minutes > 0 && { durationMs: Math.round(minutes * MINUTE_MS) }),
            ...(children !== '' && { children: Number(children) }),
          },
        }),
      ({ id }) => {
        location.hash = sessionHref(id);
        onClose();
      },
    );
  };
  return (
    <Dialog title={plan ? 'Carry the plan out' : 'Start a session'} onClose={onClose}>
      <form
        className="start"
        onSubmit={(event) => {
          event.preventDefault();
          start(new FormData(event.currentTarget));
        }}
      >
        <Field label="What should it do?">
          <textarea name="prompt" rows={plan ? 10 : 4} required defaultValue={shown} />
        </Field>
        <fieldset className="modes">
          <legend>How should it work?</legend>
          {Object.entries(MODES).map(([name, sentence]) => (
            <label key={name}>
              <input type="radio" name="mode" checked={name === mode} onChange={() => setMode(name as Mode)} />
              <span>
                <b>{name}</b> {sentence}
              </span>
            </label>
          ))}
        </fieldset>
        {mode === 'worktree' && (
          <Field label="Branch (optional)">
            <input name="branch" placeholder="default: a branch named after the session" />
          </Field>
        )}
        <Field label="Workspace">
          <input name="cwd" list={listId} required defaultValue={plan?.cwd ?? workspaces[0]} />
        </Field>
        <datalist id={listId}>
          {workspaces.map((path) => (
            <option key={path} value={path} />
          ))}
        </datalist>
        <Field label="Name (optional)">
          <input name="taskId" maxLength={500} />
        </Field>
        <div className="pair">
          <Field label="Cost limit, $">
            <input name="cost" type="number" min="0" step="any" placeholder="none" />
          </Field>
          <Field label="Time limit, minutes">
            <input name="minutes" type="number" min="0" step="any" placeholder="none" />
          </Field>
          {mode === 'orchestration' && (
            <Field label="Sessions it may lead">
              <input name="children" type="number" min="0" step="1" placeholder="16" />
            </Field>
          )}
        </div>
        <div className="pair">
          <Field label="Priority">
            <select name="priority" defaultValue="normal">
              <option>high</option>
              <option>normal</option>
              <option>low</option>
            </select>
          </Field>
          <Field label="Not before">
            <input name="notBefore" type="datetime-local" />
          </Field>
          <Field label="When this one has completed">
            <select name="after" defaultValue="">
              <option value="">does not wait for a session</option>
              {open.map(({ id, taskId }) => (
                <option key={id} value={id}>
                  {revealed(taskId)}
                </option>
              ))}
            </select>
          </Field>
        </div>
        <ModelFields hasOutput={mode !== 'planning' && mode !== 'interactive'} />
        {error && <p role="alert">{error}</p>}
        <div className="answer">
          <button type="submit" className="primary" disabled={busy}>
            Start
          </button>
          <button type="button" onClick={onClose}>
            Not now
          </button>
        </div>
      </form>
    </Dialog>
  );
}
