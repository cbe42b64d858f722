import {
  customResource,
  defineFunction,
  done,
  type ContextOf,
  type CustomResource,
  type ResultOf,
  type StatewireFunction,
} from '@statewire/functions';
import * as z from 'zod';

const spec = z.object({ message: z.string().min(1), times: z.number().int().min(1) });
const status = z.object({ said: z.string() });
const MyResource: CustomResource<typeof spec, typeof status> = customResource({
  group: 'test.io',
  version: 'v1',
  kind: 'MyResource',
  spec,
  status,
});

/** The whole step. Called again for the same object it comes to the same answer. */
function reconcile({ object, log }: ContextOf<typeof MyResource>): ResultOf<typeof MyResource> {
  const { message, times } = object.spec;
  if (message === message.toUpperCase()) {
    // No failure: the function did its work, and what is wrong with the object stands in its status.
    return done({
      conditions: [
        { type: 'Ready', status: 'False', reason: 'Shouting', message: 'spec.message has no small letter' },
      ],
    });
  }
  log.info('said', { times });
  return done({
    status: { said: Array.from({ length: times }, () => message).join(' ') },
    conditions: [{ type: 'Ready', status: 'True', reason: 'Said', message: `said ${times} times` }],
  });
}

/** The smallest complete function: checks a spec, states a status. Nothing is left to do when an object goes. */
export const myResource: StatewireFunction = defineFunction(MyResource, {
  created: reconcile,
  updated: reconcile,
});
