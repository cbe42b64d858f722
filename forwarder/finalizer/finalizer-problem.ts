/** What keeps a finalizer from being set or removed, and somebody has to mend. */
import type { ApiError } from '../lib/errors.ts';

export interface FinalizerProblem {
  /** Reason of the condition that tells it. */
  readonly reason: 'FinalizerForbidden' | 'FinalizerRefused';
  /** One line, the same for the same problem. */
  readonly message: string;
}

/** Undefined for what passes by itself. A policy or an admission webhook refuses by 403 or 4xx, as it likes. */
export function finalizerProblemOf({ code, message }: ApiError): FinalizerProblem | undefined {
  switch (code) {
    case 'API_FORBIDDEN':
      return { reason: 'FinalizerForbidden', message: `the finalizer cannot be written: ${message}` };
    case 'API_INVALID':
      return { reason: 'FinalizerRefused', message: `the finalizer is refused: ${message}` };
    default:
      return undefined;
  }
}
