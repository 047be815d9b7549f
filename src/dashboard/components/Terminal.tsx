import { useRef, useState } from 'react';
import type { AutonomousSession } from '../../handlers/index.js';
import { revealed } from '../format.js';
import { isOver } from '../segments.js';
import { waitsAtTerminal } from '../waiting.js';

/** The command that attaches to a session's terminal. Shown while the session runs and has a terminal. */
export function Terminal({ session }: { session: AutonomousSession }): React.ReactNode {
  const command = attachCommand(session);
  const text = useRef<HTMLElement>(null);
  const [said, setSaid] = useState('');
  if (command === undefined) return null;
  const waits = waitsAtTerminal(session);
  // The command is pasted into a shell. So the copied text is exactly the visible text, and it has no line breaks: a line break
  // would run a part of the command at once.
  const shown = revealed(command.replaceAll(/\s/g, ' '));
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(shown);
      setSaid('Copied.');
    } catch {
      // Browsers offer the clipboard only to pages from localhost or over TLS.
      if (text.current) getSelection()?.selectAllChildren(text.current);
      setSaid('Selected: copy it with Ctrl-C.');
    }
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields
    <div className={`terminal ${waits ? 'waits' : ''}`} role="group" aria-label="Terminal of the session">
      <p>
        {waits ? 'The agent has finished its turn and waits for you.' : 'You can watch the agent or take over.'} Run
        this in a shell on the server's machine:
      </p>
      <div className="command">
        <code ref={text}>{shown}</code>
        <button type="button" onClick={() => void copy()}>
          Copy
        </button>
      </div>
      <p className="copied" role="status">
        {said}
      </p>
    </div>
  );
}

function attachCommand({ state, runs }: AutonomousSession): string | undefined {
  const run = runs.at(-1);
  return isOver(state) || run?.startedAt === undefined || run.endedAt !== undefined ? undefined : run.attachCommand;
}
