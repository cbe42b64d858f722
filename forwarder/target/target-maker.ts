/** What each kind of target offers to registry.ts. */
import type { Clock } from '../lib/clock.ts';
import type { Callbacks } from '../model/callbacks.ts';
import type { Principal } from '../model/principal.ts';
import type { Target } from '../model/target.ts';
import type { DeliverySpec, TargetSpec } from '../model/trigger.ts';
import type { AddressGuard } from './address-guard.ts';

/** What the process gives to its targets. */
export interface TargetEnvironment {
  readonly clock: Clock;
  readonly guard: AddressGuard;
  /** Variables of the process: cloud regions are read from them. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absent: the forwarder has no callback address, and results that come later have nowhere to go. */
  readonly callbacks?: Callbacks;
}

/** What of `delivery` a target itself has to know. */
export type TargetDelivery = Pick<DeliverySpec, 'reply'>;

/** Makes targets of one type. They share what the maker holds, and go on only until it is disposed. */
export interface TargetMaker<S extends TargetSpec> extends AsyncDisposable {
  /** `principal`: on whose behalf is called; Secrets and tokens come from there and from nowhere else. */
  create(spec: S, delivery: TargetDelivery, principal: Principal): Target;
}
