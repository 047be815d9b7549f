import { usePage } from '../page-context.js';

/** Shown instead of sessions. Says why there are none. */
export function Nothing({ children }: { children: string }): React.ReactNode {
  const { connection } = usePage();
  if (connection === 'connecting') return <p className="empty">Loading …</p>;
  if (connection === 'refused')
    return <p className="empty">Open the link that the server printed to see the sessions.</p>;
  return <p className="empty">{children}</p>;
}
