/** `spec.when` could not be evaluated for an object: counts as false. The message is one line, the same for the same cause. */
export class WhenError extends Error {
  override readonly name = 'WhenError';
}
