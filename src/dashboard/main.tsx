import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.js';
import { access, appUrl, takeToken } from './api.js';
import { connectFeed } from './feed-connection.js';
import { inNextFrame, PageContext } from './page-context.js';
import { PageStore } from './page-store.js';
import './styles/base.css';
import './styles/header.css';
import './styles/states.css';
import './styles/board.css';
import './styles/rows.css';
import './styles/time.css';
import './styles/session.css';
import './styles/modes.css';
import './styles/dialogs.css';
import './styles/narrow.css';

takeToken();
// The link with the token may be opened in a tab that already shows the page. This listener comes before the page's own ones, so
// that they see the address without the token.
window.addEventListener('hashchange', takeToken);
const store = new PageStore(inNextFrame);
connectFeed(appUrl('events'), access, (message) => store.apply(message));

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <PageContext value={store}>
        <App />
      </PageContext>
    </StrictMode>,
  );
}
