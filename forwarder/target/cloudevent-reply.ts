/** A reply that is an event: its data is what the function said. In binary mode that is the body as it is. */
import { TargetError } from '../lib/errors.ts';
import { parseExact } from '../lib/exact-json.ts';
import type { Reply } from '../model/target.ts';
import { decodeUtf8 } from './utf8.ts';

const STRUCTURED = /^application\/cloudevents\+json\s*(?:;|$)/i;

/** Throws TargetError TARGET_BAD_REPLY (delivery) where the body is no event although it says so. */
export function replyEvent(reply: Reply, contentType: string | undefined, where: string): Reply {
  if (reply.kind !== 'body' || !STRUCTURED.test(contentType ?? '')) return reply;
  const event = parseEvent(reply.text);
  if (event === undefined) throw badReply(`${where} answered with an event that cannot be read`);
  const { data, data_base64: base64 } = event;
  if (base64 !== undefined) {
    const text = typeof base64 === 'string' ? decodeUtf8(Buffer.from(base64, 'base64')) : undefined;
    if (text === undefined) throw badReply(`${where} answered with an event whose data is not UTF-8`);
    return text === '' ? { kind: 'empty' } : { kind: 'body', text };
  }
  return data === undefined || data === null
    ? { kind: 'empty' }
    : { kind: 'body', text: JSON.stringify(data) };
}

function parseEvent(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const event = parseExact(text);
    if (typeof event !== 'object' || event === null || !('specversion' in event)) return undefined;
    return event;
  } catch {
    return undefined;
  }
}

function badReply(message: string): TargetError {
  return new TargetError('TARGET_BAD_REPLY', message, { blame: 'delivery' });
}
