import { EventEmitter as NodeEmitter } from 'node:events';
import { EventEmitter as Emitter3 } from 'eventemitter3';
import { default as mittModule } from 'mitt';
import { IsolatedEmitter } from '../../src/core/orchestration/util/isolated-emitter.js';
import { answer, collectGarbage } from './child.js';

interface Told {
  readonly sessionId: string;
  readonly at: number;
}
type Listener = (event: Told) => void;
type Emit = (event: Told) => void;
type Events = { told: Told };

/** Its types say wrongly that it is a CommonJS module. */
const mitt = mittModule as unknown as typeof mittModule.default;

const NAME = 'told';
/** What a user of an emitter without isolation writes, so that a listener that throws disturbs nobody. */
const guarded =
  (listener: Listener): Listener =>
  (event) => {
    try {
      listener(event);
    } catch (error) {
      console.error(error);
    }
  };

const CONTENDERS = {
  isolated: (listeners) => {
    const emitter = new IsolatedEmitter<{ told: [Told] }>();
    for (const listener of listeners) emitter.on(NAME, listener);
    return (event) => void emitter.emit(NAME, event);
  },
  /** No emitter, and nothing that protects a listener from another one. */
  loop: (listeners) => (event) => {
    for (const listener of listeners) listener(event);
  },
  eventemitter3: (listeners) => {
    const emitter = new Emitter3<{ told: [Told] }>();
    for (const listener of listeners) emitter.on(NAME, guarded(listener));
    return (event) => void emitter.emit(NAME, event);
  },
  mitt: (listeners) => {
    const emitter = mitt<Events>();
    for (const listener of listeners) emitter.on(NAME, guarded(listener));
    return (event) => emitter.emit(NAME, event);
  },
  'node:events': (listeners) => {
    const emitter = new NodeEmitter();
    for (const listener of listeners) emitter.on(NAME, guarded(listener));
    return (event) => void emitter.emit(NAME, event);
  },
} satisfies Record<string, (listeners: readonly Listener[]) => Emit>;

export type EmitterName = keyof typeof CONTENDERS;

const EVENTS = 1_000_000;
const ROUNDS = 9;

let sum = 0;
const listeners: readonly Listener[] = [
  (event) => {
    sum += event.at;
  },
  ({ sessionId }) => {
    sum += sessionId.length;
  },
  ({ at }) => {
    if (at % 2 === 0) sum++;
  },
];

const emit: Emit = CONTENDERS[process.argv[2] as EmitterName](listeners);
const events: readonly Told[] = Array.from({ length: 64 }, (_, at) => ({ sessionId: `session-${at}`, at }));
const measured: number[] = [];
for (let round = -2; round < ROUNDS; round++) {
  collectGarbage();
  const cpu = process.cpuUsage();
  for (let count = 0; count < EVENTS; count++) emit(events[count & 63] as Told);
  const { user, system } = process.cpuUsage(cpu);
  if (round >= 0) measured.push((1_000 * (user + system)) / EVENTS); // The first rounds are a warm-up.
}
if (sum === 0) throw new Error('No listener was called.');
/** Nanoseconds of CPU an event. */
answer(measured);
