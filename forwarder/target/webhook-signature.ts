/**
 * Signatures as Standard Webhooks says (github.com/standard-webhooks/standard-webhooks, spec 1.0): HMAC-SHA256 over
 * `id.timestamp.body`. The id holds no dot: it is the event's, made of a uid and of words of ours.
 */
import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';

export interface SignedMessage {
  readonly id: string;
  /** Wall clock of this attempt, in milliseconds. */
  readonly nowMs: number;
  readonly body: string;
}

/**
 * `webhook-id`, `webhook-timestamp`, `webhook-signature`. Several keys, as during a rotation, give several signatures.
 *
 * @param secret `whsec_` and base64, one or several with white space between; anything else is the key itself
 */
export function webhookHeaders(
  secret: Buffer,
  { id, nowMs, body }: SignedMessage,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000));
  const signatures = keysOf(secret).map((key) => {
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    return `v1,${signature}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': signatures.join(' '),
  };
}

function keysOf(secret: Buffer): readonly Buffer[] {
  const words = secret.toString('latin1').trim().split(/\s+/);
  return words.every((word) => word.startsWith(PREFIX))
    ? words.map((word) => Buffer.from(word.slice(PREFIX.length), 'base64'))
    : [secret];
}
