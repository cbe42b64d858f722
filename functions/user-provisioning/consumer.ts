import {
  customResource,
  defineFunction,
  done,
  type ContextOf,
  type ResultCondition,
  type StatewireFunction,
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

/** What the status says where nothing was refused. */
interface Provided extends Partial<Refusal> {
  readonly status?: Readonly<Record<string, string>>;
}

export interface Part {
  /** Whose field manager states this part of the status. */
  readonly name: string;
  readonly condition: string;
  /** Brings about what the spec says; called again, it changes nothing. */
  readonly provide: (uid: string, spec: ProvisioningSpec, signal: AbortSignal) => Promise<Provided>;
  readonly withdraw?: (uid: string, signal: AbortSignal) => Promise<unknown>;
}

/**
 * One of several functions that get the same events, each for a part of the work. A broker repeats, and after a failure
 * an older event may come behind a newer one. So the event only says which object to look at: what is done is what the
 * object says now, and each part states its own condition, whatever the others do.
 */
export function consumer({ name, condition, provide, withdraw }: Part): StatewireFunction {
  const step = async (context: ContextOf<typeof UserProvisioningRequest>): Promise<void> => {
    const { object, cluster, signal, log } = context;
    const { metadata, apiVersion, kind } = object;
    const newest = await cluster.get({
      apiVersion,
      kind,
      name: metadata.name,
      namespace: metadata.namespace,
    });
    // Gone, or made anew: there is an event of its own for that.
    if (newest?.metadata.uid !== metadata.uid) return;
    const provided = await provide(metadata.uid, spec.parse(newest['spec']), signal);
    const stated: ResultCondition =
      provided.refusal === undefined
        ? { type: condition, status: 'True', reason: 'Done', message: '' }
        : { type: condition, status: 'False', reason: 'Refused', message: provided.refusal };
    const outcome = await cluster.patchStatus(
      newest,
      { status: provided.status, conditions: [stated] },
      { part: name },
    );
    log.info('stated', { condition, status: stated.status, outcome });
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
