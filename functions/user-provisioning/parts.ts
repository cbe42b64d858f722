/** The three functions; each knows one system of the company and nothing of the other two. */
import type { StatewireFunction } from '@statewire/functions';
import { callBackend } from './backend.ts';
import { consumer } from './consumer.ts';

/** The account has the uid of the request as its key. */
export const user: StatewireFunction = consumer({
  name: 'user',
  condition: 'UserReady',
  identity: { field: 'userId', of: (uid) => uid },
  provide: (uid, { email, displayName }, signal) =>
    callBackend('USERS_URL', { method: 'PUT', path: `/users/${uid}`, body: { email, displayName } }, signal),
  withdraw: (uid, signal) => callBackend('USERS_URL', { method: 'DELETE', path: `/users/${uid}` }, signal),
});

/** One welcome per request, ever: the key is that of the request, not of the event. */
export const notification: StatewireFunction = consumer({
  name: 'notification',
  condition: 'Notified',
  provide: (uid, { email, displayName }, signal) =>
    callBackend(
      'MAIL_URL',
      { method: 'POST', path: '/mails', body: { to: email, displayName }, idempotencyKey: `welcome-${uid}` },
      signal,
    ),
});

export const billing: StatewireFunction = consumer({
  name: 'billing',
  condition: 'BillingReady',
  identity: { field: 'subscriptionId', of: (uid) => `sub-${uid}` },
  provide: (uid, { plan, costCenter }, signal) =>
    callBackend(
      'BILLING_URL',
      { method: 'PUT', path: `/subscriptions/${uid}`, body: { plan, costCenter } },
      signal,
    ),
  withdraw: (uid, signal) =>
    callBackend('BILLING_URL', { method: 'DELETE', path: `/subscriptions/${uid}` }, signal),
});
