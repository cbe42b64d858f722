/** The three functions; each knows one system of the company and nothing of the other two. */
import type { StatewireFunction } from '@statewire/functions';
import { callBackend } from './backend.ts';
import { consumer } from './consumer.ts';

/** The account has the uid of the request as its key. */
export const user: StatewireFunction = consumer({
  name: 'user',
  condition: 'UserReady',
  async provide(uid, { email, displayName }, signal) {
    const body = { email, displayName };
    const refusal = await callBackend('USERS_URL', { method: 'PUT', path: `/users/${uid}`, body }, signal);
    return refusal ?? { status: { userId: uid } };
  },
  withdraw: (uid, signal) => callBackend('USERS_URL', { method: 'DELETE', path: `/users/${uid}` }, signal),
});

/** One welcome per request, ever: the key is that of the request, not of the event. */
export const notification: StatewireFunction = consumer({
  name: 'notification',
  condition: 'Notified',
  async provide(uid, { email, displayName }, signal) {
    const refusal = await callBackend(
      'MAIL_URL',
      { method: 'POST', path: '/mails', body: { to: email, displayName }, idempotencyKey: `welcome-${uid}` },
      signal,
    );
    return refusal ?? {};
  },
});

export const billing: StatewireFunction = consumer({
  name: 'billing',
  condition: 'BillingReady',
  async provide(uid, { plan, costCenter }, signal) {
    const path = `/subscriptions/${uid}`;
    const refusal = await callBackend(
      'BILLING_URL',
      { method: 'PUT', path, body: { plan, costCenter } },
      signal,
    );
    return refusal ?? { status: { subscriptionId: `sub-${uid}` } };
  },
  withdraw: (uid, signal) =>
    callBackend('BILLING_URL', { method: 'DELETE', path: `/subscriptions/${uid}` }, signal),
});
