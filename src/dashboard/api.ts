import type { AutonomousSession, AutonomousSessionDetails, FeedEvent, HandlerResult } from '../handlers/index.js';
import type { Access } from './feed-connection.js';

const TOKEN_KEY = 'autonomous-orchestration-token';

/** The URL of a path below the path at which the app is mounted. */
export function appUrl(path: string): URL {
  return new URL(path, new URL('.', document.baseURI.replace(/#.*$/, '')));
}

/** Moves the token from the address into the storage of this tab, so that the token is not kept in the browser's history. */
export function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  sessionStorage.setItem(TOKEN_KEY, token);
  tokens.dispatchEvent(new Event('change'));
}

const tokens = new EventTarget();

/** Whether this page has the token, and so may change something. */
export function mayAct(): boolean {
  return sessionStorage.getItem(TOKEN_KEY) !== null;
}

/** Calls the listener when the page gets or loses its token. Returns a function that removes the listener. */
function onToken(listener: () => void): () => void {
  tokens.addEventListener('change', listener);
  return () => tokens.removeEventListener('change', listener);
}

function forgetToken(): void {
  sessionStorage.removeItem(TOKEN_KEY);
  tokens.dispatchEvent(new Event('change'));
}

function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** Authorizes the page's requests. */
export const access: Access = { headers, refused: forgetToken, onChange: onToken };

/** The server refused a request because the token was missing or wrong. */
export class TokenRefused extends Error {}

/** @throws TokenRefused, or an Error with the server's message */
async function request<Data>(path: string, init?: RequestInit): Promise<Data> {
  const all = { ...init, headers: { ...headers(), ...init?.headers } };
  const response = await fetch(appUrl(path), all).catch(() => {
    throw new Error('The server cannot be reached.');
  });
  const answer: HandlerResult<Data> = await response.json().catch(() => ({
    success: false,
    error: `The server answered with status ${response.status}.`,
  }));
  if (answer.success) return answer.data;
  if (response.status === 401) {
    // The token belonged to an earlier server at this address.
    forgetToken();
    throw new TokenRefused('The token is not valid any more: open the link that the server printed.');
  }
  throw new Error(answer.error);
}

function sessionPath(id: string, rest = ''): string {
  return `api/autonomous-sessions/${encodeURIComponent(id)}${rest}`;
}

export function fetchDetails(id: string): Promise<AutonomousSessionDetails> {
  return request(sessionPath(id));
}

export function fetchEvents(id: string): Promise<FeedEvent[]> {
  return request(sessionPath(id, '/events'));
}

/** Actions on a session. The names are those of the server's routes. */
export type SessionAction = 'cancel' | 'pause' | 'resume' | 'continue' | 'steer' | 'approve' | 'deny' | 'answer';

export function act(id: string, action: SessionAction, body: object = {}): Promise<unknown> {
  return post(sessionPath(id, `/${action}`), body);
}

/** @param account default: all holds */
export function releaseQueue(account: string | undefined): Promise<unknown> {
  return post('api/autonomous-queue/release', account === undefined ? {} : { account });
}

export function createSession(options: object): Promise<AutonomousSession> {
  return post('api/autonomous-sessions', options);
}

function post<Data>(path: string, body: object): Promise<Data> {
  return request(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
}
