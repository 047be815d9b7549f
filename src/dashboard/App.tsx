import { useEffect, useState } from 'react';
import { Board } from './components/Board.js';
import { FindSession } from './components/FindSession.js';
import { Header } from './components/Header.js';
import { SessionPage } from './components/SessionPage.js';
import { StartSession } from './components/StartSession.js';
import { Timeline } from './components/Timeline.js';
import { usePage } from './page-context.js';
import { useRoute } from './route.js';

export function App(): React.ReactNode {
  const route = useRoute();
  const { sessions } = usePage();
  const [dialog, setDialog] = useState<'find' | 'start'>();
  const close = (): void => setDialog(undefined);

  const waiting = [...sessions.values()].filter(({ state }) => state === 'waiting_feedback').length;
  const title = route.page === 'session' ? (sessions.get(route.id)?.taskId ?? 'Session') : 'Sessions';
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) ${title}` : title;
  }, [waiting, title]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return;
      event.preventDefault();
      setDialog('find');
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return (
    <>
      <a className="skip" href="#main">
        Skip to the sessions
      </a>
      <Header page={route.page} onFind={() => setDialog('find')} onStart={() => setDialog('start')} />
      <main id="main" tabIndex={-1}>
        {route.page === 'board' && <Board />}
        {route.page === 'timeline' && <Timeline />}
        {route.page === 'session' && <SessionPage key={route.id} id={route.id} />}
      </main>
      {dialog === 'find' && <FindSession onClose={close} />}
      {dialog === 'start' && <StartSession onClose={close} />}
    </>
  );
}
