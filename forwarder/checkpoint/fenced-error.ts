/** Another process writes this checkpoint now: who gets this has to stop. */
export class CheckpointFencedError extends Error {
  override readonly name = 'CheckpointFencedError';
  readonly seq: number;
  constructor(seq: number) {
    super(`checkpoint segment ${seq} was written by another process: it has taken over`);
    this.seq = seq;
  }
}
