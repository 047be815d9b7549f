import { inputParts } from '../format.js';

/** All that a tool is given. */
export function ToolInput({ tool, input }: { tool: string; input: unknown }): React.ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard
    <div className="input" tabIndex={0}>
      {inputParts(tool, input).map(({ name, text }) => (
        <div key={name ?? ''}>
          {name !== undefined && <b>{name}</b>}
          <pre>{text}</pre>
        </div>
      ))}
    </div>
  );
}
