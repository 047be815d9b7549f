import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './App.js';
import { appUrl, takeToken } from './api.js';
import { connectFeed } from './feed-connection.js';
import { inNextFrame, PageContext } from './page-context.js';
import { PageStore } from './page-store.js';
import './styles.css';

takeToken();
const store = new PageStore(inNextFrame);
connectFeed(appUrl('events'), (message) => store.apply(message));

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
