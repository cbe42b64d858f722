/** What can go wrong with a local control plane in ways that its user can do something about. */

/**
 * - `CLUSTER_GO_MISSING`: a binary is nowhere to be found and cannot be built: Go is absent or too old.
 * - `CLUSTER_BUILD_FAILED`: Go could not build it; the message carries Go's last lines.
 * - `CLUSTER_START_FAILED`: a component ended or did not become ready; the message carries the end of its log.
 * - `CLUSTER_NOT_OURS`: a file or folder that we were asked to write belongs to somebody else.
 */
export type LocalClusterErrorCode =
  | 'CLUSTER_GO_MISSING'
  | 'CLUSTER_BUILD_FAILED'
  | 'CLUSTER_START_FAILED'
  | 'CLUSTER_NOT_OURS';

export class LocalClusterError extends Error {
  override readonly name = 'LocalClusterError';
  readonly code: LocalClusterErrorCode;
  constructor(code: LocalClusterErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
