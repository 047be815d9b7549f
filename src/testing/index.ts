export { type DetachedCall, type FakeChannelCoder, fakeChannelCoder } from './fake-channelcoder.js';
export { recordedRun, type ScriptedRunOptions, type ScriptedTurn, scriptedRun } from './scripted-run.js';
export {
  SimulatedExecutor,
  type SimulatedRun,
  type SimulatedScript,
  type SimulatedStep,
} from './simulated-executor.js';
export { testManager } from './test-manager.js';
