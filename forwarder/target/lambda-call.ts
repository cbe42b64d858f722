/** One request of the SDK, watched: how far it came, how much it answered, and a way to end it at any point. */
import { pipeline, Readable, Transform } from 'node:stream';
import type { InvokeCommand } from '@aws-sdk/client-lambda';
import type { Destination } from './confidential.ts';
import { MAX_REPLY_BYTES } from './reply-limit.ts';

/** More bytes than are read of a reply. Not a TargetError yet, since the SDK rewrites messages that pass it. */
export class ReplyTooLarge extends Error {
  override readonly name = 'ReplyTooLarge';
}

/** What the SDK's own handler hands up. */
interface SdkResponse {
  body?: unknown;
  readonly headers: Readonly<Record<string, string>>;
}

export class LambdaCall {
  readonly #stop = new AbortController();
  #requested = false;
  #body: Readable | undefined;

  /** For the SDK. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether credentials were there and the request was handed to the network. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Ends the request, also within its reply, where the SDK no longer looks at its signal. */
  stop(): void {
    this.#stop.abort();
    this.#body?.destroy();
  }

  /**
   * Takes part in the request of this command: next to the network, beneath all that the SDK does with the reply.
   *
   * @param check where it goes; what this throws is thrown instead
   */
  watch(command: InvokeCommand, check: (to: Destination) => void): void {
    command.middlewareStack.add(
      (next) => async (args) => {
        check(args.request as Destination);
        this.#requested = true;
        const result = await next(args);
        const { response } = result as { response: SdkResponse };
        if (response.body instanceof Readable) {
          this.#body = response.body;
          if (this.#stop.signal.aborted) this.#body.destroy();
          response.body = limited(response.body, Number(response.headers['content-length'] ?? 0));
        }
        return result;
      },
      { step: 'deserialize', priority: 'low', name: 'statewireCall' },
    );
  }
}

/** The same bytes; an error instead of those beyond the limit, at once where more are announced. */
function limited(source: Readable, announcedBytes: number): Readable {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes <= MAX_REPLY_BYTES) done(null, chunk);
      else done(new ReplyTooLarge());
    },
  });
  // Whoever reads the limited stream gets the error of either.
  pipeline(source, limit, () => undefined);
  if (announcedBytes > MAX_REPLY_BYTES) limit.destroy(new ReplyTooLarge());
  return limit;
}
