import { revealed } from '../format.js';

interface Props {
  name: string;
  value: string | undefined;
  className?: string | undefined;
}

/** A line in a list of facts. If the value is undefined, there is no line. */
export function Fact({ name, value, className }: Props): React.ReactNode {
  if (value === undefined) return null;
  return (
    <div>
      <dt>{name}</dt>
      <dd className={className}>{revealed(value)}</dd>
    </div>
  );
}
