/**
 * Host names for many calls at once: those that want the same name share one question. The system asks on one of a few
 * threads, and a name server that does not answer holds it for many seconds; so one name holds one of them.
 */
import { type LookupAddress, type LookupAllOptions, type LookupOptions, lookup } from 'node:dns';

type Answer = (error: Error | null, addresses: LookupAddress[]) => void;
export type Lookup = (hostname: string, options: LookupAllOptions, answer: Answer) => void;

const systemLookup: Lookup = (hostname, options, answer) => lookup(hostname, options, answer);

/** Asks for all addresses of a name. Whoever shares one of these is taken to ask with the same options. */
export function sharedLookup(
  ask: Lookup = systemLookup,
): (hostname: string, options: LookupOptions, answer: Answer) => void {
  const waiting = new Map<string, Answer[]>();
  return (hostname, options, answer) => {
    const others = waiting.get(hostname);
    if (others !== undefined) {
      others.push(answer);
      return;
    }
    const all = [answer];
    waiting.set(hostname, all);
    ask(hostname, { ...options, all: true }, (error, addresses) => {
      waiting.delete(hostname);
      for (const one of all) one(error, addresses);
    });
  };
}
