/** What it is like between a forwarder and the API server: everything a network and a busy server do. */
export class Weather {
  /** Longest way to the server, and back. */
  latencyMs: number = 0;
  /** Nothing listens. */
  isDown: boolean = false;
  /** Connections stand, and nothing comes through. */
  isSilent: boolean = false;
  /** Share of requests that are answered with 429 or 503. */
  refusing: number = 0;
  /** Share of answers that are lost on their way back. */
  losing: number = 0;
  /** Share of lists that break off. */
  truncating: number = 0;
  /** Share of watch events that come twice. */
  doubling: number = 0;
  /** Share of watch events that never come. */
  withholding: number = 0;

  get isFair(): boolean {
    const { isDown, isSilent, refusing, losing, truncating, doubling, withholding } = this;
    return !isDown && !isSilent && refusing + losing + truncating + doubling + withholding === 0;
  }
}
