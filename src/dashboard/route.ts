import { useSyncExternalStore } from 'react';

/** What the page shows. The part of the address after the `#` says it. */
export type Route =
  | { readonly page: 'board' }
  | { readonly page: 'timeline' }
  | { readonly page: 'session'; id: string };

export function parseRoute(hash: string): Route {
  const [page, id] = hash.replace(/^#\/?/, '').split('/');
  if (page === 'timeline') return { page };
  if (page === 'sessions' && id) return { page: 'session', id: decoded(id) };
  return { page: 'board' };
}

export function sessionHref(id: string): string {
  // A parent's id can be any text. `encodeURIComponent` throws for half a surrogate pair.
  return `#/sessions/${encodeURIComponent(id.replaceAll(/\p{Surrogate}/gu, '\ufffd'))}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function subscribe(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => location.hash));
}
