import { memo, type Ref } from 'react';
import { inputParts } from '../format.js';

interface Props {
  tool: string;
  input: unknown;
  box?: Ref<HTMLDivElement>;
  onScroll?: () => void;
}

/** The whole input of a tool call. */
export const ToolInput = memo(function ToolInput({ tool, input, box, onScroll }: Props): React.ReactNode {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling box has to be reachable by keyboard
    <div className="input" tabIndex={0} ref={box} onScroll={onScroll}>
      {inputParts(tool, input).map(({ name, text }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: different names may look the same when they are shown
        <div key={index}>
          {name !== undefined && <b>{name}</b>}
          <pre>{text}</pre>
        </div>
      ))}
    </div>
  );
});
