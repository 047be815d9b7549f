import { memo, useMemo, useState } from 'react';
import { duration, inputLine, revealed, timeOfDay } from '../format.js';
import type { FeedItem, SessionFeed, ToolItem } from '../session-feed.js';
import { ToolInput } from './ToolInput.js';
import { VirtualList } from './VirtualList.js';

const FILTERS = {
  All: () => true,
  Messages: ({ kind }) => kind === 'message',
  'Tool calls': ({ kind }) => kind === 'tool',
  Problems: (item) =>
    item.kind === 'error' || item.kind === 'danger' || (item.kind === 'tool' && (!!item.danger || isBad(item))),
} as const satisfies Record<string, (item: FeedItem) => boolean>;

/** Everything that happened in a session, the latest last. */
export function Activity({ feed, version }: { feed: SessionFeed; version: number }): React.ReactNode {
  const [filter, setFilter] = useState<keyof typeof FILTERS>('All');
  // biome-ignore lint/correctness/useExhaustiveDependencies: items change in place, the version tells
  const items = useMemo(
    () => (filter === 'All' ? feed.items : feed.items.filter(FILTERS[filter])),
    [feed, version, filter],
  );
  return (
    <>
      <h2>
        Activity <span>{items.length.toLocaleString('en')}</span>
      </h2>
      <fieldset className="filters">
        <legend className="hidden">What is shown</legend>
        {Object.keys(FILTERS).map((name) => (
          <button
            key={name}
            type="button"
            aria-pressed={name === filter}
            onClick={() => setFilter(name as keyof typeof FILTERS)}
          >
            {name}
          </button>
        ))}
      </fieldset>
      <VirtualList
        label="Activity of the session"
        className="activity"
        follow
        items={items}
        keyOf={({ key }) => key}
        rowHeight={36}
        row={(item) => <Item item={item} />}
      />
    </>
  );
}

const Item = memo(function Item({ item }: { item: FeedItem }): React.ReactNode {
  return (
    <div className={`item ${item.kind}`}>
      <time dateTime={new Date(item.at).toISOString()}>{timeOfDay(item.at)}</time>
      <div>
        <Content item={item} />
      </div>
    </div>
  );
});

function Content({ item }: { item: FeedItem }): React.ReactNode {
  switch (item.kind) {
    case 'message':
      return (
        <p className="text">
          {item.sub && <span className="sub">subagent </span>}
          {revealed(item.text)}
        </p>
      );
    case 'tool':
      return <ToolCall tool={item} />;
    case 'error':
      return (
        <p className={`text severity ${item.severity}`}>
          <b>{item.severity}</b> {revealed(item.text)}
        </p>
      );
    case 'danger':
      return (
        <p className={`text severity ${item.level}`}>
          <b>danger</b> {revealed(item.text)}
        </p>
      );
    case 'note':
      return (
        <p className="text">
          <b>{revealed(item.title)}</b> {revealed(item.text)}
        </p>
      );
  }
}

function ToolCall({ tool }: { tool: ToolItem }): React.ReactNode {
  const { name, input, outcome, durationMs, output, danger, sub } = tool;
  return (
    <details>
      <summary>
        {sub && <span className="sub">subagent </span>}
        <b>{revealed(name)}</b> <code>{inputLine(name, input)}</code>
        {danger && <span className="severity critical">{danger.level}</span>}
        <span className={`outcome ${outcome ?? 'open'}`}>
          {outcome ?? 'running'}
          {durationMs !== undefined && ` ${duration(durationMs)}`}
        </span>
      </summary>
      {danger && <p className="text">{revealed(danger.reason)}</p>}
      <ToolInput tool={name} input={input} />
      {output !== undefined && <pre className="output">{revealed(output)}</pre>}
    </details>
  );
}

function isBad({ outcome }: ToolItem): boolean {
  return outcome === 'error' || outcome === 'denied';
}
