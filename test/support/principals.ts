/** Principals for tests of targets. */
import { TargetError } from '../../forwarder/lib/errors.ts';
import type { Address, Principal } from '../../forwarder/model/principal.ts';

/** What may be used; what is absent is refused as the real one would. */
export interface Possessions {
  readonly name?: string;
  readonly ambient?: boolean;
  /** By `name/key`. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Asked for each token. */
  readonly token?: (audience: string, fresh: boolean) => string;
  readonly address?: (fresh: boolean) => Address;
}

export function principalWith(has: Possessions | (() => Possessions) = {}): Principal {
  const now = (): Possessions => (typeof has === 'function' ? has() : has);
  const missing = (field: string): TargetError =>
    new TargetError('TARGET_MISCONFIGURED', `${field}: is not there`, { blame: 'target', conclusive: true });
  return {
    name: now().name ?? 'shop/default',
    ambient: now().ambient ?? true,
    secret: ({ name, key }, { field }) => {
      const value = now().secrets?.[`${name}/${key}`];
      return value === undefined ? Promise.reject(missing(field)) : Promise.resolve(Buffer.from(value));
    },
    secretData: ({ name }, { field }) => {
      const keys = Object.entries(now().secrets ?? {}).filter(([key]) => key.startsWith(`${name}/`));
      return keys.length === 0
        ? Promise.reject(missing(field))
        : Promise.resolve(
            new Map(keys.map(([key, value]) => [key.slice(name.length + 1), Buffer.from(value)])),
          );
    },
    token: (audience, { field, fresh = false }) => {
      const { token } = now();
      return token === undefined ? Promise.reject(missing(field)) : Promise.resolve(token(audience, fresh));
    },
    address: (_ref, { field, fresh = false }) => {
      const { address } = now();
      return address === undefined ? Promise.reject(missing(field)) : Promise.resolve(address(fresh));
    },
  };
}
