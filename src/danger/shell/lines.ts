import type { Redirection } from 'unbash';
import type { Variable } from './scope.js';
import { ANY, SEGMENT, SILENT, type Stream, type Value } from './value.js';

/** At most this many alternatives of one command line are looked at. */
const MAX_COMBINATIONS = 16;
const MAX_LOOP_VALUES = 8;

/** All command lines that the alternatives of the words make. If there are too many, each alternative occurs at least once. */
export function combinations(words: readonly (readonly (readonly Value[])[])[]): readonly Value[][] {
  const count = words.reduce((product, alternatives) => Math.min(product * alternatives.length, 1_000), 1);
  if (count === 1) return [words.flatMap((alternatives) => alternatives[0] ?? [])];
  if (count <= MAX_COMBINATIONS) {
    return words.reduce<Value[][]>(
      (lines, alternatives) => lines.flatMap((line) => alternatives.map((fields) => [...line, ...fields])),
      [[]],
    );
  }
  const most = Math.max(...words.slice(0, 64).map((alternatives) => alternatives.length));
  return Array.from({ length: most }, (_, index) =>
    words.flatMap((alternatives) => alternatives[index % alternatives.length] ?? []),
  );
}

/** What a loop's variable may hold. */
export function loopVariable(words: readonly Value[]): Variable {
  if (words.length <= MAX_LOOP_VALUES) return { values: words };
  const origin = words.reduce((all, value) => all | value.origin, 0);
  const isSegment = words.every(({ text }) => !text.includes('/') && !text.includes(ANY));
  return { values: [...words.slice(0, MAX_LOOP_VALUES), { text: isSegment ? SEGMENT : ANY, origin }] };
}

/** The output of several commands, one after the other. */
export function concatenated(outputs: readonly Stream[]): Stream {
  const [only] = outputs;
  if (outputs.length === 1 && only) return only;
  let text: string | undefined = '';
  let origin = 0;
  for (const output of outputs) {
    origin |= output.origin;
    text = text === undefined || output.text === undefined ? undefined : text + output.text;
  }
  return outputs.length === 0 ? SILENT : { text, origin };
}

/** Whether nothing is left of the standard output for a pipe. */
export function redirectsOutput(redirects: readonly Redirection[]): boolean {
  return redirects.some(
    (redirect) =>
      redirect.type === 'Redirect' &&
      /^(&?>{1,2}|>\|)$/.test(redirect.operator) &&
      (redirect.descriptor?.type !== 'FileDescriptor' || redirect.descriptor.value === 1),
  );
}
