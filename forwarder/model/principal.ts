/**
 * What a trigger's target may use of the cluster. Nothing here takes a namespace: whatever a trigger names, it is looked
 * for in the trigger's own.
 */
import type { ApiAccess } from '../../protocol/event.ts';
import type { GroupVersionKind } from './resource.ts';

export type { ApiAccess };

export interface SecretRef {
  readonly name: string;
  readonly key: string;
}

/** A Secret that is used as a whole: which keys it has is the Secret's own type to say. */
export interface WholeSecretRef {
  readonly name: string;
}

/** Any object with `status.address.url`. */
export interface AddressableRef extends GroupVersionKind {
  readonly name: string;
}

export interface Address {
  readonly url: string;
  /** Whom a token for it must be made for, where it asks for one. */
  readonly audience?: string;
  /** PEM: who vouches for it beside those that Node knows. */
  readonly caCerts?: string;
}

export interface Asking {
  /** Of the trigger, such as `spec.target.http.auth.bearer.secretRef`: errors begin with it. */
  readonly field: string;
  /** What was read before is doubted: it was refused, or nobody was there. @defaultValue false */
  readonly fresh?: boolean;
}

/** Throws TargetError (target) and nothing else; the message names the field and never holds a value. */
export interface Principal {
  /** `namespace/serviceAccount`: whose these are, as a key of caches. */
  readonly name: string;
  /** Whether the cloud credentials of the forwarder's own process serve this trigger. */
  readonly ambient: boolean;
  secret(ref: SecretRef, asking: Asking): Promise<Buffer>;
  /** All its keys as they were at one time, so that a certificate and its key belong together. */
  secretData(ref: WholeSecretRef, asking: Asking): Promise<ReadonlyMap<string, Buffer>>;
  /** A token of the trigger's ServiceAccount. */
  token(audience: string, asking: Asking): Promise<string>;
  address(ref: AddressableRef, asking: Asking): Promise<Address>;
  /**
   * How the trigger's function reaches the API server as its ServiceAccount, for `leastMs` and a minute at least.
   * Absent: the trigger hands nothing over.
   */
  readonly access?: (leastMs: number, asking: Asking) => Promise<ApiAccess>;
}
