/** Principals before an API server of the test's own making. */
import assert from 'node:assert/strict';
import { ApiError, TargetError } from '../../../forwarder/lib/errors.ts';
import type { KubeRequest } from '../../../forwarder/model/kube-client.ts';
import type { Principal } from '../../../forwarder/model/principal.ts';
import { Principals } from '../../../forwarder/principal/principals.ts';
import { ManualClock } from '../../support/manual-clock.ts';

export const asking: { readonly field: string } = { field: 'spec.x' };

export interface World {
  readonly clock: ManualClock;
  readonly requests: KubeRequest[];
  /** What the API server answers; throws what it throws. */
  answer: (request: KubeRequest) => unknown;
  readonly principal: Principal;
  readonly principals: Principals;
}

export function world(): World {
  const clock = new ManualClock();
  const requests: KubeRequest[] = [];
  const principals = new Principals({
    client: {
      request: async (request) => {
        requests.push(request);
        await Promise.resolve();
        return { status: 200, text: JSON.stringify(made.answer(request)) };
      },
    },
    discovery: {
      resolve: (_apiVersion, kind) =>
        Promise.resolve(
          kind === 'Nothing'
            ? undefined
            : {
                group: 'serving.knative.dev',
                version: 'v1',
                kind,
                plural: 'services',
                namespaced: kind !== 'Wide',
                statusSubresource: true,
              },
        ),
    },
    clock,
    ambient: (namespace) => namespace === 'shop',
    apiServer: () => ({ server: 'https://api:6443', certificateAuthority: 'CA' }),
  });
  const made: World = {
    clock,
    requests,
    answer: () => ({ data: { api: btoa('one') } }),
    principals,
    principal: principals.of(triggerIn('shop')),
  };
  return made;
}

export function triggerIn(namespace: string, token = false): Parameters<Principals['of']>[0] {
  return { identity: { namespace }, spec: { serviceAccountName: 'caller', payload: { token } } };
}

export async function failure(promise: Promise<unknown>): Promise<TargetError> {
  const error = await promise.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof TargetError, String(error));
  assert.equal(error.blame, 'target');
  return error;
}

export function refuse(code: ConstructorParameters<typeof ApiError>[0], message = 'canary'): () => never {
  return () => {
    throw new ApiError(code, message);
  };
}
