import type { EventType, StructuredEvent } from '../../../protocol/event.ts';
import type { FunctionResult } from '../../../protocol/result.ts';
import { systemClock, type Clock } from '../clock.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { StatewireFunction } from '../define-function.ts';
import type { ReceivedEvent } from '../event.ts';
import type { HttpHostOptions } from '../host-options.ts';
import { run } from '../run.ts';
import { eventFor, type EventOptions, type TestObject } from './event-for.ts';
import { MEMORY_HOSTS, type HostName } from './memory-hosts.ts';

export interface TestFunctionOptions {
  /** The adapter through which events go and answers come. @defaultValue none: event in, result out */
  readonly host?: HostName;
  /** What handlers get as `cluster`. */
  readonly cluster?: Cluster;
  readonly clock?: Clock;
}

export interface TestOutcome {
  /** As the forwarder would read it. */
  readonly result: FunctionResult;
  /** HTTP status, on hosts that have one. */
  readonly status?: number;
  /** What was thrown, where no host came in between. */
  readonly thrown?: unknown;
  /** Lines that were logged, parsed. */
  readonly logs: readonly Readonly<Record<string, unknown>>[];
}

/** A function in a test: say what happened to an object, get what is answered. */
export interface TestFunction {
  created(object: TestObject, options?: EventOptions): Promise<TestOutcome>;
  updated(object: TestObject, options?: EventOptions): Promise<TestOutcome>;
  deleted(object: TestObject, options?: EventOptions): Promise<TestOutcome>;
  /** Any event, in structured form. */
  send(event: ReceivedEvent | StructuredEvent): Promise<TestOutcome>;
}

/**
 * Runs events through a function and, where a host is named, its adapter, in memory. Events are complete: a test says
 * what it is about (`{ metadata: { name }, spec }`), the rest is filled in.
 */
export function testFunction(fn: StatewireFunction, options: TestFunctionOptions = {}): TestFunction {
  const { host, cluster, clock = systemClock } = options;
  const send = async (event: ReceivedEvent | StructuredEvent): Promise<TestOutcome> => {
    const logs: Readonly<Record<string, unknown>>[] = [];
    const surroundings: HttpHostOptions = {
      clock,
      cluster,
      writeLog: (line) => void logs.push(JSON.parse(line) as Record<string, unknown>),
      // A test sends what it likes, in any order.
      skipStale: false,
    };
    if (host === undefined) {
      const { result, ...rest } = await run(fn, JSON.parse(JSON.stringify(event)), {}, surroundings);
      return { result, logs, ...rest };
    }
    const { result, status } = await MEMORY_HOSTS[host](fn, event as ReceivedEvent, surroundings);
    return { result, logs, ...(status !== undefined && { status }) };
  };
  const sender =
    (type: EventType): TestFunction['created'] =>
    (object, how) =>
      send(eventFor(fn.resource, type, object, how, clock.now()));
  return { created: sender('Created'), updated: sender('Updated'), deleted: sender('Deleted'), send };
}
