import type { Danger } from 'autonomous-orchestration';
import { describe, expect, it } from 'vitest';
import { type FeedItem, SessionFeed } from '../../src/dashboard/session-feed.js';
import type { AutonomousSessionDetails, FeedEvent } from '../../src/handlers/index.js';
import { sessionDetails } from '../../src/handlers/session-view.js';
import { guardRequest, observed, runningSession } from '../support/sessions.js';

type Told<Event> = Event extends FeedEvent
  ? Omit<Event, 'id' | 'sessionId' | 'at'> & { at?: number; replayed?: true }
  : never;

/** Events with ids in order, each ten milliseconds after the one before it. */
function eventsFrom(firstId: number, firstAt: number, ...told: Told<FeedEvent>[]): FeedEvent[] {
  return told.map(
    (event, index) => ({ sessionId: 'session', at: firstAt + index * 10, ...event, id: firstId + index }) as FeedEvent,
  );
}

const CREATED = { type: 'session:created' } as const;
const DANGER: Danger = { level: 'warning', rule: 'git.push', reason: 'leaves the machine' };

function said(text: string): Told<FeedEvent> {
  return { type: 'session:message', text };
}

function called(id: string, more: { danger?: Danger; parentToolUseId?: string } = {}): Told<FeedEvent> {
  return { type: 'session:tool', tool: { id, name: 'Bash', input: { command: id }, startedAt: 0, ...more } };
}

function answered(toolUseId: string, output = 'done'): Told<FeedEvent> {
  return { type: 'session:tool-result', toolUseId, outcome: 'ok', output, durationMs: 7 };
}

function endangered(toolUseId: string, danger = DANGER): Told<FeedEvent> {
  return { type: 'session:danger', danger: { ...danger, at: 0, tool: 'Bash', toolUseId } };
}

/** The record of a session whose agent said `old 1`, called `t` and said `old 2`, at 100, 110 and 120. */
function details(): AutonomousSessionDetails {
  return sessionDetails(
    observed(
      runningSession(),
      { kind: 'message', text: 'old 1', first: true },
      { kind: 'tool', id: 't', name: 'Bash', input: { command: 't' }, danger: DANGER },
      { kind: 'message', text: 'old 2', first: true },
    ),
  );
}

function quote(item: FeedItem): string {
  switch (item.kind) {
    case 'tool':
      return `tool ${(item.input as { command: string }).command}: ${item.outcome ?? 'open'} ${item.output ?? ''}`.trim();
    case 'note':
      return `${item.title} ${item.text}`.trim();
    case 'message':
      return `${item.by ?? 'message'} ${item.text}`;
    default:
      return `${item.kind} ${item.text}`;
  }
}

function list(feed: SessionFeed): string[] {
  return feed.items.map(quote);
}

describe('the items of a session feed', () => {
  it('a feed without events has the record in order of time', () => {
    const feed = new SessionFeed(details(), []);
    expect(list(feed)).toEqual(['Created', 'message old 1', 'tool t: open', 'message old 2']);
    expect(feed.items.map(({ at }) => at)).toEqual([1, 100, 110, 120]);
  });

  it('a feed has only the events if they include the beginning of the session', () => {
    const events = eventsFrom(5, 1, CREATED, { ...said('old 1'), at: 100 }, { ...called('t'), at: 110 });
    expect(list(new SessionFeed(details(), events))).toEqual(['Created', 'message old 1', 'tool t: open']);
  });

  it('a feed has the record up to its first event, and nothing twice', () => {
    const feed = new SessionFeed(details(), eventsFrom(5, 120, said('old 2'), answered('t'), said('new')));
    expect(list(feed)).toEqual(['Created', 'message old 1', 'tool t: ok done', 'message old 2', 'message new']);
  });

  it('an event that a new process reads again is shown once, with the time of the log', () => {
    // The record has the events that were read again at that same time, which is before the recovery.
    const events = eventsFrom(
      1,
      500,
      { type: 'session:recovered' },
      { ...said('old 1'), at: 100, replayed: true },
      { ...called('t'), at: 100, replayed: true },
      { ...said('old 2'), at: 100, replayed: true },
    );
    expect(list(new SessionFeed(details(), events))).toEqual([
      'Created',
      'Taken over from an earlier process',
      'message old 1',
      'tool t: open',
      'message old 2',
    ]);
  });

  it('a feed has each event once and skips known events', () => {
    const events = eventsFrom(5, 200, said('1'), said('2'));
    const feed = new SessionFeed(details(), events);
    const { length } = feed.items;
    const { version } = feed;
    for (const event of events) feed.add(event);
    expect([feed.items.length, feed.version]).toEqual([length, version]);
    for (const event of [...events, ...eventsFrom(7, 220, said('3'))]) feed.add(event);
    expect(list(feed).slice(-3)).toEqual(['message 1', 'message 2', 'message 3']);
    expect(feed.version).toBe(version + 1);
  });
});

