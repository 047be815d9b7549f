import { useEffect, useState } from 'react';
import { needsPerson } from '../handlers/needs-person.js';
import { Board } from './components/Board.js';
import { Contained } from './components/Contained.js';
import { FindSession } from './components/FindSession.js';
import { Header } from './components/Header.js';
import { Holds } from './components/Holds.js';
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

  const waiting = [...sessions.values()].filter(needsPerson).length;
  const title = route.page === 'session' ? (sessions.get(route.id)?.taskId ?? 'Session') : 'Sessions';
  useEffect(() => {
    document.title = waiting > 0 ? `(${waiting}) ${title}` : title;
  }, [waiting, title]);

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== 'k') return;
      event.preventDefault();
      setDialog((open) => open ?? 'find');
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);

  return (
    <>
      {/* A button and not a link: a link would change the part after the # of the address, which names the shown page. */}
      <button type="button" className="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the sessions
      </button>
      <Header page={route.page} onFind={() => setDialog('find')} onStart={() => setDialog('start')} />
      <Holds />
      <main id="main" tabIndex={-1}>
        <Contained key={route.page === 'session' ? route.id : route.page}>
          {route.page === 'board' && <Board />}
          {route.page === 'timeline' && <Timeline />}
          {route.page === 'session' && <SessionPage id={route.id} />}
        </Contained>
      </main>
      {dialog === 'find' && <FindSession onClose={close} />}
      {dialog === 'start' && <StartSession onClose={close} />}
    </>
  );
}
