import { Command } from 'cmdk';
import { useMemo, useState } from 'react';
import { revealed } from '../format.js';
import { usePage } from '../page-context.js';
import { sessionHref } from '../route.js';
import { Dialog } from './Dialog.js';
import { StateLabel } from './StateLabel.js';

const MOST_SHOWN = 30;

/** Finds any session by its name, branch, id or state. */
export function FindSession({ onClose }: { onClose: () => void }): React.ReactNode {
  const { sessions } = usePage();
  const [text, setText] = useState('');
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    return [...sessions.values()]
      .reverse()
      .filter(({ taskId, id, state, mode, environment }) => {
        const known = `${taskId} ${id} ${state} ${mode} ${environment.branch ?? ''} ${environment.cwd}`.toLowerCase();
        return words.every((word) => known.includes(word));
      })
      .slice(0, MOST_SHOWN);
  }, [sessions, text]);
  return (
    <Dialog title="Find a session" onClose={onClose}>
      <Command label="Find a session" shouldFilter={false}>
        <Command.Input value={text} onValueChange={setText} placeholder="task, branch, id or state" />
        <Command.List label="Sessions found">
          <Command.Empty>No session has that name.</Command.Empty>
          {found.map((session) => (
            <Command.Item
              key={session.id}
              value={session.id}
              onSelect={() => {
                location.hash = sessionHref(session.id);
                onClose();
              }}
            >
              {revealed(session.taskId)} <StateLabel session={session} />
            </Command.Item>
          ))}
        </Command.List>
      </Command>
    </Dialog>
  );
}