describe('messages to the agent', () => {
  it('a feed from events shows messages to the agent apart from its own', () => {
    const events = eventsFrom(1, 1, CREATED, { type: 'session:prompt', text: 'Faster' }, said('I hurry'));
    expect(list(new SessionFeed(details(), events))).toEqual(['Created', 'person Faster', 'message I hurry']);
  });

  it('a typed message is shown once as a prompt, and a message through hooks as heard', () => {
    const steered = (message: string): Told<FeedEvent> => ({ type: 'session:steered', message });
    const prompted = (text: string): Told<FeedEvent> => ({ type: 'session:prompt', text });
    const events = eventsFrom(1, 1, CREATED, steered('a'), prompted('a'), steered('b'), called('t'), prompted('c'));
    for (const event of eventsFrom(7, 70, answered('t'))) events.push(event);
    expect(list(new SessionFeed(details(), events))).toEqual([
      'Created',
      'person a',
      'Delivered to the agent b',
      'tool t: ok done',
      'person c',
    ]);
  });

  it('a feed from the record shows messages to the agent apart from its own', () => {
    const session = observed(
      runningSession(),
      { kind: 'prompt', text: 'Faster' },
      { kind: 'message', text: 'I hurry', first: true },
    );
    expect(list(new SessionFeed(sessionDetails(session), []))).toEqual(['Created', 'person Faster', 'message I hurry']);
  });
});

it('a feed shows what a session waits for and when it continues', () => {
  const events = eventsFrom(
    1,
    1,
    CREATED,
    ...(['person', 'children', 'slot'] as const).map(
      (waitingFor) => ({ type: 'session:waiting', waitingFor }) as const,
    ),
    { type: 'session:working' },
  );
  expect(list(new SessionFeed(details(), events))).toEqual([
    'Created',
    'Waits for your message',
    'Waits for its children',
    'Waits for a slot to continue',
    'Works again',
  ]);
});

describe('a tool call', () => {
  it('a result replaces the item of its tool call in place, under the same key', () => {
    const feed = new SessionFeed(details(), eventsFrom(1, 1, CREATED, called('a'), called('b'), said('between')));
    const before = feed.items[1];
    const { version } = feed;
    for (const event of eventsFrom(5, 50, answered('b', 'of b'), answered('a', 'of a'))) feed.add(event);
    expect(list(feed)).toEqual(['Created', 'tool a: ok of a', 'tool b: ok of b', 'message between']);
    expect(feed.items[1]).toEqual({ ...before, outcome: 'ok', output: 'of a', durationMs: 7 });
    // A row is drawn again only if its item is another object.
    expect(feed.items[1]).not.toBe(before);
    expect(feed.version).toBe(version + 2);
  });

  it('a tool call keeps its first result, and a result without a call is no item', () => {
    const events = eventsFrom(
      1,
      1,
      CREATED,
      called('a'),
      answered('a', 'first'),
      answered('a', 'again'),
      answered('x'),
    );
    expect(list(new SessionFeed(details(), events))).toEqual(['Created', 'tool a: ok first']);
  });

  it('a tool call shows whether a subagent made it', () => {
    const events = eventsFrom(1, 1, CREATED, called('a'), called('b', { parentToolUseId: 'a' }));
    expect(new SessionFeed(details(), events).items.slice(1)).toMatchObject([{ sub: false }, { sub: true }]);
  });

  it.each<[string, SessionFeed]>([
    ['events', new SessionFeed(details(), eventsFrom(1, 1, CREATED, called('t', { danger: DANGER }), endangered('t')))],
    ['the record', new SessionFeed(details(), [])],
  ])('a danger is part of its tool call, not a separate item, in a feed from %s', (_, feed) => {
    expect(feed.items.filter(({ kind }) => kind !== 'message')).toMatchObject([
      { title: 'Created' },
      { kind: 'tool', danger: DANGER },
    ]);
  });

  const BREACH: Danger = { level: 'critical', rule: 'guard.bypassed', reason: 'It ran without leave.' };

  it('a feed from events shows the danger of a call past the guard', () => {
    const events = eventsFrom(1, 1, CREATED, called('t', { danger: DANGER }), answered('t'), endangered('t', BREACH));
    expect(list(new SessionFeed(details(), events)).at(-1)).toBe('danger Bash: It ran without leave.');
  });

  it('a feed from the record shows the danger of a call past the guard', () => {
    const session = observed(
      runningSession(),
      { kind: 'tool', id: 't', name: 'Bash', input: { command: 't' }, danger: DANGER },
      { kind: 'tool-result', toolUseId: 't', outcome: 'ok', output: '' },
      { kind: 'breach', id: 't', name: 'Bash', danger: BREACH },
    );
    expect(list(new SessionFeed(sessionDetails(session), []))).toEqual([
      'Created',
      'tool t: ok',
      'danger Bash: It ran without leave.',
    ]);
  });
});

