/** What a function answers. An empty body, 204, 202, `null` and `{}` mean done; everything else is a FunctionResult. */

export const RESULT_API_VERSION = 'statewire.dev/v1alpha1';
export const RESULT_KIND = 'FunctionResult';
/** `type` of a result that is sent as a CloudEvent, as functions on Knative do when they are asked for a reply. */
export const RESULT_EVENT_TYPE = 'dev.statewire.function.result';

/** A condition as a function states it; `lastTransitionTime` and `observedGeneration` are the forwarder's. */
export interface ResultCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message?: string;
}

/** A Kubernetes Event on the object. */
export interface ResultEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Why the function could not do its step. */
export interface ResultError {
  readonly message: string;
  /** @defaultValue true */
  readonly retryable?: boolean;
  /** A duration such as `60s`, honoured between 1 s and `backoff.max`. */
  readonly retryAfter?: string;
}

/** A manifest to be applied as a child: any object with apiVersion, kind and metadata.name. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

/** All fields but `kind` are optional; unknown ones are ignored with a Warning Event. */
export interface FunctionResult {
  readonly apiVersion?: string;
  readonly kind: typeof RESULT_KIND;
  /** With `conditions`: this trigger's whole statement about the object; what was stated before and is left out goes. */
  readonly status?: Readonly<Record<string, unknown>>;
  readonly conditions?: readonly ResultCondition[];
  /** Server-side applied, then what this trigger applied earlier and is not in the list is pruned. Absent: left alone. */
  readonly apply?: readonly Manifest[];
  readonly events?: readonly ResultEvent[];
  /** A duration such as `30s`: one wake-up for this object. */
  readonly requeueAfter?: string;
  /** On a deletion under a finalizer: false keeps it. @defaultValue true */
  readonly finalized?: boolean;
  readonly error?: ResultError;
}
