import { useRef, useState } from 'react';
import type { AutonomousSession } from '../../handlers/index.js';
import { revealed } from '../format.js';
import { isOver } from '../segments.js';
import { waitsAtTerminal } from '../waiting.js';

/** How to get at the terminal of a session that has one and runs. */
export function Terminal({ session }: { session: AutonomousSession }): React.ReactNode {
  const command = attachCommand(session);
  const text = useRef<HTMLElement>(null);
  const [said, setSaid] = useState('');
  if (command === undefined) return null;
  const waits = waitsAtTerminal(session);
  // What is seen is what is copied, and no line of it runs before a person wants that: it goes into a shell.
  const shown = revealed(command.replaceAll(/\s/g, ' '));
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(shown);
      setSaid('Copied.');
    } catch {
      // Only pages of this machine, or with TLS, have a clipboard.
      if (text.current) getSelection()?.selectAllChildren(text.current);
      setSaid('Selected: copy it with Ctrl-C.');
    }
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for what is filled in
    <div className={`terminal ${waits ? 'waits' : ''}`} role="group" aria-label="Terminal of the session">
      <p>
        {waits ? 'It has done what it was told, and waits for you.' : 'To watch it, or to take over:'} In a shell on the
        server's machine run
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
