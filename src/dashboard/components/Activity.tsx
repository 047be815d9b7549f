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

interface Props {
  feed: SessionFeed;
  /** Changes whenever the feed changes. */
  version: number;
  /** Whether the session has ended. Then a tool call without a result is shown as interrupted. */
  isOver: boolean;
}

/** Everything that happened in a session, the latest last. */
export function Activity({ feed, version, isOver }: Props): React.ReactNode {
  /** The keys of opened items. Rows are removed and drawn again while scrolling, and opened ones have to stay open. */
  const [opened] = useState(() => new Set<string>());
  const [filter, setFilter] = useState<keyof typeof FILTERS>('All');
  // biome-ignore lint/correctness/useExhaustiveDependencies: items change in place, only the version shows a change
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
        <legend className="hidden">Filter the activity</legend>
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
        row={(item) => <Item item={item} opened={opened} isOver={isOver} />}
      />
    </>
  );
}

interface ItemProps<Kind = FeedItem> {
  item: Kind;
  opened: Set<string>;
  isOver: boolean;
}

const Item = memo(function Item({ item, opened, isOver }: ItemProps): React.ReactNode {
  return (
    <div className={`item ${item.kind}`}>
      <time dateTime={new Date(item.at).toISOString()} title={new Date(item.at).toLocaleString('en-GB')}>
        {timeOfDay(item.at)}
      </time>
      <div>
        <Content item={item} opened={opened} isOver={isOver} />
      </div>
    </div>
  );
});

function Content({ item, opened, isOver }: ItemProps): React.ReactNode {
  switch (item.kind) {
    case 'message':
      return (
        <p className={`text ${item.by ?? ''}`}>
          {item.by && <b>person </b>}
          {item.sub && <span className="sub">subagent </span>}
          {revealed(item.text)}
        </p>
      );
    case 'tool':
      return <ToolCall item={item} opened={opened} isOver={isOver} />;
    case 'error':
      return (
        <p className={`text severity ${item.severity}`}>
          <b>{item.severity}</b> {revealed(item.text)}
          {item.nextStep !== undefined && <i> {item.nextStep}</i>}
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

function ToolCall({ item, opened, isOver }: ItemProps<ToolItem>): React.ReactNode {
  const { key, name, input, outcome, durationMs, output, danger, sub } = item;
  return (
    <details
      open={opened.has(key)}
      onToggle={({ currentTarget: { open } }) => {
        if (open) opened.add(key);
        else opened.delete(key);
      }}
    >
      <summary>
        {sub && <span className="sub">subagent </span>}
        <b>{revealed(name)}</b> <code>{inputLine(name, input)}</code>
        {danger && <span className={`severity ${danger.level}`}>{danger.level}</span>}
        <span className={`outcome ${outcome ?? 'open'}`}>
          {outcome ?? (isOver ? 'interrupted' : 'running')}
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
