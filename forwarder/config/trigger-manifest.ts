/** A trigger's YAML once it is valid and defaults are filled in: what the CRD's schema says, as a type. */
import type { EventType } from '../../protocol/event.ts';
import type {
  FileTarget,
  HttpTarget,
  LabelSelector,
  LambdaTarget,
  KafkaTarget,
  KnativeTarget,
  NatsTarget,
  OpenFaasTarget,
  RabbitmqTarget,
} from '../model/trigger.ts';

export interface TriggerManifest {
  readonly metadata: { readonly annotations?: Readonly<Record<string, unknown>> | null };
  readonly spec: {
    readonly watch: {
      readonly apiVersion: string;
      readonly kind: string;
      readonly labelSelector?: LabelSelector;
      readonly fieldSelector?: string;
      readonly owns?: readonly {
        readonly apiVersion: string;
        readonly kind: string;
        readonly labelSelector?: LabelSelector;
      }[];
    };
    readonly eventTypes: readonly EventType[];
    readonly changes?: readonly ('Spec' | 'Status' | 'Labels' | 'Annotations' | 'Any')[];
    readonly fields?: readonly string[];
    readonly when?: string;
    readonly initial: 'Deliver' | 'Skip';
    readonly debounce: { readonly quiet: string; readonly maxWait: string };
    readonly target: {
      readonly lambda?: Omit<LambdaTarget, 'type'>;
      readonly http?: HttpManifest;
      readonly openfaas?: Omit<OpenFaasTarget, 'type'>;
      readonly knative?: Omit<KnativeTarget, 'type'>;
      readonly nats?: Omit<NatsTarget, 'type'>;
      readonly kafka?: Omit<KafkaTarget, 'type'>;
      readonly rabbitmq?: Omit<RabbitmqTarget, 'type'>;
      /** From a file only. */
      readonly file?: Omit<FileTarget, 'type'>;
    };
    readonly delivery: {
      readonly timeout: string;
      readonly maxAttempts: number;
      readonly backoff: { readonly initial: string; readonly max: string };
      readonly concurrency: number;
      readonly ratePerSecond?: number;
      readonly perObject: { readonly burst: number; readonly every: string };
      readonly reply: 'Result' | 'Ignore';
    };
    readonly payload: {
      readonly previous: boolean;
      readonly redact?: readonly string[];
      readonly dataref: boolean;
      readonly token: boolean;
    };
    readonly finalizer: boolean;
    readonly finalizerDeadline: string;
    readonly resync?: string;
    readonly serviceAccountName: string;
    readonly suspend: boolean;
  };
}

export interface HttpManifest {
  readonly url?: string;
  readonly service?: { readonly name: string; readonly port: number; readonly path: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly headersFrom?: HttpTarget['headersFrom'];
  readonly auth?: HttpTarget['auth'];
  readonly tls?: HttpTarget['tls'];
}
