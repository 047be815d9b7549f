import { useId } from 'react';
import { createSession } from '../api.js';
import { usePage } from '../page-context.js';
import { sessionHref } from '../route.js';
import { Dialog } from './Dialog.js';
import { useWork } from './use-work.js';

const MINUTE_MS = 60_000;

/** Starts a session in one of the workspaces that the server offers. */
export function StartSession({ onClose }: { onClose: () => void }): React.ReactNode {
  const { workspaces } = usePage();
  const { busy, error, run } = useWork();
  const listId = useId();
  const start = (form: FormData): void => {
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const [costUsd, minutes] = [Number(text('cost')), Number(text('minutes'))];
    run(
      () =>
        createSession({
          prompt: String(form.get('prompt') ?? ''),
          cwd: text('cwd'),
          ...(text('taskId') !== '' && { taskId: text('taskId') }),
          ...(text('branch') !== '' && { worktree: text('branch') }),
          limits: {
            ...(costUsd > 0 && { costUsd }),
            ...(minutes > 0 && { durationMs: Math.round(minutes * MINUTE_MS) }),
          },
        }),
      ({ id }) => {
        location.hash = sessionHref(id);
        onClose();
      },
    );
  };
  return (
    <Dialog title="Start a session" onClose={onClose}>
      <form
        className="start"
        onSubmit={(event) => {
          event.preventDefault();
          start(new FormData(event.currentTarget));
        }}
      >
        <Field label="What should it do?">
          <textarea name="prompt" rows={5} required />
        </Field>
        <Field label="Workspace">
          <input name="cwd" list={listId} required defaultValue={workspaces[0]} />
        </Field>
        <datalist id={listId}>
          {workspaces.map((path) => (
            <option key={path} value={path} />
          ))}
        </datalist>
        <Field label="Branch, for a worktree of its own (optional)">
          <input name="branch" placeholder="the workspace itself" />
        </Field>
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
        </div>
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

function Field({ label, children }: { label: string; children: React.ReactNode }): React.ReactNode {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: its control is the child
    <label className="field">
      <span>{label}</span>
      {children}
    </label>
  );
}
