import {
  customResource,
  defineFunction,
  done,
  retryAfter,
  type ContextOf,
  type KubernetesObject,
  type StatewireFunction,
  type StatusStatement,
} from '@statewire/functions';
import * as z from 'zod';
import type { Refusal } from './backend.ts';

const spec = z.object({
  email: z.string(),
  displayName: z.string(),
  plan: z.enum(['Free', 'Team', 'Enterprise']),
  costCenter: z.string().optional(),
});

const UserProvisioningRequest = customResource({
  group: 'identity.example.com',
  version: 'v1',
  kind: 'UserProvisioningRequest',
  spec,
});

export interface ProvisioningSpec {
  readonly email: string;
  readonly displayName: string;
  readonly plan: 'Free' | 'Team' | 'Enterprise';
  readonly costCenter?: string | undefined;
}

export interface Part {
  /** Whose field manager states this part of the status. */
  readonly name: string;
  readonly condition: string;
  /** What the status tells of it, once it is there. */
  readonly identity?: { readonly field: string; readonly of: (uid: string) => string };
  /** Brings about what the spec says; called again, it changes nothing. */
  readonly provide: (
    uid: string,
    spec: ProvisioningSpec,
    signal: AbortSignal,
  ) => Promise<Refusal | undefined>;
  readonly withdraw?: (uid: string, signal: AbortSignal) => Promise<unknown>;
}

/** Repeats of one step, before the event is left to come again: an object that changes all the time. */
const MAX_ROUNDS = 5;

/**
 * One of several functions that get the same events, each for a part of the work. A broker repeats, after a failure an
 * older event may come behind a newer one, and two events of one object may be worked on at once. So the event only says
 * which object to look at. What is done is what the object says now; and since it may change while that is being done, it
 * is looked at once more afterwards: whoever comes last has seen the newest state. Each part states its own condition,
 * whatever the others do.
 */
export function consumer(part: Part): StatewireFunction {
  const { name, provide, withdraw } = part;
  const step = async (context: ContextOf<typeof UserProvisioningRequest>): Promise<void> => {
    const { object, cluster, signal, log } = context;
    const { uid } = object.metadata;
    let seen: number | undefined;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const newest = await cluster.get({
        apiVersion: object.apiVersion,
        kind: object.kind,
        name: object.metadata.name,
        namespace: object.metadata.namespace,
      });
      if (newest?.metadata.uid !== uid || newest.metadata.deletionTimestamp !== undefined) {
        // Gone, or made anew, which has events of its own. Its deletion may have been dealt with before this began.
        await withdraw?.(uid, signal);
        return;
      }
      if (seen === newest.metadata.generation) return;
      const refused = await provide(uid, spec.parse(newest['spec']), signal);
      const outcome = await cluster.patchStatus(newest, statementOf(part, newest, refused), { part: name });
      log.info('stated', { condition: part.condition, ...refused, outcome });
      seen = newest.metadata.generation;
    }
    throw retryAfter('1s', 'the request changes faster than it is dealt with');
  };
  return defineFunction(UserProvisioningRequest, {
    created: step,
    updated: step,
    async deleted({ object, signal }) {
      await withdraw?.(object.metadata.uid, signal);
      return done();
    },
  });
}

function statementOf(
  { condition: type, identity }: Part,
  { metadata, status }: KubernetesObject,
  refused: Refusal | undefined,
): StatusStatement {
  if (refused === undefined) {
    return {
      status: identity && { [identity.field]: identity.of(metadata.uid) },
      conditions: [{ type, status: 'True', reason: 'Done', message: '' }],
    };
  }
  // Of an edit that is refused, what was there before is there still.
  const before = identity && (status as Readonly<Record<string, unknown>> | undefined)?.[identity.field];
  return {
    status: identity && before !== undefined ? { [identity.field]: before } : undefined,
    conditions: [{ type, status: 'False', reason: 'Refused', message: refused.refusal }],
  };
}
