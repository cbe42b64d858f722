/** AWS clients, one for each region and role, shared by all triggers: credentials are then fetched once. */
import type { LambdaClient, LambdaClientConfig } from '@aws-sdk/client-lambda';

/** As long as the HTTP target takes for it. */
const CONNECT_TIMEOUT_MS = 10_000;

export type LambdaSdk = typeof import('./lambda-sdk.ts');

export function loadLambdaSdk(): Promise<LambdaSdk> {
  return import('./lambda-sdk.ts');
}

/** Whose credentials a client has. */
export interface ClientIdentity {
  readonly key: string;
  /** Absent: those of the process, as the SDK finds them. */
  readonly credentials?: NonNullable<LambdaClientConfig['credentials']>;
}

export class LambdaClients implements Disposable {
  readonly #clients = new Map<string, LambdaClient>();

  /** The endpoint is the region's own, or `AWS_ENDPOINT_URL_LAMBDA`, which the SDK reads. */
  client({ LambdaClient }: LambdaSdk, region: string, { key, credentials }: ClientIdentity): LambdaClient {
    const name = `${region} ${key}`;
    let client = this.#clients.get(name);
    if (client === undefined) {
      // How many calls run at once is for each trigger to say; the SDK would queue them beyond 50.
      const agent = { keepAlive: true, maxSockets: Number.POSITIVE_INFINITY };
      client = new LambdaClient({
        region,
        ...(credentials !== undefined && { credentials }),
        // Attempts are counted and spaced by the forwarder; the SDK's own would run the function again unseen.
        maxAttempts: 1,
        requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, httpAgent: agent, httpsAgent: agent },
      });
      this.#clients.set(name, client);
    }
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }
}
