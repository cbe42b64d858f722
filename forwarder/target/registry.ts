/**
 * Makes Targets. A new kind of target is a file of its own and one line in `OPENERS`.
 *
 * One `Targets` serves the whole process, so that triggers share connections and cloud clients.
 */
import type { Principal } from '../model/principal.ts';
import type { Target } from '../model/target.ts';
import type { TargetSpec } from '../model/trigger.ts';
import { fileTargets } from './file.ts';
import { httpTargets } from './http.ts';
import { kafkaTargets } from './kafka.ts';
import { knativeTargets } from './knative.ts';
import { lambdaTargets } from './lambda.ts';
import { openFaasTargets } from './openfaas.ts';
import { natsTargets } from './nats.ts';
import { rabbitmqTargets } from './rabbitmq.ts';
import type { TargetDelivery, TargetEnvironment, TargetMaker } from './target-maker.ts';
import { handingOver, mayHandOver } from './token-handover.ts';

type SpecOf<T extends TargetSpec['type']> = Extract<TargetSpec, { readonly type: T }>;

/** By type, how the shared part is made; it opens nothing before the first call. */
const OPENERS: {
  readonly [T in TargetSpec['type']]: (environment: TargetEnvironment) => TargetMaker<SpecOf<T>>;
} = {
  http: httpTargets,
  lambda: lambdaTargets,
  openfaas: openFaasTargets,
  knative: knativeTargets,
  nats: natsTargets,
  kafka: kafkaTargets,
  rabbitmq: rabbitmqTargets,
  file: fileTargets,
};

export class Targets implements AsyncDisposable {
  readonly #environment: TargetEnvironment;
  readonly #makers = new Map<TargetSpec['type'], TargetMaker<TargetSpec>>();

  constructor(environment: TargetEnvironment) {
    this.#environment = environment;
  }

  /** Disposing the Target ends nothing that others use. */
  create(spec: TargetSpec, delivery: TargetDelivery, principal: Principal): Target {
    let maker = this.#makers.get(spec.type);
    if (maker === undefined) {
      maker = OPENERS[spec.type](this.#environment);
      this.#makers.set(spec.type, maker);
    }
    const target = maker.create(spec, delivery, principal);
    const { access } = principal;
    if (access === undefined || !mayHandOver(spec)) return target;
    return handingOver(target, access, this.#environment);
  }

  /** Ends all connections; calls that still run fail. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#makers.values(), (maker) => maker[Symbol.asyncDispose]()));
  }
}
