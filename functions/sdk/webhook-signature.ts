import { createHmac, timingSafeEqual } from 'node:crypto';

/** `whsec_` and base64, or the bytes themselves. Several while a secret is being replaced: any of them will do. */
export type WebhookSecret = string | Uint8Array | readonly (string | Uint8Array)[];

/** How far the sender's clock may be off, either way, before a request counts as replayed. */
const TOLERANCE_S = 300;
const PREFIX = 'whsec_';

export interface SignedRequest {
  /** Header `webhook-id`. */
  readonly id: string | undefined;
  /** Header `webhook-timestamp`: seconds since 1970, of this attempt. */
  readonly timestamp: string | undefined;
  /** Header `webhook-signature`: `v1,<base64>`, several separated by spaces. */
  readonly signature: string | undefined;
  /** The body as it came. */
  readonly body: string | Uint8Array;
}

/**
 * What is wrong with a signature by the rules of Standard Webhooks (symmetric, v1); undefined where it is right.
 * Takes the same time wherever a signature differs.
 */
export function signatureProblem(
  secret: WebhookSecret,
  { id, timestamp, signature, body }: SignedRequest,
  nowMs: number,
): string | undefined {
  if (id === undefined || timestamp === undefined || signature === undefined) return 'it is not signed';
  if (!/^[0-9]{1,12}$/.test(timestamp)) return 'webhook-timestamp is no number of seconds';
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_S)
    return 'its webhook-timestamp is too far from now';
  const signatures = signature.split(' ').flatMap((one) => {
    const [version, value] = one.split(',', 2);
    return version === 'v1' && value !== undefined ? [Buffer.from(value, 'base64')] : [];
  });
  const right = keysOf(secret).some((key) => {
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
    return (
      signatures.filter((one) => one.length === expected.length && timingSafeEqual(one, expected)).length > 0
    );
  });
  return right ? undefined : 'its signature is not ours';
}

/** The bytes of each secret. Throws TypeError for one that no HMAC can be made with. */
export function keysOf(secret: WebhookSecret | undefined): Uint8Array[] {
  const all = typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : (secret ?? []);
  const keys = all.map((one) => {
    if (typeof one !== 'string') return one;
    return one.startsWith(PREFIX)
      ? Buffer.from(one.slice(PREFIX.length), 'base64')
      : Buffer.from(one, 'utf8');
  });
  if (keys.length === 0 || keys.some((key) => key.length === 0))
    throw new TypeError('webhookSecret is empty');
  return keys;
}
