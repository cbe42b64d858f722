import type { AddressGuard } from './address-guard.ts';
import { addressForms } from './ip-address.ts';

/** Lets connections go to this computer only: for what its administrator has named. */
export const loopbackOnly: AddressGuard = {
  problem: (address) =>
    addressForms(address).some((form) => form === '::1' || form.startsWith('127.'))
      ? undefined
      : 'is not this computer',
  refresh: () => Promise.resolve(),
};
