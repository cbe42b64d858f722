/** What keeps a dead letter from being written, and whether somebody has to mend it. */
import type { ApiError } from '../lib/errors.ts';

export interface LetterProblem {
  /** Reason of the condition that tells it. */
  readonly reason:
    | 'DeadLettersFull'
    | 'DeadLettersForbidden'
    | 'DeadLettersNotInstalled'
    | 'DeadLettersInvalid';
  /** One line, the same for the same problem. */
  readonly message: string;
}

const NOT_INSTALLED: LetterProblem = {
  reason: 'DeadLettersNotInstalled',
  message: 'kind DeadLetter is not served: apply deploy/crds/deadletter.yaml',
};

/** What somebody has to mend; undefined for what passes by itself. */
export function problemOf({ code, message }: ApiError): LetterProblem | undefined {
  switch (code) {
    case 'API_FORBIDDEN':
      return { reason: 'DeadLettersForbidden', message: `dead letters cannot be written: ${message}` };
    case 'API_NOT_FOUND':
      return NOT_INSTALLED;
    case 'API_INVALID':
      return { reason: 'DeadLettersInvalid', message: `dead letters are refused: ${message}` };
    default:
      return undefined;
  }
}

/** The letter's object goes with its namespace, and so would the letter. */
export function isNamespaceGoing({ code, causes, message }: ApiError): boolean {
  return (
    (code === 'API_FORBIDDEN' && causes.some(({ reason }) => reason === 'NamespaceTerminating')) ||
    (code === 'API_NOT_FOUND' && message.includes('namespaces "'))
  );
}
