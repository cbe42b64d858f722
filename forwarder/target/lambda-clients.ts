/** AWS clients, one for each region, shared by all triggers: credentials are then fetched once. */
import type { LambdaClient } from '@aws-sdk/client-lambda';

/** As long as the HTTP target takes for it. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The SDK weighs several megabytes: it is loaded by the first call of any Lambda function. */
export type LambdaSdk = typeof import('@aws-sdk/client-lambda');

export function loadLambdaSdk(): Promise<LambdaSdk> {
  return import('@aws-sdk/client-lambda');
}

export class LambdaClients implements Disposable {
  readonly #byRegion = new Map<string, LambdaClient>();

  /** The endpoint is the region's own, or `AWS_ENDPOINT_URL_LAMBDA`, which the SDK reads. */
  client({ LambdaClient }: LambdaSdk, region: string): LambdaClient {
    let client = this.#byRegion.get(region);
    if (client === undefined) {
      // How many calls run at once is for each trigger to say; the SDK would queue them beyond 50.
      const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
      client = new LambdaClient({
        region,
        // Attempts are counted and spaced by the forwarder; the SDK's own would run the function again unseen.
        maxAttempts: 1,
        requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
      });
      this.#byRegion.set(region, client);
    }
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#byRegion.values()) client.destroy();
    this.#byRegion.clear();
  }
}