it('errors and dangers are the same in a feed from the record and from events', () => {
  const error = { severity: 'critical', code: 'disk_full', message: 'no space' } as const;
  const nextStep = 'Free space';
  const planted = { level: 'critical', rule: 'git.planted', reason: 'a hook' } as const;
  const session = observed(
    runningSession(),
    { kind: 'error', ...error },
    { kind: 'danger', id: '', name: 'git', danger: planted },
  );
  const events = eventsFrom(
    1,
    1,
    CREATED,
    { type: 'session:error', error: { ...error, nextStep, at: 100 } },
    { type: 'session:danger', danger: { ...planted, at: 110, tool: 'git', toolUseId: '' } },
  );
  for (const feed of [new SessionFeed(sessionDetails(session), []), new SessionFeed(details(), events)]) {
    expect(feed.items.slice(1)).toMatchObject([
      {
        kind: 'error',
        severity: 'critical',
        text: 'disk_full: no space',
        nextStep: expect.stringContaining(nextStep),
      },
      { kind: 'danger', level: 'critical', text: 'git: a hook' },
    ]);
  }
});

it('a feed shows what a person or the manager did', () => {
  const request = guardRequest('r');
  const { runs } = runningSession();
  const [run = { number: 1 }] = runs;
  const events = eventsFrom(
    1,
    1,
    CREATED,
    { type: 'session:queued', position: 2 },
    { type: 'session:started', run },
    { type: 'session:approval', state: 'asked', request },
    { type: 'session:approval', state: 'denied', request, by: 'person', note: 'not today' },
    { type: 'session:denied', denial: { toolUseId: 't', tool: 'Bash', input: {}, reason: 'not today', by: 'person' } },
    { type: 'session:steered', message: 'look there' },
    { type: 'session:paused' },
    { type: 'session:resumed' },
    { type: 'session:paused', resumeAt: 9 },
    { type: 'session:continued', feedback: 'once more' },
    { type: 'session:failed', result: { reason: 'timeout', error: 'too long' } },
    { type: 'session:cancelled', result: { reason: 'cancelled' } },
    { type: 'session:completed', result: { reason: 'success', text: 'All done.' } },
  );
  expect(list(new SessionFeed(details(), events))).toEqual([
    'Created',
    'Waits for a slot, at position 2',
    'Run 1 started',
    'Asks to run Bash',
    'Bash was denied (person) not today',
    'Bash was blocked (person) not today',
    'Delivered to the agent look there',
    'Paused',
    'Resumed',
    'Paused until the usage limit is reset',
    'Continued with feedback once more',
    'Failed: timeout too long',
    'Cancelled',
    'Completed All done.',
  ]);
});

it('a feed drops its oldest items beyond 100,000, and results reach only the calls that are kept', () => {
  const feed = new SessionFeed(details(), eventsFrom(1, 1, CREATED, called('early')));
  let id = 3;
  const add = (told: Told<FeedEvent>): void => {
    for (const event of eventsFrom(id++, 100, told)) feed.add(event);
  };
  while (feed.items.length < 60_000) add(said('x'));
  add(called('late'));
  while (feed.items.length < 100_000) add(said('x'));
  expect(feed.items[1]?.kind).toBe('tool');
  add(called('latest'));
  expect(feed.items).toHaveLength(90_001);
  add(called('after'));

  const before = [...feed.items];
  add(answered('early'));
  expect(feed.items).toEqual(before);
  add(answered('late', 'of late'));
  add(answered('latest', 'of latest'));
  add(answered('after', 'of after'));
  expect(quote(feed.items[50_000] as FeedItem)).toBe('tool late: ok of late');
  expect(quote(feed.items[90_000] as FeedItem)).toBe('tool latest: ok of latest');
  expect(quote(feed.items[90_001] as FeedItem)).toBe('tool after: ok of after');
  expect(feed.items.filter(({ kind }) => kind === 'tool')).toHaveLength(3);
  expect(new Set(feed.items.map(({ key }) => key)).size).toBe(90_002);
});

it('a feed has a point for cost and tokens at each change', () => {
  const events = eventsFrom(
    1,
    1_000,
    CREATED,
    { ...said('1'), tokens: 10 },
    { ...said('2'), tokens: 10 },
    { ...said('3'), tokens: 10, costUsd: 0.5 },
    { ...said('4'), tokens: 20, costUsd: 0.5 },
    { ...said('5'), tokens: 20, costUsd: 0.5 },
    said('6'),
  );
  expect(new SessionFeed(details(), events).usage).toEqual({
    times: [1.01, 1.03, 1.04],
    cost: [null, 0.5, 0.5],
    tokens: [10, 10, 20],
  });
});
