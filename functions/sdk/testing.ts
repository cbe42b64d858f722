/** `@statewire/functions/testing`: functions in tests, with hosts and a cluster in memory. */
export { eventFor, type EventOptions, type TestObject } from './testing/event-for.ts';
export { MemoryCluster } from './testing/memory-cluster.ts';
export type { HostName } from './testing/memory-hosts.ts';
export { recordEvents, replayEvents, type RecordedRun, type ReplayedRun } from './testing/record-events.ts';
export {
  testFunction,
  type TestFunction,
  type TestFunctionOptions,
  type TestOutcome,
} from './testing/test-function.ts';
